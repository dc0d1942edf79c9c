/**
 * Pools on threads in which one thing, drawn at random, is amiss: the advice is about that, and about nothing else (O1). What
 * is drawn beside it would do no harm alone: how many workers and items there are, how long items take, and which of them
 * sleep and which compute.
 */
import { Insights, Portable, WorkerPool, type WorkerRuntime } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { availableParallelism } from "node:os"
import { Worker } from "node:worker_threads"
import { integer, noise, oneOf, runs } from "../../../core/test/support.ts"
import { bare } from "../support.ts"

const threads = Effect.provide(NodeWorkerRuntime.layerThreads(bare))

// -----------------------------------------------------------------------------
// What is drawn
// -----------------------------------------------------------------------------

interface Drawn {
  readonly seed: number
  readonly size: number
  readonly tasksPerWorker: number
  /** How many of a hundred items compute; the others sleep. */
  readonly computing: number
}

const drawing = {
  seed: integer(0, 1e6),
  size: integer(1, 3),
  tasksPerWorker: oneOf(1, 1, 3),
  computing: oneOf(0, 50, 100)
}

/** So many rounds, whose failures are told as they are: smaller ones would take as long. */
const often = (rounds: number) => ({ timeout: 60_000, arbitrary: { ...runs(rounds).arbitrary, maxShrinks: 0 } })

/** A number of the round, between two others. */
const between = ({ seed }: Drawn, n: number, least: number, most: number): number =>
  least + (noise(seed, n) % (most - least + 1))

/** How long an item computes and then sleeps, in milliseconds. */
interface Item {
  readonly spin: number
  readonly sleep: number
}

/** An item that takes so long. */
const lasting = ({ computing, seed }: Drawn, index: number, millis: number): Item =>
  noise(seed + 1, index) % 100 < computing ? { spin: millis, sleep: 0 } : { spin: 0, sleep: millis }

// -----------------------------------------------------------------------------
// What pools run
// -----------------------------------------------------------------------------

const work = Portable.inline(({ sleep, spin }: Item): Promise<void> | undefined => {
  const end = performance.now() + spin
  while (performance.now() < end);
  if (sleep === 0) return undefined
  // a timer is early by what its event loop had been busy with when it was set
  const untilThen = () => {
    while (performance.now() < end + sleep);
  }
  return new Promise<void>((resolve) => setTimeout(resolve, sleep)).then(untilThen)
})

const square = Portable.inline((n: number): number => n * n)

const wait = Portable.inline((millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis)))

/** Keeps this thread busy. */
const busy = (millis: number): void => {
  const end = performance.now() + millis
  while (performance.now() < end);
}

type Pool = WorkerPool.WorkerPool<void, unknown, never>

const make = ({ size, tasksPerWorker }: Drawn, options: { readonly keepAlive: boolean } = { keepAlive: true }) =>
  WorkerPool.make({ size, tasksPerWorker, ...options })

/**
 * Starts the workers. They should go on for so many milliseconds each, `times` as long as that took, so that it matters little: on
 * a busy machine it takes long.
 */
const start = Effect.fnUntraced(function* (pool: Pool, times = 4) {
  const began = performance.now()
  yield* pool.start
  return Math.max(700, times * (performance.now() - began))
})

/** Makes calls until these things are so. */
const until = (
  pool: Pool,
  call: Effect.Effect<unknown, unknown>,
  isEnough: (insights: Insights.Insights) => boolean
): Effect.Effect<void, unknown> =>
  Effect.flatMap(pool.insights, (insights) =>
    isEnough(insights) ? Effect.void : Effect.andThen(call, () => until(pool, call, isEnough))
  )

/** Items that take 5 to 15 milliseconds each, and `millis` together. */
const usual = (drawn: Drawn, millis: number): ReadonlyArray<Item> => {
  const items: Array<Item> = []
  for (let sum = 0; sum < millis || items.length < 20;) {
    const took = between(drawn, items.length + 10, 5, 15)
    items.push(lasting(drawn, items.length, took))
    sum += took
  }
  return items
}

// -----------------------------------------------------------------------------
// What is amiss
// -----------------------------------------------------------------------------

const nothing = Effect.fnUntraced(function* (drawn: Drawn) {
  const pool: Pool = yield* make(drawn)
  const millis = yield* start(pool, 8)
  yield* pool.map(usual(drawn, drawn.size * drawn.tasksPerWorker * millis), work)
  return pool
})

/** More workers that compute than there can be cores for. */
const coresShort = Effect.fnUntraced(function* (drawn: Drawn) {
  const size = 2 * availableParallelism() + drawn.size
  const pool: Pool = yield* WorkerPool.make({ size, keepAlive: true })
  const millis = yield* start(pool, 8)
  // each goes on for so long because it lacks a core
  yield* pool.map(usual({ ...drawn, computing: 100 }, availableParallelism() * millis), work)
  return pool
})

