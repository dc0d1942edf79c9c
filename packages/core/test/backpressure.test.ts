import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import * as Chunking from "../src/internal/call/chunking.ts"
import {
  driven,
  type Generated,
  integer,
  kinds,
  makePool,
  noise,
  now,
  oneOf,
  optional,
  type Pool,
  runs,
  source
} from "./support.ts"

const setups = Arbitrary.all({
  kind: oneOf(...kinds),
  input: oneOf("generator", "stream", "slowStream"),
  length: integer(0, 60),
  size: integer(1, 4),
  tasksPerWorker: oneOf(1, 1, 3),
  lifespan: optional(integer(1, 6)),
  dispatch: oneOf("available", "ordered"),
  maxActive: optional(integer(1, 15)),
  chunkSize: optional(integer(1, 8)),
  fails: oneOf(false, true),
  seed: integer(0, 1_000_000)
})

type Setup = Generated<typeof setups>

/** Whether chunks are planned by measured time. */
const isAdaptive = ({ chunkSize, dispatch }: Setup): boolean => chunkSize === undefined && dispatch === "available"

/** How long an item takes where chunks are planned by measured time, in milliseconds: two of them make a chunk. */
const itemTime = 10

/** The most items that may be pulled and not yet delivered, once so many have been pulled. */
const bound = (setup: Setup, pulled: number): number => {
  const { chunkSize, maxActive, size, tasksPerWorker } = setup
  const progress = {
    planned: pulled,
    length: undefined,
    workers: size,
    itemTime: itemTime / tasksPerWorker,
    measured: 60
  }
  const longest = chunkSize ?? Chunking[isAdaptive(setup) ? "automatic" : "repeatable"](progress)
  return maxActive ?? 2 * size * Math.max(longest, tasksPerWorker)
}

/** As long as `random` says, or always the same where chunks are planned by that. */
const lasting = (setup: Setup, random: Effect.Effect<void>): Effect.Effect<void> =>
  isAdaptive(setup) ? Effect.sleep(itemTime) : random

/** Counts what is pulled and what is delivered; asserts at each pull that there was room for it. */
class Counter {
  readonly setup: Setup
  pulled = 0
  delivered = 0
  most = 0

  constructor(setup: Setup) {
    this.setup = setup
  }

  readonly pull = (): void => {
    this.pulled++
    const active = this.pulled - this.delivered
    this.most = Math.max(this.most, active)
    assert.isAtMost(active, bound(this.setup, this.pulled))
  }

  readonly deliver = (count: number): void => {
    this.delivered += count
  }
}

const options = ({ chunkSize, dispatch, maxActive }: Setup) => ({ chunkSize, dispatch, maxActive })

const withPool = <A, E>(
  { kind, lifespan, size, tasksPerWorker }: Setup,
  use: (pool: Pool) => Effect.Effect<A, E>
): Effect.Effect<A, unknown> =>
  driven(Effect.scoped(Effect.flatMap(makePool<any, any>(kind, { size, tasksPerWorker, lifespan }), use)))

