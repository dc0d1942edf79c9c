// A plain closure has no address: a WorkerPool refuses it everywhere, a FiberPool takes it everywhere.
// @effect-diagnostics floatingEffect:off
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { describe, expect, test } from "tstyche"
import * as FiberPool from "../../src/FiberPool.ts"
import * as Portable from "../../src/Portable.ts"
import * as WorkerPool from "../../src/WorkerPool.ts"
import type { WorkerPoolError } from "../../src/WorkerPoolError.ts"

const tasks = Portable.module<typeof import("./plain.tasks.ts")>(new URL("./plain.tasks.ts", import.meta.url))

declare const pool: WorkerPool.WorkerPool
declare const fibers: FiberPool.FiberPool

const items = [1, 2, 3]
const stream = Stream.make(1, 2, 3)
const double = (n: number) => Effect.succeed(n * 2)
const init = Effect.void
const exit = () => Effect.void

describe("WorkerPool", () => {
  test("no method takes a closure", () => {
    // @ts-expect-error Argument of type '(n: number) => Effect...' is not assignable to parameter of type 'Portable<
    pool.map(items, double)
    // @ts-expect-error Argument of type '(n: number) => Effect...' is not assignable to parameter of type 'Portable<
    pool.map(stream, double)
    // @ts-expect-error is not assignable to parameter of type 'Portable<
    pool.map(items, async (n: number) => n)
    // @ts-expect-error Argument of type '(n: number) => Effect...' is not assignable to parameter of type 'Portable<
    pool.mapUnordered(items, double)
    // @ts-expect-error Argument of type '(n: number) => Effect...' is not assignable to parameter of type 'Portable<
    pool.mapExit(items, double)
    // @ts-expect-error Argument of type '(n: number) => Effect...' is not assignable to parameter of type 'Portable<
    pool.forEach(items, double)
    // @ts-expect-error Argument of type '(n: number) => Effect...' is not assignable to parameter of type 'Portable<
    pool.stream(items, double)
    // @ts-expect-error Argument of type '(n: number) => Effect...' is not assignable to parameter of type 'Portable<
    pool.streamUnordered(items, double)
    // @ts-expect-error Argument of type '(n: number) => Effect...' is not assignable to parameter of type 'Portable<
    pool.streamExit(items, double)
    // @ts-expect-error Argument of type '(n: number) => Effect...' is not assignable to parameter of type 'Portable<
    pool.streamUnorderedExit(items, double)
    // @ts-expect-error Argument of type '(n: number) => Effect...' is not assignable to parameter of type 'Portable<
    pool.run(double, 1)
  })

  test("no hook option takes a closure or a plain Effect", () => {
    // @ts-expect-error is not assignable to type 'Portable<
    WorkerPool.make({ init: () => 1 })
    // @ts-expect-error Type 'Effect<void...>' is missing the following properties from type 'Portable<
    WorkerPool.make({ init })
    // @ts-expect-error is not assignable to type 'Portable<
    WorkerPool.make({ exit })
    // @ts-expect-error is not assignable to type 'Portable<
    WorkerPool.make(Effect.succeed({ exit }))
    // @ts-expect-error Type 'Effect<void...>' is missing the following properties from type 'Portable<
    pool.map(items, tasks.value, { init })
    // @ts-expect-error is not assignable to type 'Portable<
    pool.map(items, tasks.value, { exit })
    // @ts-expect-error is not assignable to type 'Portable<
    pool.forEach(items, tasks.value, { exit })
    // @ts-expect-error is not assignable to type 'Portable<
    pool.streamExit(items, tasks.value, { exit })
    // @ts-expect-error is not assignable to type 'Portable<
    WorkerPool.Service()("test/Closures", { exit })
  })
})

describe("FiberPool", () => {
  type Numbers = Effect.Effect<Array<number>, WorkerPoolError>
  type NumberStream = Stream.Stream<number, WorkerPoolError>

  test("every method takes a closure", () => {
    expect(fibers.map(items, double)).type.toBe<Numbers>()
    expect(fibers.map(stream, double)).type.toBe<Numbers>()
    expect(fibers.map(items, (n, worker) => Effect.succeed(n + worker.id))).type.toBe<Numbers>()
    expect(fibers.mapUnordered(items, (n) => Effect.succeed(n))).type.toBe<Numbers>()
    expect(fibers.forEach(items, (n) => Effect.succeed(n))).type.toBe<Effect.Effect<void, WorkerPoolError>>()
    expect(fibers.stream(items, (n) => Effect.succeed(n))).type.toBe<NumberStream>()
    expect(fibers.streamUnordered(items, (n) => Effect.succeed(n))).type.toBe<NumberStream>()
    expect(fibers.run((n) => Effect.succeed(n), 1)).type.toBe<Effect.Effect<number, WorkerPoolError>>()
    expect(fibers.mapExit).type.toBeCallableWith(items, double)
    expect(fibers.streamExit).type.toBeCallableWith(items, double)
    expect(fibers.streamUnorderedExit).type.toBeCallableWith(items, double)
  })

  test("every hook option takes a closure or an Effect", () => {
    expect(FiberPool.make).type.toBeCallableWith({ init, exit })
    expect(FiberPool.make).type.toBeCallableWith(Effect.succeed({ init: () => init, exit }))
    expect(fibers.map).type.toBeCallableWith(items, double, { init, exit })
  })

  test("a reference cannot be called, so a FiberPool refuses it", () => {
    // @ts-expect-error Argument of type 'Portable<...>' is not assignable to parameter of type 'Task<
    fibers.map(items, tasks.effect)
  })
})
