import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as Transferable from "effect/workers/Transferable"
import * as FiberPool from "../src/FiberPool.ts"
import { cut, Slices } from "../src/internal/call/mapArray.ts"
import * as slices from "../src/internal/wire/slices.ts"
import type { PoolEvent } from "../src/PoolEvent.ts"
import * as Portable from "../src/Portable.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"
import { driven, integer, kinds, makePool, noise, oneOf, optional, reasons, runs, settle } from "./support.ts"

const numbers = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array
]
const bigints = [BigInt64Array, BigUint64Array]

const arrayTypes = [...numbers, ...bigints]

/** A view of `length` elements with `offset` elements before it in its buffer; an element's value tells its index. */
const make = (type: number, length: number, offset: number, shared: boolean): WorkerPool.TypedArray => {
  const Type = arrayTypes[type % arrayTypes.length]!
  const bytes = (offset + length + 3) * Type.BYTES_PER_ELEMENT
  const buffer = shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes)
  const whole = new (Type as Float64ArrayConstructor)(buffer)
  for (let n = 0; n < whole.length; n++) {
    const value = (n - offset + 1) % 100
    whole[n] = (bigints as ReadonlyArray<unknown>).includes(Type) ? (BigInt(value) as never) : value
  }
  return whole.subarray(offset, offset + length)
}

const elements = (array: WorkerPool.TypedArray): ReadonlyArray<number | bigint> => [...(array as Float64Array)]

const shapes = {
  type: integer(0, arrayTypes.length - 1),
  length: integer(0, 300),
  offset: integer(0, 9),
  shared: oneOf(true, false),
  workers: integer(1, 5),
  chunkSize: optional(integer(1, 400)),
  chunks: optional(integer(1, 400)),
  seed: integer(0, 1_000_000)
}

const joined = (items: ReadonlyArray<slices.Slice>): ReadonlyArray<unknown> =>
  items.flatMap(({ input }) => elements(input))

describe("slices of an array", () => {
  it.prop(
    "C2 hold every element once, in order, whatever the type, the view and the sizes",
    shapes,
    ({ chunkSize, chunks, length, offset, shared, type, workers }) => {
      const array = make(type, length, offset, shared)
      const cuts = cut(length, workers, { chunkSize, chunks })
      const items = [...new Slices(array, cuts)]
      assert.strictEqual(items.length, cuts.count)
      assert.deepStrictEqual(joined(items), elements(array))
      for (const { input, output } of items) {
        assert.strictEqual(input.buffer, array.buffer)
        assert.isAtLeast(input.length, 1)
        assert(output !== undefined)
        assert.strictEqual(output.length, input.length)
        assert.isTrue(output.buffer instanceof SharedArrayBuffer)
        assert.strictEqual(output[Symbol.toStringTag], array[Symbol.toStringTag])
      }
      const sizes = items.map(({ input }) => input.length)
      if (chunkSize !== undefined) assert.isTrue(sizes.slice(0, -1).every((size) => size === chunkSize))
      else if (chunks !== undefined) {
        assert.strictEqual(sizes.length, Math.min(chunks, length))
        assert.isAtMost(Math.max(0, ...sizes) - Math.min(Infinity, ...sizes), 1)
      }
    },
    runs(300)
  )

  it("are 32 per worker by default, fewer of a short array, and 4 per worker of a shorter one", () => {
    const sizes = (length: number, workers: number) => {
      const { at, count } = cut(length, workers, {})
      return { count, size: at(1) }
    }
    assert.deepStrictEqual(sizes(10_000_000, 2), { count: 64, size: 156_250 })
    assert.deepStrictEqual(sizes(20_480, 2), { count: 20, size: 1024 })
    assert.deepStrictEqual(sizes(800, 2), { count: 8, size: 100 })
    assert.deepStrictEqual(sizes(3, 2), { count: 3, size: 1 })
    assert.deepStrictEqual(sizes(1, 8), { count: 1, size: 1 })
  })

  it.prop(
    "C2 are put together in order, in whatever order they come: written results, those that fit, those that do not",
    { ...shapes, other: integer(0, arrayTypes.length - 1) },
    ({ chunkSize, chunks, length, offset, other, seed, shared, type, workers }) => {
      const array = make(type, length, offset, shared)
      const into = new Slices(array, cut(length, workers, { chunkSize, chunks }))
      const results = [...into].map(
        ({ input, output }, index): { readonly value: unknown; readonly as: WorkerPool.TypedArray } => {
          const by = noise(seed, index) % 4
          if (type !== other) {
            const of = make(other, noise(seed, index) % 7, 1, false)
            return { value: of, as: of }
          }
          if (by === 0) return { value: input, as: input }
          if (by === 1) {
            const part = make(type, noise(seed, index + 1) % (2 * input.length), 2, by === 1)
            return { value: part, as: part }
          }
          slices.copyTo(output!, input)
          return { value: slices.written, as: input }
        }
      )
      const order = [...results.keys()].sort((left, right) => noise(seed, left) - noise(seed, right))
      for (const index of order) assert.strictEqual(into.put(index, results[index]!.value), 1)
      assert.deepStrictEqual(
        elements(into.result),
        results.flatMap(({ as }) => elements(as))
      )
      assert.isTrue(into.result.buffer instanceof SharedArrayBuffer)
      if (length > 0) assert.strictEqual(into.result[Symbol.toStringTag], make(other, 0, 0, false)[Symbol.toStringTag])
    },
    runs(300)
  )

  it("F4 of several types are refused", () => {
    const errors: Array<readonly [index: number, cause: TypeError]> = []
    const into = new Slices(new Int8Array(10), cut(10, 1, { chunkSize: 5 }))
    into.fail = (index, cause) => errors.push([index, cause])
    assert.strictEqual(into.put(1, new Float32Array(5)), 1)
    assert.strictEqual(into.put(0, slices.written), 0)
    assert.strictEqual(errors[0]?.[0], 0)
    assert.match(errors[0]![1].message, /Float32Array and Int8Array/)
  })
})

