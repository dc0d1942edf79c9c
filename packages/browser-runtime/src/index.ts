/**
 * Web Workers for `@effect-mpire/core`.
 *
 * @since 0.1.0
 */
export * as BrowserWorkerEntry from "./BrowserWorkerEntry.ts"
export * as BrowserWorkerRuntime from "./BrowserWorkerRuntime.ts"
