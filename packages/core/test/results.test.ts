import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import {
  driven,
  failures,
  type Generated,
  integer,
  kinds,
  makePool,
  noise,
  oneOf,
  optional,
  outcome,
  type Pool,
  runs,
  source,
  sourceKinds
} from "./support.ts"

const setups = Arbitrary.all({
  kind: oneOf(...kinds),
  input: oneOf(...sourceKinds),
  length: integer(0, 40),
  options: Arbitrary.all({
    size: integer(1, 5),
    tasksPerWorker: oneOf(1, 1, 2, 3),
    lifespan: optional(integer(1, 8)),
    keepAlive: oneOf(false, true, 20),
    maxActive: optional(integer(1, 12)),
    dispatch: oneOf("available", "available", "ordered")
  }),
  chunking: oneOf("automatic", "chunkSize", "chunks"),
  chunk: integer(1, 12),
  delay: oneOf("none", "yield", "random"),
  seed: integer(0, 1_000_000)
})

type Setup = Generated<typeof setups>

const delayed = ({ delay, seed }: Setup, n: number): Effect.Effect<void> =>
  delay === "none" ? Effect.void : delay === "yield" ? Effect.yieldNow : Effect.sleep(noise(seed, n) % 50)

const square = (setup: Setup) => (n: number) => Effect.as(delayed(setup, n), n * n)

/** About a sixth of the items fail, and as many die. */
const sometimes = (setup: Setup) => (n: number) =>
  Effect.andThen(
    delayed(setup, n),
    Effect.suspend((): Exit.Exit<number, string> => {
      switch (noise(setup.seed, n + 1000) % 6) {
        case 0:
          return Exit.fail(`failed ${n}`)
        case 1:
          return Exit.die(`died ${n}`)
        default:
          return Exit.succeed(n * n)
      }
    })
  )

const input = ({ input, length }: Setup) => source(input, length)

const options = ({ chunk, chunking, length }: Setup) =>
  chunking === "automatic" ? {} : chunking === "chunkSize" ? { chunkSize: chunk } : { chunks: chunk, length }

const withPool = <A, E>(setup: Setup, use: (pool: Pool) => Effect.Effect<A, E>): Effect.Effect<A, unknown> =>
  driven(Effect.scoped(Effect.flatMap(makePool<any, any>(setup.kind, setup.options), use)))

const numbers = ({ length }: Setup): Array<number> => Array.from({ length }, (_, n) => n)

const byIndex = <A extends { readonly index: number }>(outcomes: ReadonlyArray<A>) =>
  [...outcomes].sort((left, right) => left.index - right.index)