/** A buffer that cannot be moved. */
const webAssemblyMemory = (): ArrayBuffer => {
  const { WebAssembly } = globalThis as unknown as {
    readonly WebAssembly: { readonly Memory: new (options: object) => { readonly buffer: ArrayBuffer } }
  }
  return new WebAssembly.Memory({ initial: 1 }).buffer
}

describe("results of a slice", () => {
  const slice = (input: WorkerPool.TypedArray, isShared = true): slices.Slice => ({
    input,
    output: isShared ? new Float64Array(new SharedArrayBuffer(input.byteLength)) : undefined
  })
  const input = Float64Array.of(1, 2, 3)

  const write = (result: unknown, of = slice(input)) => {
    const transfers: Array<object> = []
    return { sent: slices.writeOrMove(result, transfers, of), transfers, of }
  }

  it("S1 that fit are written to the output, and stay the task's", () => {
    const result = Float64Array.of(4, 5, 6)
    const { of, sent, transfers } = write(result)
    assert.strictEqual(sent, slices.written)
    assert.deepStrictEqual(transfers, [])
    assert.deepStrictEqual(elements(of.output!), [4, 5, 6])
    assert.strictEqual(result.length, 3)
  })

  it("S1 that fit are sent as they are where no memory is shared", () => {
    const result = Float64Array.of(4, 5, 6)
    assert.deepStrictEqual(write(result, slice(input, false)), {
      sent: result,
      transfers: [],
      of: slice(input, false)
    })
    assert.strictEqual(result.length, 3)
  })

  it("S1 that do not fit are moved where their memory is their own", () => {
    const result = Float32Array.of(1, 2)
    const { sent, transfers } = write(result)
    assert.deepStrictEqual(elements(sent as WorkerPool.TypedArray), [1, 2])
    assert.deepStrictEqual(transfers, [(sent as WorkerPool.TypedArray).buffer])
    assert.strictEqual(result.length, 0)
    assert.throws(() => write(result), /has moved/)
  })

  it("S1 that do not fit are copied where it is not", () => {
    const whole = Float32Array.of(1, 2, 3, 4)
    const wasm = new Uint8Array(webAssemblyMemory())
    const shared = new Int16Array(new SharedArrayBuffer(4)).fill(7)
    for (const result of [whole.subarray(1, 3), wasm, shared, input.subarray(1)]) {
      const before = elements(result)
      const { sent, transfers } = write(result)
      assert.deepStrictEqual(elements(sent as WorkerPool.TypedArray), before)
      const { buffer } = sent as WorkerPool.TypedArray
      assert.deepStrictEqual(transfers, [buffer])
      assert.isTrue(buffer instanceof ArrayBuffer && buffer !== result.buffer)
      assert.deepStrictEqual(elements(result), before)
      assert.strictEqual(buffer.byteLength, result.byteLength)
      // it can be moved in fact
      structuredClone(sent, { transfer: transfers as Array<ArrayBuffer> })
    }
  })

  it("S1 are of the type itself, not of a subclass", () => {
    const { sent } = write(Buffer.from("text"))
    assert.strictEqual(Object.getPrototypeOf(sent), Uint8Array.prototype)
    const own = Buffer.alloc(8)
    assert.strictEqual(Object.getPrototypeOf(write(own).sent), Uint8Array.prototype)
  })

  it("F4 are refused when they are none", () => {
    for (const [result, name] of [
      [undefined, "undefined"],
      [null, "null"],
      ["text", "string"],
      [[1, 2], "a value of Array"],
      [new DataView(new ArrayBuffer(8)), "a value of DataView"],
      [new ArrayBuffer(8), "a value of ArrayBuffer"],
      [true, "boolean"]
    ] as const) {
      assert.throws(() => write(result), `must return a TypedArray, and returned ${name}`)
    }
  })

  it("F4 an input that arrived as something else is refused", () => {
    assert.throws(() => slices.read({ input: { 0: 1 } }), /no TypedArray/)
  })
})

