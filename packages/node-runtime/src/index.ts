/**
 * Worker threads and child processes for `@effect-mpire/core`.
 *
 * @since 0.1.0
 */
export * as NodeWorkerRuntime from "./NodeWorkerRuntime.ts"