describe("results", () => {
  it.effect.prop(
    "C2 map and stream give the results of a sequential map, in its order",
    { setup: setups },
    ({ setup }) =>
      Effect.gen(function* () {
        const { mapped, none, streamed } = yield* withPool(setup, (pool) =>
          Effect.all({
            mapped: pool.map(input(setup), square(setup), options(setup)),
            none: pool.forEach(input(setup), square(setup), options(setup)),
            streamed: Stream.runCollect(pool.stream(input(setup), square(setup), options(setup)))
          })
        )
        const expected = numbers(setup).map((n) => n * n)
        assert.deepStrictEqual(mapped, expected)
        assert.deepStrictEqual(streamed, expected)
        assert.isUndefined(none)
      }),
    runs(100)
  )

  it.effect.prop(
    "C2 the unordered calls give the results of a sequential map, in the order of completion",
    { setup: setups },
    ({ setup }) =>
      Effect.gen(function* () {
        const completed: Array<number> = []
        const task = (n: number) =>
          Effect.andThen(
            square(setup)(n),
            Effect.sync(() => {
              completed.push(n * n)
              return n * n
            })
          )
        const mapped = yield* withPool(setup, (pool) => pool.mapUnordered(input(setup), task, options(setup)))
        assert.deepStrictEqual(mapped, completed.splice(0))
        const streamed = yield* withPool(setup, (pool) =>
          Stream.runCollect(pool.streamUnordered(input(setup), task, options(setup)))
        )
        assert.deepStrictEqual(streamed, completed)
        const expected = new Set(numbers(setup).map((n) => n * n))
        assert.strictEqual(mapped.length, setup.length)
        assert.deepStrictEqual(new Set(mapped), expected)
        assert.strictEqual(streamed.length, setup.length)
        assert.deepStrictEqual(new Set(streamed), expected)
      }),
    runs(100)
  )

  it.effect.prop(
    "C2 mapExit, streamExit and streamUnorderedExit give each item's own outcome",
    { setup: setups },
    ({ setup }) =>
      Effect.gen(function* () {
        const { mapped, streamed, unordered } = yield* withPool(setup, (pool) =>
          Effect.all({
            mapped: pool.mapExit(input(setup), sometimes(setup), options(setup)),
            streamed: Stream.runCollect(pool.streamExit(input(setup), sometimes(setup), options(setup))),
            unordered: Stream.runCollect(pool.streamUnorderedExit(input(setup), sometimes(setup), options(setup)))
          })
        )
        const expected = yield* Effect.forEach(numbers(setup), (n) =>
          Effect.map(Effect.exit(sometimes({ ...setup, delay: "none" })(n)), outcome)
        )
        const indexed = expected.map((outcome, index) => ({ index, outcome }))
        const compared = (outcomes: typeof streamed) =>
          outcomes.map(({ exit, index }) => ({ index, outcome: outcome(exit) }))
        assert.deepStrictEqual(mapped.map(outcome), expected)
        assert.deepStrictEqual(compared(streamed), indexed)
        assert.deepStrictEqual(compared(byIndex(unordered)), indexed)
      }),
    runs(100)
  )

  it.effect.prop(
    "C4 a call fails with the failure of an item, with nothing of it still running, and the pool goes on",
    { setup: setups, shape: oneOf("map", "mapUnordered", "forEach", "stream", "streamUnordered") },
    ({ setup, shape }) =>
      Effect.gen(function* () {
        let running = 0
        const task = (n: number) =>
          Effect.acquireUseRelease(
            Effect.sync(() => running++),
            () => sometimes(setup)(n),
            () => Effect.sync(() => running--)
          )
        const { after, exit, left } = yield* withPool(setup, (pool) =>
          Effect.gen(function* () {
            const exit = yield* Effect.exit(
              shape === "stream" || shape === "streamUnordered"
                ? Stream.runCollect(pool[shape](input(setup), task, options(setup)))
                : pool[shape](input(setup), task, options(setup))
            )
            const left = running
            const after = yield* pool.map(input(setup), square(setup), options(setup))
            return { exit, left, after }
          })
        )
        assert.strictEqual(left, 0)
        assert.deepStrictEqual(
          after,
          numbers(setup).map((n) => n * n)
        )
        const expected = yield* Effect.forEach(numbers(setup), (n) =>
          Effect.map(Effect.exit(sometimes({ ...setup, delay: "none" })(n)), failures)
        )
        const possible = expected.flat()
        if (possible.length === 0) return assert.isTrue(Exit.isSuccess(exit))
        assert.strictEqual(failures(exit).length, 1)
        assert.include(possible, failures(exit)[0])
        // one worker that runs one item after another meets the first failure first
        if (setup.options.size * setup.options.tasksPerWorker === 1) assert.strictEqual(failures(exit)[0], possible[0])
      }),
    runs(100)
  )

  it.effect.prop(
    "C5 an interrupted call returns with nothing of it still running, and the pool goes on",
    { setup: setups, shape: oneOf("map", "mapExit", "run", "stream", "streamUnordered"), after: integer(0, 120) },
    ({ after, setup, shape }) =>
      Effect.gen(function* () {
        let running = 0
        let started = 0
        const task = (n: number) =>
          Effect.acquireUseRelease(
            Effect.sync(() => {
              running++
              started++
            }),
            () => Effect.andThen(Effect.sleep(5), square(setup)(n)),
            // to be interrupted takes a while
            () =>
              Effect.andThen(
                Effect.sleep(3),
                Effect.sync(() => running--)
              )
          )
        const { later, left, result } = yield* withPool(setup, (pool) =>
          Effect.gen(function* () {
            const call: Effect.Effect<unknown, unknown> =
              shape === "run"
                ? pool.run(task, 1)
                : shape === "stream" || shape === "streamUnordered"
                  ? Stream.runCollect(pool[shape](input(setup), task, options(setup)))
                  : pool[shape](input(setup), task, options(setup))
            const fiber = yield* Effect.forkChild(call)
            yield* Effect.sleep(after)
            yield* Fiber.interrupt(fiber)
            const left = { running, started }
            yield* Effect.sleep(100)
            assert.deepStrictEqual({ running, started }, left, "nothing goes on after the call")
            const result = yield* pool.map(input(setup), square(setup), options(setup))
            const later = yield* pool.stats
            return { left, result, later }
          })
        )
        assert.strictEqual(left.running, 0)
        assert.strictEqual(later.calls, 0)
        assert.strictEqual(later.busy, 0)
        assert.deepStrictEqual(
          result,
          numbers(setup).map((n) => n * n)
        )
      }),
    runs(100)
  )
})
