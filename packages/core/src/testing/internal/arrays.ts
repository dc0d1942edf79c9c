/** `mapArray`: slices of an array, and the array that their results become. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Portable from "../../Portable.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import * as schemas from "../suite.schemas.ts"
import { SharedMemory } from "../suite.values.ts"
import { pace, usable } from "./aftermath.ts"
import * as assert from "./assert.ts"
import { type Case, harmful, plain, tasks } from "./case.ts"

const floats = (length: number): Float64Array => Float64Array.from({ length }, (_, n) => n)

const integers = (length: number): Int32Array => Int32Array.from({ length }, (_, n) => n)

/** An array in shared memory with another's elements. */
const shared = (array: Int32Array): Int32Array => {
  const copy = new Int32Array(new SharedMemory(array.byteLength))
  copy.set(array)
  return copy
}

const kinds: ReadonlyArray<WorkerPool.TypedArray> = [
  Int8Array.of(-128, 0, 127),
  Uint8Array.of(0, 128, 255),
  Uint8ClampedArray.of(0, 128, 255),
  Int16Array.of(-32768, 0, 32767),
  Uint16Array.of(0, 32768, 65535),
  Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1),
  Uint32Array.of(0, 2 ** 31, 2 ** 32 - 1),
  Float32Array.of(-0.5, Number.NaN, Infinity),
  Float64Array.of(-0.1, Number.NaN, Number.MAX_VALUE),
  BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 63n - 1n),
  BigUint64Array.of(0n, 2n ** 63n, 2n ** 64n - 1n)
]

const results: ReadonlyArray<Case> = [
  {
    rule: "C2",
    name: "puts together what mapArray's tasks return, in order and in shared memory",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      const expected = floats(1000).map((x) => x * 2)
      for (const options of [undefined, { chunkSize: 7 }, { chunks: 3 }, { chunks: 2000, maxActive: 1 }]) {
        const doubled = yield* pool.mapArray(floats(1000), plain.doubleAll, options)
        yield* assert.isTrue(doubled instanceof Float64Array, "a Float64Array", doubled)
        yield* assert.equal([...doubled], [...expected])
        yield* assert.isTrue(doubled.buffer instanceof SharedMemory, "shared memory", doubled.buffer)
        const again = yield* pool.mapArray(doubled, plain.doubleAll, options)
        yield* assert.equal([...again], [...expected.map((x) => x * 2)])
      }
    })
  },
  {
    rule: "C2",
    name: "puts together results of mapArray that are of other lengths, or of another type",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      const even = yield* pool.mapArray(integers(101), plain.evenOnly, { chunkSize: 9 })
      yield* assert.equal([...even], [...integers(101).filter((n) => n % 2 === 0)])
      // the result of one slice is as long as the slice, others are empty
      const mixed = Int32Array.of(1, 3, 2, 4, 5, 6, 7)
      const some = yield* pool.mapArray(mixed, plain.evenOnly, { chunkSize: 2 })
      yield* assert.equal([...some], [2, 4, 6])
      const halves = yield* pool.mapArray(integers(100), plain.toFloats, { chunkSize: 30 })
      yield* assert.isTrue(halves instanceof Float32Array, "a Float32Array", halves)
      yield* assert.equal([...halves], [...Float32Array.from(integers(100), (n) => n / 2)])
      const sums = yield* pool.mapArray(floats(6), plain.sum, { chunks: 3 })
      yield* assert.equal([...sums], [1, 5, 9])
    })
  },
  {
    rule: "S1",
    name: "brings slices of every type of array",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      // `echo` returns what it is given, so both have the same type
      const echo = plain.echo as unknown as Portable.Portable<(slice: WorkerPool.TypedArray) => WorkerPool.TypedArray>
      for (const array of kinds) {
        const echoed = yield* pool.mapArray(array, echo, { chunkSize: 2 })
        const kind = array[Symbol.toStringTag]
        yield* assert.equal(echoed[Symbol.toStringTag], kind)
        const elements = (of: WorkerPool.TypedArray) => [...(of as Float64Array)]
        yield* assert.equal(elements(echoed), elements(array), kind)
      }
    })
  },
  {
    rule: "S1",
    name: "gives mapArray's tasks no more than what the array is a view of",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const whole = floats(100)
      const ofShared = new Float64Array(new SharedMemory(800))
      ofShared.set(whole)
      for (const array of [whole, ofShared]) {
        const sums = yield* pool.mapArray(array.subarray(10, 20), plain.sum, { chunkSize: 4 })
        yield* assert.equal([...sums], [10 + 11 + 12 + 13, 14 + 15 + 16 + 17, 18 + 19])
      }
    })
  },
  {
    rule: "S1",
    name: "takes a copy of a result that fits its slice, so that its task may keep the array",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, init: plain.openNumbers })
      const doubled = yield* pool.mapArray(floats(10), plain.doubleInState, { chunkSize: 3 })
      yield* assert.equal([...doubled], [...floats(10).map((x) => x * 2)])
    })
  },
  {
    rule: "S1",
    name: "moves a result that does not fit its slice; when a task returns it again, that is an error",
    needs: ["cloning"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, init: plain.openNumbers })
      const map = pool.mapArray(floats(10), plain.giveState, { chunkSize: 3 })
      const { cause, direction, index } = yield* assert.failsWith(map, "NotSerializable")
      yield* assert.equal<unknown>({ direction, index }, { direction: "output", index: 1 })
      yield* assert.includes((yield* assert.isError(cause)).message, "has moved", "message")
      yield* usable(pool)
    })
  },
  {
    rule: "S1",
    name: "encodes failures of mapArray by Schema",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const mirrored = yield* pool.mapArray(Float64Array.of(1, 2, 3, 4), schemas.mirrorAll, { chunkSize: 2 })
      yield* assert.equal([...mirrored], [2, 1, 4, 3])
      const failing = pool.mapArray(Float64Array.of(1, 2, 30, 40), schemas.mirrorAll, { chunkSize: 2 })
      const error = Cause.squash(yield* assert.failure(failing))
      yield* assert.isTrue(error instanceof schemas.TooFar, "a TooFar", error)
      yield* assert.equal((error as schemas.TooFar).point.length, 50, "length")
    })
  }
]

