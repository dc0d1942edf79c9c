import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import {
  driven,
  failures,
  integer,
  kinds,
  makePool,
  noise,
  oneOf,
  optional,
  runs,
  settle,
  source,
  sourceKinds
} from "./support.ts"

const setups = Arbitrary.all({
  kind: oneOf(...kinds),
  size: integer(1, 4),
  tasksPerWorker: oneOf(1, 1, 3),
  keepAlive: oneOf(false, true, 10),
  lifespan: optional(integer(1, 6)),
  calls: Arbitrary.array(
    Arbitrary.all({
      kind: oneOf("map", "mapUnordered", "mapExit", "stream", "run"),
      input: oneOf(...sourceKinds),
      at: integer(0, 100),
      length: integer(0, 20),
      chunkSize: optional(integer(1, 6)),
      maxActive: optional(integer(1, 10)),
      dispatch: oneOf("available", "available", "ordered"),
      fails: oneOf(false, false, true)
    }),
    { minLength: 2, maxLength: 8 }
  ),
  seed: integer(0, 1_000_000)
})

describe("overlapping calls", () => {
  it.effect.prop(
    "C1 all of them settle, each with its own results or failure",
    { setup: setups },
    ({ setup }) =>
      Effect.gen(function* () {
        const { calls, keepAlive, kind, lifespan, seed, size, tasksPerWorker } = setup
        const exits = yield* driven(
          Effect.scoped(
            Effect.flatMap(makePool<any, any>(kind, { size, tasksPerWorker, keepAlive, lifespan }), (pool) =>
              Effect.forEach(
                calls,
                (call, which) => {
                  const task = (n: number) =>
                    Effect.andThen(
                      noise(seed + which, n) % 3 === 0 ? Effect.yieldNow : Effect.sleep(noise(seed + which, n) % 20),
                      call.fails && n === 3 ? Effect.fail(`failure ${which}`) : Effect.succeed(n * 100 + which)
                    )
                  const items = source(call.input, call.length)
                  const { chunkSize, dispatch, maxActive } = call
                  const options = { chunkSize, dispatch, maxActive }
                  const called: Effect.Effect<any, any> =
                    call.kind === "run"
                      ? pool.run(task, call.length)
                      : call.kind === "stream"
                        ? Stream.runCollect(pool.stream(items, task, options))
                        : pool[call.kind](items, task, options)
                  return Effect.exit(Effect.delay(called, call.at))
                },
                { concurrency: "unbounded" }
              )
            )
          )
        )
        for (const [which, exit] of exits.entries()) {
          const { fails, kind, length } = calls[which]!
          const results = Array.from({ length }, (_, n) => n * 100 + which)
          if (kind === "run") {
            const expected = fails && length === 3 ? [`failure ${which}`] : []
            assert.deepStrictEqual(failures(exit), expected)
            if (exit._tag === "Success") assert.strictEqual(exit.value, length * 100 + which)
          } else if (kind === "mapExit") {
            assert(exit._tag === "Success")
            const outcomes = exit.value.map((each: any) => (each._tag === "Success" ? each.value : failures(each)[0]))
            assert.deepStrictEqual(
              outcomes,
              results.map((value, n) => (fails && n === 3 ? `failure ${which}` : value))
            )
          } else if (fails && length > 3) {
            assert.deepStrictEqual(failures(exit), [`failure ${which}`])
          } else {
            assert(exit._tag === "Success")
            const got = kind === "mapUnordered" ? exit.value.toSorted((a: number, b: number) => a - b) : exit.value
            assert.deepStrictEqual(got, results)
          }
        }
      }),
    runs(100)
  )

  it.effect.prop(
    "C1 calls take turns: between two chunks of one, no other has more than one",
    {
      kind: oneOf(...kinds),
      size: integer(1, 3),
      lengths: Arbitrary.array(integer(1, 12), { minLength: 2, maxLength: 4 })
    },
    ({ kind, lengths, size }) =>
      Effect.gen(function* () {
        const starts: Array<number> = []
        yield* driven(
          Effect.scoped(
            Effect.gen(function* () {
              const pool = yield* makePool(kind, { size, keepAlive: true })
              // while every worker is busy, all of them come
              const busy = Effect.forkChild(pool.run(() => Effect.sleep(10), 0))
              yield* Effect.replicateEffect(busy, size)
              yield* settle
              yield* Effect.forEach(
                lengths,
                (length, which) =>
                  pool.map(
                    source("array", length),
                    () =>
                      Effect.andThen(
                        Effect.sync(() => starts.push(which)),
                        Effect.sleep(10)
                      ),
                    { chunkSize: 1 }
                  ),
                { concurrency: "unbounded" }
              )
            })
          )
        )
        for (const which of lengths.keys()) {
          const places = starts.flatMap((other, place) => (other === which ? [place] : []))
          assert.strictEqual(places.length, lengths[which])
          for (const [n, place] of places.entries()) {
            const between = starts.slice(n === 0 ? 0 : places[n - 1]! + 1, place)
            assert.strictEqual(between.length, new Set(between).size, `${starts}`)
          }
        }
      }),
    runs(60)
  )

  it.effect.prop(
    "C1 a run waits for a worker to be free, and for no further chunk of a long call",
    { kind: oneOf(...kinds), size: integer(1, 4), at: integer(1, 100), others: integer(0, 5) },
    ({ at, kind, others, size }) =>
      Effect.gen(function* () {
        let started = 0
        const waits: Array<number> = []
        yield* driven(
          Effect.scoped(
            Effect.gen(function* () {
              const pool = yield* makePool(kind, { size, keepAlive: true })
              const task = () =>
                Effect.andThen(
                  Effect.sync(() => started++),
                  Effect.sleep(7)
                )
              const long = yield* Effect.forkChild(pool.map(source("generator", 200), task, { chunkSize: 1 }))
              yield* Effect.sleep(at)
              const before = started
              const run = pool.run(() => Effect.sync(() => waits.push(started - before)), 0)
              yield* Effect.all(
                Array.from({ length: others + 1 }, () => run),
                { concurrency: "unbounded" }
              )
              assert.isUndefined(long.pollUnsafe())
              yield* Fiber.join(long)
            })
          )
        )
        assert.strictEqual(started, 200)
        assert.strictEqual(waits.length, others + 1)
        // a run waits for its turn among the runs, with one turn of the long call at most before each worker's next
        for (const wait of waits) assert.isAtMost(wait, size)
      }),
    runs(60)
  )

  it.effect("C1 a failing call leaves the others alone", () =>
    Effect.gen(function* () {
      const pool = yield* makePool("FiberPool", { size: 2 })
      const [failed, succeeded, ran] = yield* driven(
        Effect.all(
          [
            Effect.flip(
              pool.map(source("array", 50), (n) =>
                Effect.andThen(Effect.sleep(3), n === 7 ? Effect.fail("seven") : Effect.succeed(n))
              )
            ),
            pool.map(source("array", 50), (n) => Effect.as(Effect.sleep(5), n)),
            Effect.forEach([1, 2, 3], (n) => pool.run((n) => Effect.as(Effect.sleep(20), n), n))
          ],
          { concurrency: "unbounded" }
        )
      )
      assert.strictEqual(failed, "seven")
      assert.strictEqual(succeeded.length, 50)
      assert.deepStrictEqual(ran, [1, 2, 3])
      yield* settle
      assert.strictEqual((yield* pool.stats).calls, 0)
    })
  )
})
