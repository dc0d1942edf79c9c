/**
 * Parallel map over pools of workers, for Effect: all modules, each under its own name.
 *
 * @since 0.1.0
 */
export * as Channel from "./Channel.ts"
export * as FiberPool from "./FiberPool.ts"
export * as Insights from "./Insights.ts"
export * as PoolEvent from "./PoolEvent.ts"
export * as Portable from "./Portable.ts"
export * as Progress from "./Progress.ts"
export * as WorkerContext from "./WorkerContext.ts"
export * as WorkerEntry from "./WorkerEntry.ts"
export * as WorkerPool from "./WorkerPool.ts"
export * as WorkerPoolError from "./WorkerPoolError.ts"
export * as WorkerRuntime from "./WorkerRuntime.ts"
