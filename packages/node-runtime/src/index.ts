/**
 * Worker threads and child processes for `@effect-mpire/core`.
 *
 * @since 0.1.0
 */
export * as NodeRelay from "./NodeRelay.ts"
export * as NodeWorkerEntry from "./NodeWorkerEntry.ts"
export * as NodeWorkerRuntime from "./NodeWorkerRuntime.ts"
export * as ProgressBar from "./ProgressBar.ts"
