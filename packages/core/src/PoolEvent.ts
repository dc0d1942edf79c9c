/**
 * What happens in a pool, as `pool.events` tells it: workers come and go, chunks are sent and done, items fail, calls begin
 * and end. Each event is a plain object with a Schema, so that it can be logged, sent elsewhere, or kept.
 *
 * @since 0.1.0
 */
import * as internal from "./internal/events/chromeTrace.ts"
import {
  CallEnded,
  CallStarted,
  ChunkDone,
  ChunkSent,
  ItemFailed,
  Missed,
  PoolEvent,
  Progressed,
  WorkerInitialised,
  WorkerKilled,
  WorkerLost,
  WorkerReleased,
  WorkerStarting
} from "./internal/events/poolEvent.ts"

export {
  /** @since 0.1.0 */
  CallEnded,
  /** @since 0.1.0 */
  CallStarted,
  /** @since 0.1.0 */
  ChunkDone,
  /** @since 0.1.0 */
  ChunkSent,
  /** @since 0.1.0 */
  ItemFailed,
  /** @since 0.1.0 */
  Missed,
  /** @since 0.1.0 */
  PoolEvent,
  /** @since 0.1.0 */
  Progressed,
  /** @since 0.1.0 */
  WorkerInitialised,
  /** @since 0.1.0 */
  WorkerKilled,
  /** @since 0.1.0 */
  WorkerLost,
  /** @since 0.1.0 */
  WorkerReleased,
  /** @since 0.1.0 */
  WorkerStarting
}

export type {
  /** @since 0.1.0 */
  ChromeTrace,
  /** @since 0.1.0 */
  TraceEvent
} from "./internal/events/chromeTrace.ts"

/**
 * A trace of what workers did and when, in the format that [Perfetto](https://ui.perfetto.dev) and `chrome://tracing` open:
 * write it to a file with `JSON.stringify`.
 *
 * **Details**
 *
 * - One track per slot, more where a worker runs several chunks at once. Chunks are slices on it, from when they were sent,
 *   or the chunk before them was done; the start of a worker, up to the end of `init`, is one too. Losses and kills are marks.
 * - A chunk of which only the end was heard is left out, one without an end lasts as long as the trace.
 * - At most `limit` slices and marks, 100,000 by default; those that come later are left out. What is left out, or was missed
 *   by the listener, is told in `otherData` and by a mark at the end.
 *
 * @example
 * ```ts
 * import { FiberPool, PoolEvent } from "@effect-mpire/core"
 * import * as Effect from "effect/Effect"
 * import * as Fiber from "effect/Fiber"
 * import * as Stream from "effect/Stream"
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* FiberPool.make({ size: 2, name: "thumbnails" })
 *   const listening = yield* pool.events.pipe(
 *     Stream.takeUntil((event) => event._tag === "CallEnded"),
 *     Stream.runCollect,
 *     Effect.forkChild({ startImmediately: true })
 *   )
 *   yield* pool.map([1, 2, 3, 4], (millis) => Effect.sleep(millis), { chunkSize: 2 })
 *   const { traceEvents } = PoolEvent.toChromeTrace(yield* Fiber.join(listening))
 *   return traceEvents.filter(({ args }) => args?.["items"] === 2).length
 * }).pipe(Effect.scoped)
 *
 * await Effect.runPromise(program) // => 2
 * ```
 *
 * @category tracing
 * @since 0.1.0
 */
export const toChromeTrace: (
  events: Iterable<PoolEvent>,
  options?: { readonly limit?: number | undefined }
) => internal.ChromeTrace = internal.toChromeTrace
