/**
 * How far calls have come. A call with the option `progress` reports to the `Progress` service, which is silent unless a layer
 * shows what it hears: `ProgressBar.layer` of `@effect-mpire/node-runtime` draws bars in a terminal, and `layer` here is for
 * displays of your own.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import type * as Effect from "effect/Effect"
import * as internalCall from "./internal/progress/callProgress.ts"
import type { CallProgress, ProgressOptions } from "./internal/progress/callProgress.ts"
import * as internalFormat from "./internal/progress/format.ts"
import * as internalWidth from "./internal/insights/textWidth.ts"
import * as sampler from "./internal/progress/sampler.ts"

export type {
  /** @since 0.1.0 */
  CallProgress,
  /** @since 0.1.0 */
  ProgressOptions
}

/**
 * Is told of the calls that have the option `progress`.
 *
 * @see {@link layer} for making one
 *
 * @category models
 * @since 0.1.0
 */
export type Progress = internalCall.Progress

/**
 * The service that calls with the option `progress` report to; it is silent unless a layer provides another one. A
 * Reference: a call does not require it.
 *
 * @see {@link layer} for hearing of the calls
 *
 * @category services
 * @since 0.1.0
 */
export const Progress: typeof internalCall.Progress = internalCall.Progress

/**
 * Shows the calls that have the option `progress`: while there are any, `show` is given all that run, ten times a second by
 * the Clock, and each that has ended once more, with the state that it ended in.
 *
 * **When to use**
 *
 * Use for a display of your own: a web page, a line in a log, a bar in another library.
 *
 * **Details**
 *
 * - How far a call has come is looked up when `show` is to be called. An item costs nothing by that.
 * - The calls are in the order in which they began.
 * - The end of a call is shown at once, unless another one's was less than 100 milliseconds ago. The call does not wait for
 *   `show`; while `show` runs, it is not called again. If it dies, that is logged, and it is not called any more.
 *
 * @example
 * ```ts
 * import { FiberPool, Progress } from "@effect-mpire/core"
 * import * as Effect from "effect/Effect"
 *
 * const shown: Array<string> = []
 * const layer = Progress.layer((calls) =>
 *   Effect.sync(() => {
 *     for (const { items, label, length, state } of calls) shown.push(`${label}: ${items}/${length} ${state}`)
 *   })
 * )
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* FiberPool.make({ size: 2 })
 *   yield* pool.map([1, 2, 3], (n) => Effect.sleep(n), { progress: "naps" })
 *   return shown.at(-1)
 * }).pipe(Effect.scoped, Effect.provide(layer))
 *
 * await Effect.runPromise(program) // => "naps: 3/3 succeeded"
 * ```
 *
 * @see {@link format} for a line of text about a call
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <R = never>(
  show: (calls: ReadonlyArray<CallProgress>) => Effect.Effect<void, never, R>
): Layer.Layer<never, never, R> => Layer.effect(Progress, sampler.make(show)) as Layer.Layer<never, never, R>

/**
 * A line of text about a call, for people: a bar while it runs, and what came of it when it has ended.
 *
 * **Details**
 *
 * It takes at most `width` columns, 80 by default and never less than 10; what has no room is left out. Programs read the
 * numbers of `CallProgress` itself.
 *
 * @example
 * ```ts
 * import { Progress } from "@effect-mpire/core"
 *
 * const call: Progress.CallProgress = {
 *   id: 0, pool: undefined, label: "Thumbnails", unit: "files", state: "running",
 *   items: 300, failed: 0, length: 1200, done: 300, total: 1200, elapsed: 10_000, rate: 30, remaining: 30_000
 * }
 *
 * Progress.format(call, { width: 60 }) // => "Thumbnails ━──────  25 %  300/1,200 files  30 files/s  00:30"
 * ```
 *
 * @category formatting
 * @since 0.1.0
 */
export const format: (call: CallProgress, options?: { readonly width?: number | undefined }) => string =
  internalFormat.format

/**
 * How many columns a text takes in a terminal: letters of East Asian scripts and most pictures take two, marks none.
 *
 * @example
 * ```ts
 * import { Progress } from "@effect-mpire/core"
 *
 * Progress.textWidth("縮小 ⚡") // => 7
 * ```
 *
 * @category formatting
 * @since 0.1.0
 */
export const textWidth: (text: string) => number = internalWidth.textWidth
