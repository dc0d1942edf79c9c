/**
 * Pools whose workers run on many machines: all modules, each under its own name.
 *
 * @since 0.1.0
 */
export * as Members from "./Members.ts"
