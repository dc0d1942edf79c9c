import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as FiberPool from "../src/FiberPool.ts"
import * as Chunking from "../src/internal/call/chunking.ts"
import * as options from "../src/internal/pool/options.ts"
import * as Portable from "../src/Portable.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"
import { integer, kinds, Ledger, makePool, oneOf, optional, type Pool, reasons, runs, source } from "./support.ts"

const noInteger = [
  Number.NaN,
  1.5,
  -1,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  2 ** 53,
  "4",
  "",
  null,
  true,
  {}
]
const noDuration = [
  Number.NaN,
  -1,
  -0.5,
  Number.NEGATIVE_INFINITY,
  "soon",
  "",
  "-1 second",
  null,
  { seconds: -1 },
  -1n,
  []
]

const positive = { bad: [0, ...noInteger], good: [1, 2, 1000, Number.MAX_SAFE_INTEGER] }
const natural = { bad: noInteger, good: [0, 1, 1000] }
const duration = {
  bad: [true, false, ...noDuration],
  good: [
    0,
    0.5,
    1000,
    Number.POSITIVE_INFINITY,
    "1 second",
    "10 millis",
    { seconds: 1 },
    5n,
    Duration.minutes(1),
    Duration.infinity
  ]
}

/** Of every option of a call, values that it does not accept and values that it does. */
const callOptions: Record<string, { readonly bad: ReadonlyArray<unknown>; readonly good: ReadonlyArray<unknown> }> = {
  chunkSize: positive,
  chunks: positive,
  length: natural,
  maxActive: positive,
  lifespan: positive,
  timeout: duration,
  initTimeout: duration,
  exitTimeout: duration,
  onWorkerLost: {
    bad: ["", "retry", null, true, 1, {}, [], ...noInteger.map((retries) => ({ retries }))],
    good: ["fail", { retries: 0 }, { retries: 3 }]
  },
  dispatch: { bad: ["", "order", "Ordered", true, null, 1], good: ["available", "ordered"] }
}

/** The same for all options of a pool. */
const poolOptions: typeof callOptions = {
  ...callOptions,
  size: { bad: positive.bad, good: [1, 2, 100] },
  minSize: natural,
  tasksPerWorker: positive,
  maxPending: positive,
  startTimeout: duration,
  killAfter: { bad: [true, "always", ...noDuration], good: ["never", ...duration.good] },
  keepAlive: { bad: noDuration, good: [true, false, ...duration.good] }
}

const bad = (table: typeof callOptions) =>
  Object.entries(table).flatMap(([option, { bad }]) => bad.map((value) => ({ option, value })))

const good = (table: typeof callOptions) =>
  Object.entries(table).flatMap(([option, { good }]) => good.map((value) => ({ option, value })))

/** Asserts that it fails because of that option and value, and says so. */
const assertInvalid = (call: Effect.Effect<unknown, unknown, any>, option: string, value: unknown) =>
  Effect.map(Effect.exit(call as Effect.Effect<unknown, unknown>), (exit) => {
    const [reason, ...others] = reasons(exit)
    assert(reason?._tag === "InvalidOptions", `${option}: ${String(value)} is refused`)
    assert.deepStrictEqual(others, [])
    assert.strictEqual(reason.option, option)
    assert.isTrue(Object.is(reason.value, value))
    assert.isTrue(reason.message.startsWith(`${option} must be `), reason.message)
  })

const id = (n: number) => Effect.succeed(n)