/** Every `size`th item takes far longer, and has to be run by the same worker as the one before. */
const skew = Effect.fnUntraced(function* (drawn: Drawn) {
  const pool: Pool = yield* make(drawn)
  const millis = yield* start(pool)
  const rounds = between(drawn, 1, 10, 16) * drawn.tasksPerWorker
  const slow = between(drawn, 2, 0, drawn.size - 1)
  const long = (millis * drawn.tasksPerWorker) / rounds
  const items = Array.from({ length: rounds * drawn.size }, (_, index) =>
    lasting(drawn, index, index % drawn.size === slow ? long : long / between(drawn, index + 10, 15, 30))
  )
  yield* pool.map(items, work, { dispatch: "ordered", chunkSize: 1 })
  return pool
})

const straggler = Effect.fnUntraced(function* (drawn: Drawn) {
  const pool: Pool = yield* make(drawn)
  const millis = yield* start(pool)
  const items = Array.from({ length: between(drawn, 1, 30, 60) }, (_, index) =>
    lasting(drawn, index, between(drawn, index + 10, 1, 5))
  )
  const planted = between(drawn, 2, 0, items.length - 1)
  items[planted] = lasting(drawn, planted, 300 + millis)
  yield* pool.map(items, work)
  return pool
})

/** A source that waits for something, longer than an item takes. */
const sourceWaits = Effect.fnUntraced(function* (drawn: Drawn) {
  const pool: Pool = yield* make(drawn)
  const millis = yield* start(pool)
  const pause = between(drawn, 1, 15, 40)
  // what computes may take longer than this
  const took = (pause * between(drawn, 2, 2, drawn.computing > 0 ? 60 : 90)) / 100
  const items = Stream.range(1, Math.max(20, Math.ceil(millis / pause))).pipe(
    Stream.mapEffect((n) => Effect.as(Effect.sleep(pause), lasting(drawn, n, took)))
  )
  yield* pool.map(items, work, between(drawn, 3, 0, 1) === 0 ? {} : { chunkSize: between(drawn, 4, 1, 8) })
  return pool
})

const sourceComputes = Effect.fnUntraced(function* (drawn: Drawn) {
  const pool: Pool = yield* make(drawn)
  const millis = yield* start(pool, 16)
  const pause = between(drawn, 1, 10, 30)
  function* items() {
    for (let n = 0; n < Math.max(20, millis / pause); n++) {
      busy(pause)
      yield lasting(drawn, n, (pause * between(drawn, 2, 2, 60)) / 100)
    }
  }
  yield* pool.map(items(), work)
  return pool
})

const consumerComputes = Effect.fnUntraced(function* (drawn: Drawn) {
  const pool: Pool = yield* make(drawn)
  const millis = yield* start(pool, 16)
  const pause = between(drawn, 1, 10, 30)
  const items = Array.from({ length: Math.max(20, Math.ceil(millis / pause)) }, (_, n) =>
    lasting(drawn, n, (pause * between(drawn, 2, 2, 60)) / 100)
  )
  yield* Stream.runForEach(pool.streamUnordered(items, work), () => Effect.sync(() => busy(pause)))
  return pool
})

/** Workers that are started for a few items each. */
const starts = Effect.fnUntraced(function* (drawn: Drawn) {
  const pool: Pool = yield* make(drawn, { keepAlive: false })
  const items = Array.from({ length: between(drawn, 1, 4, 12) }, (_, n) =>
    lasting(drawn, n, between(drawn, n + 10, 0, 1))
  )
  yield* until(pool, pool.map(items, work), ({ total }) => total.items >= 20 && total.live > 1200)
  return pool
})

const inits = Effect.fnUntraced(function* (drawn: Drawn) {
  const { size, tasksPerWorker } = drawn
  const isShortLived = between(drawn, 1, 0, 1) === 0
  const pool: Pool = yield* WorkerPool.make({
    size,
    tasksPerWorker,
    keepAlive: true,
    init: Portable.bind(wait, between(drawn, 2, 100, 200)),
    ...(isShortLived ? { lifespan: between(drawn, 3, 3, 6) } : { keepAlive: false })
  })
  const items = Array.from({ length: 5 * size }, (_, n) => lasting(drawn, n, between(drawn, n + 10, 1, 4)))
  yield* until(pool, pool.map(items, work), ({ total }) => total.items >= 20 && total.live > 1200)
  return pool
})

const chunksShort = Effect.fnUntraced(function* (drawn: Drawn) {
  const pool: Pool = yield* make(drawn)
  const millis = yield* start(pool)
  const call = pool.forEach(
    Array.from({ length: 2000 }, (_, n) => n),
    square,
    { chunkSize: between(drawn, 1, 1, 3) }
  )
  yield* until(pool, call, ({ total }) => total.live > 1000 && total.times.waiting > drawn.size * millis)
  return pool
})

interface Cause {
  readonly round: (drawn: Drawn) => Effect.Effect<Pool, unknown, Scope.Scope | WorkerRuntime.WorkerRuntime>
  readonly advice: Insights.Advice["_tag"] | undefined
  /** Whether it takes two workers at least. */
  readonly isOfSeveral?: true
}

