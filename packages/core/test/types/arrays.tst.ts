// mapArray: from an array to what its task returns, of whatever type, in shared memory.
// @effect-diagnostics floatingEffect:off missingEffectContext:off
import * as Effect from "effect/Effect"
import { describe, expect, test } from "tstyche"
import type * as FiberPool from "../../src/FiberPool.ts"
import * as Portable from "../../src/Portable.ts"
import * as WorkerPool from "../../src/WorkerPool.ts"
import type { WorkerPoolError } from "../../src/WorkerPoolError.ts"
import { type Overflow, Scale } from "./arrays.tasks.ts"

const tasks = Portable.module<typeof import("./arrays.tasks.ts")>(new URL("./arrays.tasks.ts", import.meta.url))

declare const pool: WorkerPool.WorkerPool
declare const scaling: WorkerPool.WorkerPool<void, unknown, Scale>
declare const stateful: WorkerPool.WorkerPool<{ readonly by: number }>
declare const fibers: FiberPool.FiberPool

declare const ordinary: Float64Array<ArrayBuffer>
declare const shared: Float64Array<SharedArrayBuffer>
declare const either: Float64Array
declare const list: number[]

type Mapped<B, E = never> = Effect.Effect<B, E | WorkerPoolError>

describe("WorkerPool.mapArray", () => {
  test("gives an array of what the task returns, in shared memory", () => {
    expect(pool.mapArray(ordinary, tasks.same)).type.toBe<Mapped<Float64Array<SharedArrayBuffer>>>()
    expect(pool.mapArray(shared, tasks.same)).type.toBe<Mapped<Float64Array<SharedArrayBuffer>>>()
    expect(pool.mapArray(either, tasks.same)).type.toBe<Mapped<Float64Array<SharedArrayBuffer>>>()
    expect(pool.mapArray(shared, tasks.other)).type.toBe<Mapped<Uint8ClampedArray<SharedArrayBuffer>>>()
    expect(pool.mapArray(shared, tasks.ofAny)).type.toBe<Mapped<Uint32Array<SharedArrayBuffer>>>()
    expect(pool.mapArray(BigInt64Array.of(1n), tasks.ofBigints)).type.toBe<Mapped<BigUint64Array<SharedArrayBuffer>>>()
    expect(pool.mapArray(shared, Portable.bind(tasks.scale, 2))).type.toBe<Mapped<Float64Array<SharedArrayBuffer>>>()
    expect(pool.mapArray(shared, tasks.mixed)).type.toBe<
      Mapped<Int8Array<SharedArrayBuffer> | Int16Array<SharedArrayBuffer>>
    >()
    expect(pool.mapArray(shared, tasks.any)).type.toBe<Mapped<WorkerPool.TypedArray<SharedArrayBuffer>>>()
  })

  test("fails as the task does", () => {
    expect(pool.mapArray(shared, tasks.checked)).type.toBe<Mapped<Float32Array<SharedArrayBuffer>, Overflow>>()
    expect(pool.mapArray(shared, tasks.failing)).type.toBe<Mapped<never, Overflow>>()
  })

  test("the next one takes it, and a task sees either memory", () => {
    const twice = Effect.flatMap(pool.mapArray(ordinary, tasks.same), (array) => pool.mapArray(array, tasks.same))
    expect(twice).type.toBe<Mapped<Float64Array<SharedArrayBuffer>>>()
    // @ts-expect-error Argument of type 'Portable<(slice: Float64Array<ArrayBuffer>)
    pool.mapArray(ordinary, tasks.ofOrdinary)
  })

  test("takes arrays only, and tasks of just their type", () => {
    // @ts-expect-error Argument of type 'number[]' is not assignable to parameter of type 'TypedArray
    pool.mapArray(list, tasks.same)
    // @ts-expect-error is not assignable to parameter of type 'TypedArray
    pool.mapArray(new DataView(new ArrayBuffer(8)), tasks.same)
    // @ts-expect-error Argument of type 'Portable<
    pool.mapArray(Float32Array.of(1), tasks.same)
    // @ts-expect-error Argument of type 'Portable<
    pool.mapArray(BigUint64Array.of(1n), tasks.ofBigints)
  })

  test("a task that returns something else is refused", () => {
    // @ts-expect-error "a task of mapArray returns a TypedArray, and this one returns"
    pool.mapArray(shared, tasks.toArray)
    // @ts-expect-error "a task of mapArray returns a TypedArray, and this one returns"
    pool.mapArray(shared, tasks.toView)
    // @ts-expect-error "a task of mapArray returns a TypedArray, and this one returns"
    pool.mapArray(shared, tasks.maybe)
  })

  test("closures, services and states that the pool has not are refused", () => {
    // @ts-expect-error is not assignable to parameter of type 'Portable<
    pool.mapArray(shared, (slice: Float64Array) => slice)
    // @ts-expect-error "the pool's services do not provide": Scale
    pool.mapArray(shared, tasks.scaled)
    expect(scaling.mapArray(shared, tasks.scaled)).type.toBe<Mapped<Float64Array<SharedArrayBuffer>>>()
    // @ts-expect-error Argument of type 'Portable<
    pool.mapArray(shared, tasks.withState)
    expect(stateful.mapArray(shared, tasks.withState)).type.toBe<Mapped<Float64Array<SharedArrayBuffer>>>()
  })

  test("options are those of map, but for the length, which the array has", () => {
    expect(stateful.mapArray).type.toBeCallableWith(shared, tasks.withState, {
      chunkSize: 10,
      chunks: 2,
      maxActive: 2,
      lifespan: 3,
      init: tasks.open,
      timeout: "1 second",
      initTimeout: 1000,
      exitTimeout: 1000,
      onWorkerLost: { retries: 1 },
      dispatch: "ordered"
    })
    // @ts-expect-error 'length' does not exist in type
    pool.mapArray(shared, tasks.same, { length: 3 })
    // @ts-expect-error is not assignable to type 'Portable<
    pool.mapArray(shared, tasks.same, { init: () => {} })
  })
})

describe("FiberPool.mapArray", () => {
  test("takes closures, whose requirements come from the caller", () => {
    const scaled = (slice: Float64Array) => Effect.map(Scale, (by) => slice.map((x) => x * by))
    expect(fibers.mapArray(ordinary, scaled)).type.toBe<
      Effect.Effect<Float64Array<SharedArrayBuffer>, WorkerPoolError, Scale>
    >()
    const inferred = fibers.mapArray(Int8Array.of(1), (slice, worker) =>
      Effect.succeed(Int16Array.of(slice.length, worker.id))
    )
    expect(inferred).type.toBe<Mapped<Int16Array<SharedArrayBuffer>>>()
  })

  test("a task that returns something else is refused", () => {
    // @ts-expect-error is not assignable to
    fibers.mapArray(ordinary, (slice) => Effect.succeed([...slice]))
    // @ts-expect-error is missing the following properties from type 'Effect<
    fibers.mapArray(ordinary, (slice) => slice)
  })
})