const memory: ReadonlyArray<Case> = [
  {
    rule: "S1",
    name: "gives mapArray's tasks the memory of a shared array itself",
    needs: ["sharedMemory"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2 })
      const array = shared(integers(100))
      yield* pool.mapArray(array.subarray(10, 90), plain.fillWithOnes, { chunkSize: 7 })
      yield* assert.equal([...array], [...integers(100).fill(1, 10, 90)])
    })
  },
  {
    rule: "S1",
    name: "lets mapArray's tasks see what is written meanwhile",
    needs: ["sharedMemory"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const array = shared(Int32Array.of(0, 0))
      const fiber = yield* Effect.forkChild(pool.mapArray(array, plain.meetInMemory, { chunks: 1 }))
      yield* assert.eventually(Effect.sync(() => Atomics.load(array, 0) === 1))
      Atomics.store(array, 1, 7)
      yield* assert.equal([...(yield* Fiber.join(fiber))], [7])
    })
  },
  {
    rule: "S1",
    name: "gives mapArray's tasks copies of slices of an array that is not shared",
    needs: ["cloning"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2 })
      const array = integers(100)
      yield* pool.mapArray(array, plain.fillWithOnes, { chunkSize: 7 })
      yield* assert.equal([...array], [...integers(100)])
    })
  }
]