const causes: Record<string, Cause> = {
  nothing: { round: nothing, advice: undefined },
  "more workers that compute than cores": { round: coresShort, advice: "CoresShort" },
  skew: { round: skew, advice: "Skew", isOfSeveral: true },
  "a straggler": { round: straggler, advice: "Straggler", isOfSeveral: true },
  "a source that waits": { round: sourceWaits, advice: "SourceSlow", isOfSeveral: true },
  "a source that computes": { round: sourceComputes, advice: "PoolThreadBusy", isOfSeveral: true },
  "a consumer that computes": { round: consumerComputes, advice: "PoolThreadBusy", isOfSeveral: true },
  "workers that are started for little": { round: starts, advice: "StartUpDominates" },
  "a slow init": { round: inits, advice: "StartUpDominates" },
  "short chunks of tiny items": { round: chunksShort, advice: "ChunksShort" }
}

/** What a thread uses of a CPU is told by a newer Node; and with many cores, enough workers take too long to start. */
const isTried = (cause: string): boolean =>
  causes[cause]!.advice !== "CoresShort" || ("cpuUsage" in Worker.prototype && availableParallelism() <= 8)

/** Whether a busy machine gives a reason for that advice, too. */
const isOfMachine = (tag: string, cause: string, drawn: Drawn, insights: Insights.Insights): boolean => {
  const { advice } = causes[cause]!
  // it lacks cores for whatever computes, and workers that start at once take long for want of them
  if (tag === "CoresShort") return drawn.computing > 0 || (advice !== "CoresShort" && wasHeldUp(insights))
  if (tag === "StartUpDominates") return advice === "CoresShort" && insights.total.ratios.startUp > 0.1
  if (tag === "Straggler") return hidesWaits(cause, insights)
  return hidesShortChunks(cause, insights)
}

/** Whether messages take longer than half a millisecond each, which no platform's do by themselves: chunks may be long enough. */
const hidesShortChunks = (cause: string, { slots, total }: Insights.Insights): boolean =>
  causes[cause]!.advice === "ChunksShort" && total.times.waiting >= 0.5 * total.chunks * slots.length

/** How long an item was to take, in milliseconds, by what the insights print of it; 0 for others than those of `work`. */
const planned = (input = ""): number => {
  const [, spin = 0, sleep = 0] = /spin: ([\d.]+), sleep: ([\d.]+)/.exec(input) ?? []
  return Number(spin) + Number(sleep)
}

/** Whether something else had the processor for so long that an item took far longer than it was to: what sleeps lacks it, too. */
const wasHeldUp = ({ longest }: Insights.Insights): boolean =>
  longest.some(({ input, millis }) => millis > planned(input) + 200)

/** Whether an item was held up so that it is a straggler, which hides what waits, where none is planted. */
const hidesWaits = (cause: string, insights: Insights.Insights): boolean =>
  !["CoresShort", "Skew", "Straggler"].includes(causes[cause]!.advice ?? "") && wasHeldUp(insights)

describe("pools on threads in which something is amiss", () => {
  for (const cause of Object.keys(causes).filter(isTried)) {
    it.live.prop(
      `O1 are judged by the cause that was planted: ${cause}`,
      drawing,
      (drawn) =>
        Effect.gen(function* () {
          const { advice, isOfSeveral = false, round } = causes[cause]!
          const pool = yield* round(isOfSeveral ? { ...drawn, size: drawn.size + 1 } : drawn)
          const insights = yield* pool.insights
          const tags = Insights.advice(insights).map(({ _tag }) => _tag)
          const text = Insights.format(insights)
          const others = tags.filter((tag) => tag === advice || !isOfMachine(tag, cause, drawn, insights))
          const isHidden = hidesShortChunks(cause, insights) || (hidesWaits(cause, insights) && !tags.includes(advice!))
          const expected = advice === undefined || isHidden ? [] : [advice]
          assert.deepStrictEqual(others, expected, text)
        }).pipe(Effect.scoped, threads),
      often(2)
    )
  }
})

describe("an item of 300 ms", () => {
  it.live.prop(
    "O1 is named, whatever the others are, or with at most 15 others that are too short to be timed alone",
    { ...drawing, longest: oneOf(0, 2, 40) },
    ({ longest, ...drawn }) =>
      Effect.gen(function* () {
        const pool = yield* make(drawn)
        const items = Array.from({ length: longest === 0 ? 3000 : 50 }, (_, index) =>
          lasting(drawn, index, longest === 0 ? 0 : between(drawn, index + 10, 1, longest))
        )
        const planted = between(drawn, 2, 0, items.length - 1)
        items[planted] = lasting(drawn, planted, 300)
        yield* pool.map(items, work)
        const insights = yield* pool.insights
        const named = insights.longest.find(({ index, items }) => index <= planted && planted < index + items)
        if (named === undefined) {
          // five are named: on a busy machine others take longer, but then all five do
          assert.isAtLeast(insights.longest[4]?.millis ?? 0, 300, Insights.format(insights))
          return
        }
        assert.isAtLeast(named.millis, 299)
        assert.isAtMost(named.items, longest === 0 ? 16 : 1)
        if (named.items === 1) assert.match(named.input!, /: 300\b/)
      }).pipe(Effect.scoped, threads),
    often(4)
  )
})