describe("back-pressure", () => {
  it.effect.prop(
    "C3 a call pulls no more than maxActive items beyond those that have ended",
    { setup: setups, shape: oneOf("map", "mapUnordered", "mapExit", "forEach") },
    ({ setup, shape }) =>
      Effect.gen(function* () {
        const counter = new Counter(setup)
        const task = (n: number) =>
          Effect.andThen(
            lasting(setup, noise(setup.seed, n) % 4 === 0 ? Effect.yieldNow : Effect.sleep(noise(setup.seed, n) % 30)),
            Effect.suspend(() => {
              counter.deliver(1)
              return shape === "mapExit" && setup.fails && n % 5 === 0 ? Effect.fail("five") : Effect.succeed(n)
            })
          )
        yield* withPool(setup, (pool) =>
          pool[shape](source(setup.input, setup.length, counter.pull), task, options(setup))
        )
        assert.strictEqual(counter.pulled, setup.length)
        assert.strictEqual(counter.delivered, setup.length)
      }),
    runs(120)
  )

  it.effect.prop(
    "C3 a stream pulls no more than maxActive items beyond those its consumer is done with",
    { setup: setups, shape: oneOf("stream", "streamUnordered", "streamExit", "streamUnorderedExit") },
    ({ setup, shape }) =>
      Effect.gen(function* () {
        const counter = new Counter(setup)
        const task = (n: number) =>
          Effect.as(
            lasting(setup, noise(setup.seed, n) % 4 === 0 ? Effect.void : Effect.sleep(noise(setup.seed, n) % 30)),
            n
          )
        const consumed = yield* withPool(setup, (pool) =>
          Effect.gen(function* () {
            const items = source(setup.input, setup.length, counter.pull)
            const stream: Stream.Stream<unknown, unknown> = pool[shape](items, task, options(setup))
            const pull = yield* Stream.toPull(stream)
            const consume = Effect.flatMap(pull, (results) => {
              // no more than half of what may be active, so that workers have something to do meanwhile
              assert.isAtMost(results.length, Math.ceil(bound(setup, counter.pulled) / 2))
              return Effect.map(Effect.sleep(noise(setup.seed, counter.delivered) % 40), () =>
                counter.deliver(results.length)
              )
            })
            yield* Pull.catchDone(Effect.forever(consume), () => Effect.void)
            return counter.delivered
          }).pipe(Effect.scoped)
        )
        assert.strictEqual(consumed, setup.length)
        assert.strictEqual(counter.pulled, setup.length)
      }),
    runs(120)
  )

  it.effect.prop(
    "C3 a stream over an infinite source pulls what its consumer takes and maxActive more",
    { setup: setups, take: integer(0, 50), shape: oneOf("stream", "streamUnordered") },
    ({ setup, shape, take }) =>
      Effect.gen(function* () {
        let pulled = 0
        let closed = 0
        const forever = function* () {
          try {
            for (let n = 0; ; n++) {
              pulled++
              yield n
            }
          } finally {
            closed++
          }
        }
        const items =
          setup.input === "generator"
            ? forever()
            : Stream.ensuring(
                Stream.map(Stream.forever(Stream.succeed(0)), () => pulled++),
                Effect.sync(() => closed++)
              )
        const results = yield* withPool(setup, (pool) =>
          Stream.runCollect(
            Stream.take(
              pool[shape](
                items,
                (n) => Effect.as(lasting(setup, Effect.sleep(noise(setup.seed, n) % 10)), n),
                options(setup)
              ),
              take
            )
          )
        )
        assert.strictEqual(results.length, take)
        if (shape === "stream") {
          assert.deepStrictEqual(
            results,
            results.map((_, n) => n)
          )
        }
        assert.isAtMost(pulled, take + bound(setup, pulled))
        // a source that was started is told that no more is wanted
        assert.strictEqual(closed, pulled > 0 ? 1 : 0)
      }),
    runs(80)
  )

  it.effect("C3 nothing is pulled before the first pull of a stream", () =>
    Effect.gen(function* () {
      let pulled = 0
      const pool = yield* makePool("FiberPool", { size: 2, keepAlive: true })
      const stream = pool.stream(
        source("generator", 5, () => pulled++),
        (n) => Effect.succeed(n)
      )
      assert.strictEqual((yield* pool.stats).calls, 0)
      assert.strictEqual(pulled, 0)
      assert.deepStrictEqual(yield* Stream.runCollect(stream), [0, 1, 2, 3, 4])
    })
  )

  it.effect("C3 an array of a Stream is pulled whole, and the next not before its items were sent", () =>
    Effect.gen(function* () {
      let pulled = 0
      const items = Stream.fromIterable(source("generator", 100, () => pulled++) as Iterable<number>, { chunkSize: 10 })
      const pulledAt: Array<number> = []
      const task = (n: number) => Effect.as(Effect.sleep(10), pulledAt.push(n < 10 ? pulled : -1))
      const results = yield* driven(
        Effect.scoped(
          Effect.flatMap(makePool("FiberPool", { size: 1 }), (pool) =>
            pool.map(items, task, { maxActive: 3, chunkSize: 1 })
          )
        )
      )
      assert.strictEqual(results.length, 100)
      assert.deepStrictEqual(pulledAt.slice(0, 8), Array(8).fill(10))
    })
  )

  it.effect("C3 a chunk waits until all of it fits, and no longer", () =>
    Effect.gen(function* () {
      const starts: Array<number> = []
      const task = (n: number) =>
        Effect.gen(function* () {
          starts[n] = yield* now
          yield* Effect.sleep(n === 1 ? 1000 : 10)
        })
      yield* driven(
        Effect.scoped(
          Effect.flatMap(makePool("FiberPool", { size: 2 }), (pool) =>
            pool.map([0, 1, 2, 3, 4, 5], task, { chunkSize: 2, maxActive: 3 })
          )
        )
      )
      // items 2 and 3 fit when item 0 has ended, 4 and 5 when 2 and 3 have
      assert.deepStrictEqual(
        starts.map((at) => at - starts[0]!),
        [0, 10, 10, 20, 30, 40]
      )
    })
  )
})

describe("slow sources", () => {
  const emitting = (every: number, length: number) =>
    Stream.mapEffect(Stream.fromIterable(source("array", length) as Array<number>, { chunkSize: 1 }), (n) =>
      Effect.as(Effect.sleep(n === 0 ? 0 : every), n)
    )

  const startsOf = (length: number, every: number, takes: number, options: object) =>
    Effect.gen(function* () {
      const starts: Array<number> = []
      const task = (n: number) =>
        Effect.gen(function* () {
          starts[n] = yield* now
          yield* Effect.sleep(takes)
        })
      yield* driven(
        Effect.scoped(
          Effect.flatMap(makePool("FiberPool", { size: 2 }), (pool) => pool.map(emitting(every, length), task, options))
        )
      )
      return starts.map((at) => at - starts[0]!)
    })

  it.effect.prop(
    "C9 items of a slow Stream go out as they come, however long chunks should be",
    { chunkSize: optional(integer(1, 20)), every: integer(50, 200) },
    ({ chunkSize, every }) =>
      Effect.gen(function* () {
        const starts = yield* startsOf(10, every, 50, { chunkSize })
        assert.deepStrictEqual(
          starts,
          starts.map((_, n) => n * every)
        )
      }),
    runs(20)
  )

  it.effect("C9 an item that fits does not wait for room for a whole chunk", () =>
    Effect.gen(function* () {
      const starts = yield* startsOf(4, 100, 150, { chunkSize: 10, maxActive: 10 })
      assert.deepStrictEqual(starts, [0, 100, 200, 300])
    })
  )
})