/** Node 22 has none. */
const Float16: typeof Float16Array | undefined = globalThis.Float16Array

describe("mapArray", () => {
  for (const kind of kinds) {
    it.effect.prop(
      `C2 gives what one call of the task would give of the whole array, in a ${kind}`,
      { length: integer(0, 200), size: integer(1, 4), chunkSize: optional(integer(1, 60)), shared: oneOf(true, false) },
      ({ chunkSize, length, shared, size }) =>
        Effect.gen(function* () {
          const pool = yield* makePool(kind, { size, tasksPerWorker: 2 })
          const array = make(8, length, 3, shared) as Float64Array
          const task = (slice: Float64Array) =>
            Effect.as(
              Effect.yieldNow,
              slice.map((x) => x * 3)
            )
          const expected = elements(array.map((x) => x * 3))
          assert.deepStrictEqual(elements(yield* pool.mapArray(array, task, { chunkSize })), expected)
          const some = (slice: Float64Array) => Effect.succeed(Int8Array.from(slice.filter((x) => x % 3 === 0)))
          const filtered = elements(array.filter((x) => x % 3 === 0))
          assert.deepStrictEqual(elements(yield* pool.mapArray(array, some, { chunkSize })), filtered)
        }).pipe(Effect.scoped),
      runs(40)
    )

    it.effect(`C8 refuses options out of range, and what is no array, in a ${kind}`, () =>
      Effect.gen(function* () {
        const pool = yield* makePool(kind, { size: 2 })
        const task = (slice: Uint8Array) => Effect.succeed(slice)
        for (const option of ["chunkSize", "chunks", "maxActive", "lifespan"]) {
          const exit = yield* Effect.exit(pool.mapArray(new Uint8Array(4), task, { [option]: 0 }))
          assert.deepInclude(reasons(exit)[0], { _tag: "InvalidOptions", option, value: 0 })
        }
        const exit = yield* Effect.exit(pool.mapArray([1, 2] as unknown as Uint8Array, task))
        assert.deepInclude(reasons(exit)[0], { _tag: "InvalidOptions", option: "array" })
        assert.strictEqual((yield* pool.stats).live, 0)
      }).pipe(Effect.scoped)
    )

    it.effect(`C3 counts slices: a ${kind}'s own chunkSize is of items, its maxActive and lifespan of slices`, () =>
      Effect.gen(function* () {
        const pool = yield* makePool(kind, { size: 3, chunkSize: 1, maxActive: 1, lifespan: 5, keepAlive: true })
        let active = 0
        const task = (slice: Uint8Array) =>
          Effect.gen(function* () {
            assert.strictEqual(++active, 1)
            yield* Effect.yieldNow
            active--
            return Uint16Array.of(slice.length)
          })
        assert.deepStrictEqual(elements(yield* pool.mapArray(new Uint8Array(1200), task)), Array(12).fill(100))
      }).pipe(Effect.scoped)
    )

    it.effect(`O1 O2 shows slices as what the task is given, in a ${kind}`, () =>
      Effect.gen(function* () {
        const shown = (describe?: any) =>
          Effect.gen(function* () {
            const pool = yield* makePool(kind, { size: 1 })
            const events: Array<PoolEvent> = []
            yield* Effect.forkScoped(
              Stream.runForEach(pool.events, (event) => Effect.sync(() => void events.push(event))),
              { startImmediately: true }
            )
            const task = (slice: Float64Array) =>
              slice.length === 60 ? Effect.delay(Effect.succeed(slice), 10) : Effect.fail(1)
            const options = describe === undefined ? {} : { describe }
            yield* driven(Effect.exit(pool.mapArray(new Float64Array(100), task, { chunkSize: 60, ...options })))
            yield* settle
            const failed = events.find(({ _tag }) => _tag === "ItemFailed")
            return [(yield* pool.insights).longest[0]?.input, failed?._tag === "ItemFailed" ? failed.input : "none"]
          }).pipe(Effect.scoped)
        assert.deepStrictEqual(yield* shown(), ["Float64Array(60)", "Float64Array(40)"])
        const own = (slice: Float64Array) => `${slice.constructor.name} of ${slice.length}`
        assert.deepStrictEqual(yield* shown(own), ["Float64Array of 60", "Float64Array of 40"])
        const none = [undefined, undefined]
        assert.deepStrictEqual(yield* shown(false), none)
        assert.deepStrictEqual(yield* shown(() => assert.fail()), none)
      })
    )

    it.effect(`C4 ends the slices that run when one fails, in a ${kind}`, () =>
      Effect.gen(function* () {
        const pool = yield* makePool(kind, { size: 2, keepAlive: true })
        const events: Array<string> = []
        const task = (slice: Uint8Array) =>
          slice[0] === 1
            ? Effect.onInterrupt(Effect.never, () => Effect.sync(() => events.push("interrupted")))
            : Effect.andThen(Effect.yieldNow, Effect.fail("no"))
        const exit = yield* Effect.exit(pool.mapArray(Uint8Array.of(1, 2, 3, 4), task, { chunkSize: 1 }))
        assert.deepStrictEqual(Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined, "no")
        assert.deepStrictEqual(events, ["interrupted"])
        assert.deepInclude(yield* pool.stats, { busy: 0, calls: 0, live: 2 })
      }).pipe(Effect.scoped)
    )
  }

  it.effect("S1 gives a FiberPool's tasks views of the array itself", () =>
    Effect.gen(function* () {
      const pool = yield* FiberPool.make({ size: 2 })
      const array = new Int32Array(100)
      yield* pool.mapArray(array.subarray(10, 90), (slice) => Effect.succeed(slice.fill(1)), { chunkSize: 7 })
      assert.deepStrictEqual(elements(array), elements(new Int32Array(100).fill(1, 10, 90)))
    }).pipe(Effect.scoped)
  )

  it.effect("S1 takes a copy of what a FiberPool's task returns, and may return again", () =>
    Effect.gen(function* () {
      const pool = yield* FiberPool.make({ size: 1 })
      const kept = new Int16Array(1)
      const task = (slice: Int32Array) => Effect.sync(() => kept.fill(slice.length))
      assert.deepStrictEqual(elements(yield* pool.mapArray(new Int32Array(5), task, { chunkSize: 2 })), [2, 2, 1])
    }).pipe(Effect.scoped)
  )

  it.effect("S1 without cloning behaves as with it, but for the copies", () =>
    Effect.gen(function* () {
      const array = new Float64Array(10)
      const pool = yield* makePool("WorkerPool", { size: 1 }, WorkerRuntime.layerFibers({ clone: false }))
      const seen: Array<ArrayBufferLike> = []
      const task = (slice: Float64Array) => {
        seen.push(slice.buffer)
        return Effect.succeed(slice)
      }
      assert.strictEqual((yield* pool.mapArray(array, task)).length, 10)
      assert.isTrue(seen.every((buffer) => buffer === array.buffer))
    }).pipe(Effect.scoped)
  )

  it.effect("S1 passes over a Schema of results, which the elements do not need", () =>
    Effect.gen(function* () {
      const invert = Portable.make(
        "test:arrays",
        "invert",
        (bytes: Uint8Array): Uint8Array<ArrayBuffer> => bytes.map((byte) => 255 - byte),
        { output: Transferable.Uint8Array }
      )
      const pool = yield* Effect.provide(WorkerPool.make({ size: 2 }), WorkerRuntime.layerFibers())
      const bytes = Uint8Array.of(1, 2, 3)
      assert.deepStrictEqual(elements(yield* pool.mapArray(bytes, invert, { chunkSize: 2 })), [254, 253, 252])
      assert.deepStrictEqual(elements(bytes), [1, 2, 3])
    }).pipe(Effect.scoped)
  )

  class Factor extends Context.Service<Factor, number>()("test/Factor") {}

  it.effect("C2 gives a FiberPool's tasks the caller's services", () =>
    Effect.gen(function* () {
      const pool = yield* FiberPool.make({ size: 2 })
      const map = pool.mapArray(Float32Array.of(1, 2, 3), (slice) =>
        Effect.map(Factor, (factor) => slice.map((x) => x * factor))
      )
      assert.deepStrictEqual(elements(yield* Effect.provideService(map, Factor, 5)), [5, 10, 15])
    }).pipe(Effect.scoped)
  )

  it.effect.skipIf(Float16 === undefined)("S1 takes a Float16Array, where there are any", () =>
    Effect.gen(function* () {
      for (const kind of kinds) {
        const pool = yield* makePool(kind, { size: 2 })
        const array = new Float16(10).fill(0.5)
        const result = yield* pool.mapArray(array, (slice: Float16Array) => Effect.succeed(slice), { chunkSize: 3 })
        assert.strictEqual(result[Symbol.toStringTag], "Float16Array")
        assert.deepStrictEqual([...result], [...array])
      }
    }).pipe(Effect.scoped)
  )
})
