/**
 * Bars in a terminal for the calls that have the option `progress`.
 *
 * @since 0.1.0
 */
import type * as Layer from "effect/Layer"
import type * as Stdio from "effect/Stdio"
import * as internal from "./internal/progress/layer.ts"

/**
 * Shows the calls that have the option `progress` as bars, on stderr.
 *
 * **Details**
 *
 * - In a terminal each call that runs has a bar below everything else. What the program and its workers write meanwhile goes
 *   above the bars, whole lines only. When a call has ended, a line about it stays: ✔, ✗ for one that has failed, ■ for one that
 *   was interrupted. `NO_COLOR` takes the colours away.
 * - Elsewhere (in a pipe or a file, with `TERM=dumb` or `CI`) there are plain lines: one when a call begins, one every 10
 *   seconds, and one at its end.
 * - Remaining time goes by the average rate over the call, and is `--:--` until as many items as there are workers have ended.
 *
 * **Gotchas**
 *
 * Processes inherit the terminal when they start, and write to it by themselves. Those that start while this layer lives do
 * not; so let it live as long as the pools do.
 *
 * @example
 * ```ts
 * import { Portable, WorkerPool } from "@effect-mpire/core"
 * import { NodeWorkerRuntime, ProgressBar } from "@effect-mpire/node-runtime"
 * import * as Effect from "effect/Effect"
 * import * as Stdio from "effect/Stdio"
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* WorkerPool.make({ size: 2 })
 *   return yield* pool.map([1, 2, 3], Portable.inline((n: number) => n * n), { progress: "Squares" })
 * }).pipe(
 *   Effect.scoped,
 *   Effect.provide([NodeWorkerRuntime.layerThreads(), ProgressBar.layer]),
 *   // a program has NodeStdio.layer or NodeServices.layer of @effect/platform-node
 *   Effect.provide(Stdio.layerTest({}))
 * )
 *
 * await Effect.runPromise(program) // => [1, 4, 9]
 * ```
 *
 * @see `Progress.layer` of `@effect-mpire/core` for a display of your own
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never, never, Stdio.Stdio> = internal.layer