describe("options out of range", () => {
  it.effect("C8 a pool is not made with them", () =>
    Effect.gen(function* () {
      for (const { option, value } of bad(poolOptions)) {
        yield* assertInvalid(FiberPool.make({ [option]: value }), option, value)
        yield* assertInvalid(FiberPool.make(Effect.succeed({ [option]: value })), option, value)
        const made = WorkerPool.make({ [option]: value }).pipe(Effect.provide(WorkerRuntime.layerFibers()))
        yield* assertInvalid(made, option, value)
      }
    })
  )

  it.effect("C8 a pool is made with those within", () =>
    Effect.gen(function* () {
      for (const { option, value } of good(poolOptions)) {
        const pool = yield* FiberPool.make({ size: 2, [option]: value })
        assert.strictEqual((yield* pool.stats).size, option === "size" ? value : 2)
      }
    })
  )

  const shapes: Record<
    string,
    (pool: Pool, items: Iterable<number>, options: object) => Effect.Effect<unknown, unknown>
  > = {
    map: (pool, items, options) => pool.map(items, id, options),
    mapUnordered: (pool, items, options) => pool.mapUnordered(items, id, options),
    mapExit: (pool, items, options) => pool.mapExit(items, id, options),
    forEach: (pool, items, options) => pool.forEach(items, id, options),
    stream: (pool, items, options) => Stream.runDrain(pool.stream(items, id, options)),
    streamUnordered: (pool, items, options) => Stream.runDrain(pool.streamUnordered(items, id, options)),
    streamExit: (pool, items, options) => Stream.runDrain(pool.streamExit(items, id, options)),
    streamUnorderedExit: (pool, items, options) => Stream.runDrain(pool.streamUnorderedExit(items, id, options))
  }

  it.effect.each(kinds)("C8 calls refuse them before anything starts: %s", (kind) =>
    Effect.gen(function* () {
      const ledger = new Ledger()
      const pool = yield* makePool<any, any>(kind, { size: 2, init: ledger.init(), exit: ledger.exit() })
      let pulled = 0
      for (const { option, value } of bad(callOptions)) {
        for (const call of Object.values(shapes)) {
          const items = source("generator", 5, () => pulled++) as Iterable<number>
          yield* assertInvalid(call(pool, items, { length: 5, [option]: value }), option, value)
        }
      }
      for (const value of duration.bad) {
        yield* assertInvalid(pool.run(id, 1, { timeout: value as number }), "timeout", value)
      }
      for (const value of callOptions["onWorkerLost"]!.bad) {
        yield* assertInvalid(pool.run(id, 1, { onWorkerLost: value as "fail" }), "onWorkerLost", value)
      }
      assert.strictEqual(pulled, 0)
      assert.strictEqual(ledger.entries.length, 0)
      assert.deepInclude(yield* pool.stats, { calls: 0, pending: 0 })
    })
  )

  it.effect.each(kinds)("C8 calls accept those within: %s", (kind) =>
    Effect.gen(function* () {
      for (const { option, value } of good(callOptions)) {
        // an item or hook that takes no time is in time
        const pool = yield* makePool(kind, { size: 2 })
        assert.deepStrictEqual(yield* pool.map([1, 2, 3], id, { [option]: value }), [1, 2, 3])
      }
    })
  )

  it.effect("C8 setSize and setKeepAlive refuse them and change nothing", () =>
    Effect.gen(function* () {
      const pool = yield* FiberPool.make({ size: 2, keepAlive: true })
      yield* pool.start
      for (const value of positive.bad) yield* assertInvalid(pool.setSize(value as number), "size", value)
      for (const value of noDuration) yield* assertInvalid(pool.setKeepAlive(value as number), "keepAlive", value)
      yield* pool.map([], id)
      assert.deepInclude(yield* pool.stats, { size: 2, live: 2 })
    })
  )

  it.effect.each(kinds)("C8 those that there are not are refused, and the one that was meant is named: %s", (kind) =>
    Effect.gen(function* () {
      const meant = {
        timout: "timeout",
        Timeout: "timeout",
        chunksize: "chunkSize",
        keepalive: "keepAlive",
        onWorkerlost: "onWorkerLost",
        inits: "init",
        concurrency: undefined,
        n_jobs: undefined
      }
      const pool = yield* makePool(kind, { size: 2 })
      for (const [option, name] of Object.entries(meant)) {
        const made = FiberPool.make({ [option]: 1 })
        for (const call of [made, pool.map([1], id, { [option]: 1 }), pool.run(id, 1, { [option]: 1 })]) {
          yield* assertInvalid(call, option, 1)
          const [reason] = reasons(yield* Effect.exit(call as Effect.Effect<unknown>))
          const hint = name === undefined ? "" : ` (did you mean "${name}"?)`
          assert.strictEqual(
            reason!.message,
            `${option} must be left out, because there is no such option${hint}, got 1`
          )
        }
        assert.deepStrictEqual(yield* pool.map([1], id, { [option]: undefined }), [1])
      }
    })
  )

  it.effect.each(kinds)(
    "C8 an option of the pool is refused in a call, and one of the map family in a run: %s",
    (kind) =>
      Effect.gen(function* () {
        const pool = yield* makePool(kind, { size: 2 })
        const ofPool = {
          size: 1,
          minSize: 1,
          keepAlive: true,
          tasksPerWorker: 1,
          maxPending: 1,
          killAfter: 1,
          startTimeout: 1
        }
        const messageOf = (call: unknown) =>
          Effect.map(Effect.exit(call as Effect.Effect<unknown>), (exit) => reasons(exit)[0]!.message)
        for (const [option, value] of Object.entries({ ...ofPool, name: "images", services: {} })) {
          const options = { [option]: value } as {}
          for (const [call, where] of [
            [pool.map([1], id, options), "here"],
            [Stream.runCollect(pool.stream([1], id, options)), "here"],
            [pool.mapArray(Int8Array.of(1), id as never, options), "of `mapArray`"],
            [pool.run(id, 1, options), "of `run`"]
          ]) {
            assert.include(
              yield* messageOf(call),
              `${option} must be left out ${String(where)}, because it is an option of the pool`
            )
          }
        }
        for (const [option, value] of Object.entries({
          chunkSize: 1,
          length: 1,
          lifespan: 1,
          dispatch: "ordered",
          init: id
        })) {
          const message = yield* messageOf(pool.run(id, 1, { [option]: value }))
          assert.include(
            message,
            `${option} must be left out of \`run\`, because it is an option of \`map\` and its like`
          )
        }
        assert.include(
          yield* messageOf(pool.mapArray(Int8Array.of(1), id as never, { length: 1 } as {})),
          "length must be left out of `mapArray`, because it is an option of other calls"
        )
      })
  )

  it.effect.each(kinds)("C8 items that are none are refused as an option is: %s", (kind) =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 2 })
      for (const items of [undefined, null, 5, true, {}, { length: 2 }, () => [1], Symbol.iterator]) {
        for (const call of Object.values(shapes)) yield* assertInvalid(call(pool, items as any, {}), "items", items)
      }
      assert.deepInclude(yield* pool.stats, { calls: 0, pending: 0 })
    })
  )

  /** What JavaScript lets pass in the place of options: the number of workers that a call is to have, say. */
  const noOptions: ReadonlyArray<any> = [
    null,
    0,
    4,
    "",
    "size",
    true,
    [],
    [{ size: 1 }],
    () => ({}),
    1n,
    Symbol.iterator
  ]

  it.effect("C8 calls refuse what is no options", () =>
    Effect.gen(function* () {
      const task: any = Portable.make("test:options", "same", (item: unknown) => item)
      const workers: any = yield* WorkerPool.make({ size: 2 })
      const fibers: any = yield* FiberPool.make({ size: 2 })
      for (const pool of [workers, fibers]) {
        for (const value of noOptions) {
          for (const method of ["map", "mapUnordered", "mapExit", "forEach"]) {
            yield* assertInvalid(pool[method]([1], task, value), "options", value)
          }
          for (const method of ["stream", "streamUnordered", "streamExit", "streamUnorderedExit"]) {
            yield* assertInvalid(Stream.runDrain(pool[method]([1], task, value)), "options", value)
          }
          yield* assertInvalid(pool.mapArray(new Float64Array(2), task, value), "options", value)
          yield* assertInvalid(pool.run(task, 1, value), "options", value)
        }
        const stats: Effect.Effect<object> = pool.stats
        assert.deepInclude(yield* stats, { calls: 0, pending: 0 })
      }
    }).pipe(Effect.provide(WorkerRuntime.layerFibers()))
  )

  it.effect("C8 a pool is not made with what is no options", () =>
    Effect.gen(function* () {
      class Numbers extends WorkerPool.Service<Numbers>()("Numbers", { size: 2 }) {}
      for (const value of noOptions) {
        const given = [value, Effect.succeed(value)]
        for (const input of given) {
          yield* assertInvalid(WorkerPool.make(input), "options", value)
          yield* assertInvalid(FiberPool.make(input), "options", value)
          class Given extends WorkerPool.Service<Given>()("Given", input) {}
          yield* assertInvalid(Layer.build(Given.layer), "options", value)
          yield* assertInvalid(Layer.build(Given.layerWith({ size: 1 })), "options", value)
        }
        yield* assertInvalid(Layer.build(Numbers.layerWith(value)), "options", value)
      }
    }).pipe(Effect.provide(WorkerRuntime.layerFibers()))
  )

  it.effect("C8 chunks needs a known length, or the option length", () =>
    Effect.gen(function* () {
      const pool = yield* FiberPool.make({ size: 2 })
      const iterable = () => source("generator", 5) as Iterable<number>
      const stream = () => source("stream", 5) as Stream.Stream<number>
      yield* assertInvalid(pool.map(iterable(), id, { chunks: 2 }), "chunks", 2)
      yield* assertInvalid(pool.map(stream(), id, { chunks: 2 }), "chunks", 2)
      yield* assertInvalid(Stream.runDrain(pool.stream(iterable(), id, { chunks: 2 })), "chunks", 2)
      const expected = [0, 1, 2, 3, 4]
      assert.deepStrictEqual(yield* pool.map(iterable(), id, { chunks: 2, length: 5 }), expected)
      assert.deepStrictEqual(yield* pool.map(stream(), id, { chunks: 2, length: 5 }), expected)
      assert.deepStrictEqual(yield* pool.map(new Set(expected), id, { chunks: 2 }), expected)
      assert.deepStrictEqual(yield* pool.map(new Float64Array(expected), id, { chunks: 2 }), expected)
      // what was said of the length is for planning only
      for (const length of [0, 1, 4, 6, 1000]) {
        assert.deepStrictEqual(yield* pool.map(iterable(), id, { chunks: 2, length }), expected)
        assert.deepStrictEqual(yield* pool.map(stream(), id, { length }), expected)
      }
    })
  )

  it.effect("C8 an option that is undefined is as if it were not there", () =>
    Effect.gen(function* () {
      const names = Object.keys(poolOptions)
      const pool = yield* FiberPool.make(
        Object.fromEntries([...names, "init", "exit"].map((name) => [name, undefined]))
      )
      const overrides = Object.fromEntries(
        [...Object.keys(callOptions), "init", "exit"].map((name) => [name, undefined])
      )
      assert.deepStrictEqual(yield* pool.map([1, 2, 3], id, overrides), [1, 2, 3])
      assert.strictEqual(yield* pool.run(id, 1, { timeout: undefined }), 1)
    })
  )

  it.effect("a WorkerPool refuses closures that were smuggled past the types", () =>
    Effect.gen(function* () {
      const portable = Portable.make("test:options", "id", (n: number) => n)
      const role = (call: Effect.Effect<unknown, unknown, any>) =>
        Effect.map(Effect.exit(call as Effect.Effect<unknown, unknown>), (exit) => {
          const [reason] = reasons(exit)
          assert(reason?._tag === "NotPortable")
          return reason.role
        })
      const closure = (() => Effect.void) as any
      const runtime = WorkerRuntime.layerFibers()
      for (const name of ["init", "exit", "services"]) {
        assert.strictEqual(yield* role(Effect.provide(WorkerPool.make({ [name]: closure }), runtime)), name)
      }
      const pool = yield* Effect.provide(WorkerPool.make({ size: 1 }), runtime)
      assert.strictEqual(yield* role(pool.map([1], closure)), "task")
      assert.strictEqual(yield* role(pool.run(closure, 1)), "task")
      assert.strictEqual(yield* role(Stream.runDrain(pool.stream([1], closure))), "task")
      assert.strictEqual(yield* role(pool.map([1], portable, { init: closure })), "init")
      assert.strictEqual(yield* role(pool.map([1], portable, { exit: closure })), "exit")
      assert.deepInclude(yield* pool.stats, { live: 0, calls: 0 })
    })
  )
})