const accidents: ReadonlyArray<Case> = [
  {
    rule: "F4",
    name: "refuses results of mapArray that are no arrays, or of several types; the worker is unharmed",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const noArray = Portable.bind(plain.noArrayAt, 5) as Portable.Portable<(slice: Int32Array) => Int32Array>
      const first = yield* assert.failsWith(pool.mapArray(integers(9), noArray, { chunkSize: 2 }), "NotSerializable")
      yield* assert.equal<unknown>([first.direction, first.index], ["output", 2])
      yield* assert.includes((yield* assert.isError(first.cause)).message, "returned string", "message")
      const mixed = pool.mapArray(integers(9), Portable.bind(plain.changeTypeAt, 5), { chunkSize: 2 })
      const second = yield* assert.failsWith(mixed, "NotSerializable")
      yield* assert.equal<unknown>([second.direction, second.index], ["output", 2])
      yield* assert.includes((yield* assert.isError(second.cause)).message, "Float64Array", "message")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
      yield* usable(pool)
    })
  },
  {
    rule: "C4",
    name: "fails mapArray with the task's own failure, typed, and says which slice it was",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      const squared = yield* pool.mapArray(floats(100), Portable.bind(tasks.squareAllBut, -1))
      yield* assert.equal([...squared], [...floats(100).map((x) => x * x)])
      const failing = pool.mapArray(floats(100), Portable.bind(tasks.squareAllBut, 55), { chunkSize: 10 })
      const caught = failing.pipe(Effect.catchTag("Busy", ({ resource }) => Effect.succeed(resource)))
      yield* assert.equal<unknown>(yield* caught, "55")
      const cause = yield* assert.failure(failing)
      yield* assert.equal(WorkerPoolError.origin(cause)?.index, 5, "slice")
      yield* usable(pool)
    })
  },
  {
    rule: "C5",
    name: "interrupts mapArray",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      const map = pool.mapArray(floats(100), Portable.bind(tasks.holdSlice, 55), { chunkSize: 10 })
      const fiber = yield* Effect.forkChild(map)
      yield* assert.eventually(Effect.map(pool.stats, ({ busy }) => busy > 0))
      yield* Fiber.interrupt(fiber)
      yield* usable(pool)
    })
  },
  {
    rule: "T2",
    name: "times slices out, and says which",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      // loads the tasks, and Effect with them, first, and measures how busy the machine is
      const timeout = yield* pace(pool.mapArray(floats(4), Portable.bind(tasks.holdSlice, -1), { chunkSize: 1 }))
      const map = pool.mapArray(floats(100), Portable.bind(tasks.holdSlice, 55), { chunkSize: 10, timeout })
      yield* assert.equal((yield* assert.failsWith(map, "TaskTimedOut")).index, 5, "slice")
      yield* usable(pool)
    })
  },
  {
    rule: "T2",
    name: "survives a slice that never ends",
    needs: ["killing"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, killAfter: 100 })
      const timeout = yield* pace(pool.start)
      const map = pool.mapArray(floats(100), Portable.bind(harmful.loopInSlice, 55), { chunkSize: 10, timeout })
      yield* assert.equal((yield* assert.failsWith(map, "TaskTimedOut")).index, 5, "slice")
      yield* assert.equal((yield* pool.stats).killed, 1, "killed workers")
      yield* usable(pool)
    })
  },
  {
    rule: "F2",
    name: "with retries: completes a mapArray of which a slice ended its worker once",
    needs: ["vanishing"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, onWorkerLost: { retries: 1 } })
      const task = Portable.bind(harmful.exitInSliceAtFirst, 55)
      const doubled = yield* pool.mapArray(floats(100), task, { chunkSize: 10 })
      yield* assert.equal([...doubled], [...floats(100).map((x) => x * 2)])
      yield* assert.equal((yield* pool.stats).lost, 1, "lost workers")
    })
  },
  {
    rule: "L2",
    name: "starts nothing for an empty array, and gives another",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      const result = yield* pool.mapArray(new Float64Array(0), plain.doubleAll)
      yield* assert.equal([...result], [])
      yield* assert.isTrue(result instanceof Float64Array, "a Float64Array", result)
      yield* assert.equal((yield* pool.stats).live, 0, "live workers")
    })
  },
  {
    rule: "L8",
    name: "counts slices as items of a lifespan",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, lifespan: 2 })
      const generations = yield* pool.mapArray(new Uint8Array(60), plain.generationOf, { chunks: 5 })
      yield* assert.equal([...generations], [1, 1, 2, 2, 3])
    })
  },
  {
    rule: "C1",
    name: "lets mapArray and other calls overlap",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2 })
      const [doubled, squares, even, one] = yield* Effect.all(
        [
          pool.mapArray(floats(500), plain.doubleAll, { chunkSize: 9 }),
          pool.map([1, 2, 3], plain.square),
          pool.mapArray(integers(500), plain.evenOnly, { chunkSize: 11 }),
          Effect.exit(pool.run(plain.square, 4))
        ],
        { concurrency: "unbounded" }
      )
      yield* assert.equal([...doubled], [...floats(500).map((x) => x * 2)])
      yield* assert.equal(squares, [1, 4, 9])
      yield* assert.equal([...even], [...integers(500).filter((n) => n % 2 === 0)])
      yield* assert.equal<unknown>(one, Exit.succeed(16))
    })
  }
]

export const cases: ReadonlyArray<Case> = [...results, ...memory, ...accidents]
