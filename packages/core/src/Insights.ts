/**
 * Where the time of a pool's workers goes, as `pool.insights` gives it: how much of their lives they work, wait, start and
 * end, which items took longest, and what to do about it. MPIRE's worker insights, for Effect; they are always on.
 *
 * @since 0.1.0
 */
import type { Usage } from "./Channel.ts"
import * as internalAdvice from "./internal/insights/advice.ts"
import type {
  Advice,
  ChunksShort,
  CoresShort,
  PoolThreadBusy,
  Skew,
  SourceSlow,
  StartUpDominates,
  Straggler,
  WorkersLost
} from "./internal/insights/advice.ts"
import * as internalFormat from "./internal/insights/format.ts"
import type {
  Insights,
  LongestItem,
  Numbers,
  PoolThread,
  Shares,
  SlotInsights,
  WorkerUsage
} from "./internal/insights/insights.ts"

export type {
  /** @since 0.1.0 */
  Advice,
  /** @since 0.1.0 */
  ChunksShort,
  /** @since 0.1.0 */
  CoresShort,
  /** @since 0.1.0 */
  Insights,
  /** @since 0.1.0 */
  LongestItem,
  /** @since 0.1.0 */
  Numbers,
  /** @since 0.1.0 */
  PoolThread,
  /** @since 0.1.0 */
  PoolThreadBusy,
  /** @since 0.1.0 */
  Shares,
  /** @since 0.1.0 */
  Skew,
  /** @since 0.1.0 */
  SlotInsights,
  /** @since 0.1.0 */
  SourceSlow,
  /** @since 0.1.0 */
  StartUpDominates,
  /** @since 0.1.0 */
  Straggler,
  /** @since 0.1.0 */
  Usage,
  /** @since 0.1.0 */
  WorkersLost,
  /** @since 0.1.0 */
  WorkerUsage
}

/**
 * The insights as a text for people: the working ratio, a table of the slots, the longest items and the advice.
 *
 * **Details**
 *
 * Lines are at most `width` columns long, 80 by default and never less than 40. Where a table has no room, it leaves
 * columns out. It is meant for people, and may change: programs read the insights themselves.
 *
 * @example
 * ```ts
 * import { FiberPool, Insights } from "@effect-mpire/core"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* FiberPool.make({ size: 2, name: "thumbnails" })
 *   yield* pool.map([30, 1, 1, 1], (millis) => Effect.sleep(millis), { describe: (millis) => `${millis} ms of sleep` })
 *   const text = Insights.format(yield* pool.insights, { width: 60 })
 *   return { fits: text.split("\n").every((line) => line.length <= 60), names: text.includes("30 ms of sleep") }
 * }).pipe(Effect.scoped)
 *
 * await Effect.runPromise(program) // => { fits: true, names: true }
 * ```
 *
 * @see {@link advice} for the advice alone
 *
 * @category formatting
 * @since 0.1.0
 */
export const format: (insights: Insights, options?: { readonly width?: number | undefined }) => string =
  internalFormat.format

/**
 * What to do so that the workers work more of their time: each advice has the numbers that it rests on, and one action.
 * Empty for a pool whose workers are well used.
 *
 * **Details**
 *
 * There is none before the pool has run 20 items, and its workers have lived for a second together.
 *
 * @example
 * ```ts
 * import { FiberPool, Insights } from "@effect-mpire/core"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* FiberPool.make({ size: 4, keepAlive: true })
 *   // one of these items keeps a worker busy for longer than all others take together
 *   const millis = Array.from({ length: 30 }, (_, index) => index === 7 ? 400 : 1)
 *   yield* pool.map(millis, (millis) => Effect.sleep(millis))
 *   return Insights.advice(yield* pool.insights).map((advice) =>
 *     advice._tag === "Straggler" ? `item ${advice.item.index}` : advice._tag
 *   )
 * }).pipe(Effect.scoped)
 *
 * await Effect.runPromise(program) // => ["item 7"]
 * ```
 *
 * @see {@link Advice} for what there is
 *
 * @category advice
 * @since 0.1.0
 */
export const advice: (insights: Insights) => ReadonlyArray<Advice> = internalAdvice.advice
