// Options take what they say, and nothing else.
// @effect-diagnostics floatingEffect:off
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { describe, expect, test } from "tstyche"
import * as FiberPool from "../../src/FiberPool.ts"
import * as Portable from "../../src/Portable.ts"
import * as WorkerPool from "../../src/WorkerPool.ts"

const tasks = Portable.module<typeof import("./plain.tasks.ts")>(new URL("./plain.tasks.ts", import.meta.url))

declare const pool: WorkerPool.WorkerPool
declare const fibers: FiberPool.FiberPool

const items = [1, 2, 3]

describe("of a pool", () => {
  test("are accepted", () => {
    expect(WorkerPool.make).type.toBeCallableWith({
      size: 4,
      minSize: 1,
      keepAlive: true,
      tasksPerWorker: 2,
      maxPending: 100,
      chunkSize: 10,
      chunks: 4,
      length: 1000,
      maxActive: 100,
      lifespan: 1000,
      timeout: "1 second",
      initTimeout: Duration.seconds(1),
      exitTimeout: 1000,
      killAfter: "1 second",
      startTimeout: Duration.seconds(10),
      onWorkerLost: { retries: 2 },
      dispatch: "ordered"
    })
    expect(WorkerPool.make).type.toBeCallableWith({ killAfter: "never", onWorkerLost: "fail" })
    expect(WorkerPool.make).type.toBeCallableWith({ keepAlive: false, dispatch: "available" })
    expect(WorkerPool.make).type.toBeCallableWith({ keepAlive: "5 minutes" })
    expect(WorkerPool.make).type.toBeCallableWith({ keepAlive: Duration.infinity, size: undefined })
    expect(FiberPool.make).type.toBeCallableWith({ size: 4, keepAlive: "1 second", dispatch: "ordered" })
  })

  test("of other types are refused", () => {
    // @ts-expect-error Type '"x"' is not assignable to type
    WorkerPool.make({ dispatch: "x" })
    // @ts-expect-error Type 'string' is not assignable to type 'number'
    WorkerPool.make({ size: "4" })
    // @ts-expect-error Type '"forever"' is not assignable to type
    WorkerPool.make({ keepAlive: "forever" })
    // @ts-expect-error Type 'boolean' is not assignable to type 'number'
    WorkerPool.make({ lifespan: true })
    // @ts-expect-error Type '"always"' is not assignable to type
    WorkerPool.make({ killAfter: "always" })
    // @ts-expect-error Type '"never"' is not assignable to type
    WorkerPool.make({ startTimeout: "never" })
    // @ts-expect-error Type '"retry"' is not assignable to type
    WorkerPool.make({ onWorkerLost: "retry" })
    // @ts-expect-error Type 'string' is not assignable to type 'number'
    WorkerPool.make({ onWorkerLost: { retries: "3" } })
    // @ts-expect-error Type '"soon"' is not assignable to type
    WorkerPool.make({ timeout: "soon" })
    // @ts-expect-error Type 'null' is not assignable to type
    WorkerPool.make({ chunkSize: null })
    // @ts-expect-error Object literal may only specify known properties, and 'workers' does not exist in type
    WorkerPool.make({ workers: 4 })
    // @ts-expect-error Type '"x"' is not assignable to type
    FiberPool.make({ dispatch: "x" })
  })
})

describe("of a call", () => {
  test("are accepted", () => {
    expect(pool.map).type.toBeCallableWith(items, tasks.value, {
      chunkSize: 10,
      length: 3,
      maxActive: 100,
      lifespan: 2,
      timeout: "1 second",
      initTimeout: "1 second",
      exitTimeout: "1 second",
      onWorkerLost: "fail",
      dispatch: "ordered"
    })
    expect(pool.forEach).type.toBeCallableWith(items, tasks.value, { chunks: 4 })
    expect(pool.run).type.toBeCallableWith(tasks.value, 1, { timeout: "1 second" })
    expect(pool.run).type.toBeCallableWith(tasks.value, 1, { onWorkerLost: { retries: 1 } })
    expect(fibers.map).type.toBeCallableWith(items, (_: number) => pool.stats, { chunks: 4, dispatch: "available" })
  })

  test("of other types are refused", () => {
    // @ts-expect-error Type '"x"' is not assignable to type
    pool.map(items, tasks.value, { dispatch: "x" })
    // @ts-expect-error Type 'string' is not assignable to type 'number'
    pool.stream(items, tasks.value, { chunkSize: "10" })
    // @ts-expect-error Type '"10 parsecs"' is not assignable to type
    pool.mapExit(items, tasks.value, { timeout: "10 parsecs" })
    // @ts-expect-error Type '"x"' is not assignable to type
    fibers.map(items, (_) => pool.stats, { dispatch: "x" })
  })

  test("that are a pool's are refused", () => {
    // @ts-expect-error Object literal may only specify known properties, and 'size' does not exist in type
    pool.map(items, tasks.value, { size: 4 })
    // @ts-expect-error Object literal may only specify known properties, and 'keepAlive' does not exist in type
    pool.forEach(items, tasks.value, { keepAlive: true })
    // @ts-expect-error Object literal may only specify known properties, and 'killAfter' does not exist in type
    pool.map(items, tasks.value, { killAfter: 1 })
    // @ts-expect-error Object literal may only specify known properties, and 'startTimeout' does not exist in type
    pool.run(tasks.value, 1, { startTimeout: 1 })
  })

  test("that are of the map family are refused by run", () => {
    // @ts-expect-error Object literal may only specify known properties, and 'chunkSize' does not exist in type
    pool.run(tasks.value, 1, { chunkSize: 1 })
    // @ts-expect-error Type '"x"' is not assignable to type
    pool.run(tasks.value, 1, { onWorkerLost: "x" })
    // @ts-expect-error Object literal may only specify known properties, and 'init' does not exist in type
    pool.run(tasks.value, 1, { init: tasks.nothing })
  })
})

test("controls", () => {
  expect(pool.setKeepAlive).type.toBeCallableWith("1 minute")
  expect(pool.setKeepAlive).type.toBeCallableWith(false)
  // @ts-expect-error is not assignable to parameter of type
  pool.setKeepAlive("forever")
  // @ts-expect-error Argument of type 'string' is not assignable to parameter of type 'number'
  pool.setSize("4")
})

describe("progress", () => {
  test("is taken by every call, which requires no more for it", () => {
    const weighed = { label: "squares", unit: "points", weight: (n: number) => n } as const
    expect(WorkerPool.make).type.toBeCallableWith({ progress: "all" })
    expect(pool.map(items, tasks.value, { progress: "squares" })).type.toBe(pool.map(items, tasks.value))
    expect(pool.stream(items, tasks.value, { progress: weighed })).type.toBe(pool.stream(items, tasks.value))
    expect(fibers.forEach(items, Effect.succeed, { progress: weighed })).type.toBe(
      fibers.forEach(items, Effect.succeed)
    )
    expect(pool.run(tasks.value, 1, { progress: { label: "one" } })).type.toBe(pool.run(tasks.value, 1))
  })

  test("of other types is refused", () => {
    // @ts-expect-error Type 'number' is not assignable to type
    pool.map(items, tasks.value, { progress: 3 })
    // @ts-expect-error 'wieght' does not exist in type
    pool.map(items, tasks.value, { progress: { label: "a", wieght: () => 1 } })
    // @ts-expect-error Type 'string' is not assignable to type 'number'
    pool.map(items, tasks.value, { progress: { label: "a", weight: () => "1" } })
  })
})
