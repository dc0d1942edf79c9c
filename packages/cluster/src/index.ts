/**
 * Pools whose workers run on many machines.
 *
 * @since 0.1.0
 */
export * as ClusterError from "./ClusterError.ts"
export * as ClusterRuntime from "./ClusterRuntime.ts"
export * as Members from "./Members.ts"
export * as Runner from "./Runner.ts"