describe("options in the engine's terms", () => {
  it.prop(
    "C8 integers are accepted from the least on, and nothing else is",
    { option: oneOf("size", "chunkSize", "minSize", "length"), value: integer(-5, 5), fraction: oneOf(0, 0, 0.25) },
    ({ fraction, option, value }) => {
      const least = option === "minSize" || option === "length" ? 0 : 1
      const error = options.invalid({ [option]: value + fraction }, "pool")
      assert.strictEqual(error === undefined, fraction === 0 && value >= least)
    },
    runs(200)
  )

  const some = Arbitrary.all({
    chunkSize: optional(integer(1, 3)),
    chunks: optional(integer(1, 3)),
    maxActive: optional(integer(1, 3)),
    timeout: optional(integer(1, 3))
  })

  it.prop(
    "L6 overrides replace what they name, and chunkSize and chunks each other",
    { defaults: some, overrides: some },
    ({ defaults, overrides }) => {
      const merged = options.override<options.AnyCallOptions>(defaults, overrides)
      for (const name of ["maxActive", "timeout"] as const) {
        assert.strictEqual(merged[name], overrides[name] ?? defaults[name])
      }
      if (overrides.chunkSize !== undefined) assert.strictEqual(merged.chunkSize, overrides.chunkSize)
      else if (overrides.chunks !== undefined) {
        assert.deepStrictEqual([merged.chunkSize, merged.chunks], [undefined, overrides.chunks])
      } else assert.deepStrictEqual([merged.chunkSize, merged.chunks], [defaults.chunkSize, defaults.chunks])
    },
    runs(200)
  )

  it("L6 hooks are a call's own over the base's, with its lifespan and timeouts", () => {
    const code = (value: unknown) => Portable.make("test:options", "hook", () => value) as any
    const [init, exit, other] = [code(1), code(2), code(3)]
    const base = options.hooks({ init, exit, lifespan: 5, initTimeout: "1 second" })
    assert.deepStrictEqual(base, { init, exit, lifespan: 5, initTimeout: 1000, exitTimeout: 30_000 })
    assert.deepStrictEqual(options.hooks({}, base), base)
    assert.deepStrictEqual(options.hooks({ init: other, exitTimeout: 7 }, base), {
      ...base,
      init: other,
      exitTimeout: 7
    })
    assert.deepStrictEqual(options.hooks({ exit: other, lifespan: 1, initTimeout: Duration.infinity }, base), {
      ...base,
      exit: other,
      lifespan: 1,
      initTimeout: undefined
    })
    assert.deepStrictEqual(options.hooks({ exitTimeout: Number.POSITIVE_INFINITY }).exitTimeout, undefined)
  })

  it("L4 keepAlive is whether, or for how long, workers are kept", () => {
    assert.deepStrictEqual(
      [undefined, true, false, 0, 5, "2 seconds", Duration.infinity].map((input) => options.keepAlive(input as any)),
      [false, true, false, 0, 5, 2000, true]
    )
  })

  it("F2 C4 T4 what onWorkerLost, killAfter and startTimeout come to", () => {
    const infinite = Number.POSITIVE_INFINITY
    assert.deepStrictEqual(([undefined, "fail", { retries: 0 }, { retries: 3 }] as const).map(options.retries), [
      "never",
      "never",
      0,
      3
    ])
    assert.deepStrictEqual(([undefined, "never", 0, "2 seconds", infinite] as const).map(options.killAfter), [
      1000,
      undefined,
      0,
      2000,
      undefined
    ])
    assert.deepStrictEqual([undefined, 0, Duration.seconds(2), infinite].map(options.startTimeout), [
      30_000,
      0,
      2000,
      undefined
    ])
  })

  it("C8 an error says what was expected", () => {
    const expected = (given: object) => {
      const reason = options.invalid(given, "pool")?.reason
      return reason?._tag === "InvalidOptions" ? reason.expected : undefined
    }
    assert.strictEqual(expected({ killAfter: -1 }), `a duration >= 0 or "never"`)
    assert.strictEqual(expected({ startTimeout: -1 }), "a duration >= 0")
    assert.strictEqual(expected({ onWorkerLost: { retries: -1 } }), `"fail" or { retries: an integer >= 0 }`)
  })

  it("C3 chunks are as long as chunkSize says, or as many as chunks says, or automatic", () => {
    const at = (planned: number, length: number | undefined) => ({ planned, length, workers: 2 })
    assert.strictEqual(options.chunking({ chunkSize: 7, chunks: 2 }, 10)(at(0, 10)), 7)
    assert.strictEqual(options.chunking({ chunks: 3 }, 10)(at(0, 10)), 4)
    assert.strictEqual(options.chunking({}, 10), Chunking.automatic)
  })
})
