// `init` decides a pool's state: tasks, `exit` and the hooks of later calls agree with it.
// @effect-diagnostics floatingEffect:off
import * as Effect from "effect/Effect"
import { describe, expect, test } from "tstyche"
import * as Portable from "../../src/Portable.ts"
import * as WorkerPool from "../../src/WorkerPool.ts"
import type { WorkerPoolError } from "../../src/WorkerPoolError.ts"
import type { Engine } from "./hooks.tasks.ts"

const tasks = Portable.module<typeof import("./hooks.tasks.ts")>(new URL("./hooks.tasks.ts", import.meta.url))

const items = [1, 2, 3]

const stateless = WorkerPool.make()
const engines = WorkerPool.make({ init: tasks.open })
const closing = WorkerPool.make({ init: tasks.open, exit: tasks.close })

declare const pool: Effect.Success<typeof stateless>
declare const enginePool: Effect.Success<typeof engines>
declare const closingPool: Effect.Success<typeof closing>

type Mapped<B, E = never> = Effect.Effect<Array<B>, E | WorkerPoolError>

describe("init", () => {
  test("decides the state, whatever its form", () => {
    expect(enginePool).type.toBe<WorkerPool.WorkerPool<Engine>>()
    expect(WorkerPool.make({ init: tasks.openValue })).type.toBe(engines)
    expect(WorkerPool.make({ init: tasks.openPromise })).type.toBe(engines)
    expect(WorkerPool.make({ init: tasks.openEffect })).type.toBe(engines)
    expect(WorkerPool.make({ init: Portable.bind(tasks.openWith, "fast") })).type.toBe(engines)
    expect(WorkerPool.make({ init: Portable.inline((): Engine => ({ name: "", run: (n) => n })) })).type.toBe(engines)
  })

  test("is missing: the state is exactly void, the exit results are unknown", () => {
    expect(pool).type.toBe<WorkerPool.WorkerPool>()
    expect(pool).type.toBe<WorkerPool.WorkerPool<void, unknown, never>>()
    expect(WorkerPool.make({})).type.toBe(stateless)
    expect(WorkerPool.make({ size: 2, keepAlive: "1 minute" })).type.toBe(stateless)
    expect(WorkerPool.make({ init: tasks.openNothing })).type.toBe(stateless)
  })

  test("has no state to read, and is no task and no Layer", () => {
    // @ts-expect-error "this hook is neither an Effect nor a function of a worker with the state": void
    WorkerPool.make({ init: tasks.fromEngine })
    // @ts-expect-error "this hook is neither an Effect nor a function of a worker with the state": void
    WorkerPool.make({ init: tasks.openWith })
    // @ts-expect-error "this hook is neither an Effect nor a function of a worker with the state": void
    WorkerPool.make({ init: tasks.withEngine })
    // @ts-expect-error "this hook is neither an Effect nor a function of a worker with the state": void
    WorkerPool.make({ init: tasks.layer })
  })
})

describe("tasks", () => {
  test("take the pool's state, or less of it", () => {
    expect(enginePool.map(items, tasks.withEngine)).type.toBe<Mapped<number>>()
    expect(enginePool.map(items, tasks.withName)).type.toBe<Mapped<string>>()
    expect(enginePool.map(["a"], Portable.bind(tasks.withTable, new Map([["a", 1]])))).type.toBe<Mapped<number>>()
    expect(pool.map(items, tasks.withVoid)).type.toBe<Mapped<number>>()
  })

  test("that do not care about the state run on every pool", () => {
    expect(pool.map(items, tasks.agnostic)).type.toBe<Mapped<number>>()
    expect(enginePool.map(items, tasks.agnostic)).type.toBe<Mapped<number>>()
    expect(closingPool.run(tasks.agnostic, 1)).type.toBe<Effect.Effect<number, WorkerPoolError>>()
  })

  test("with another state are refused by every method", () => {
    // @ts-expect-error Type 'WorkerContext<void>' is not assignable to type 'WorkerContext<Engine>'
    pool.map(items, tasks.withEngine)
    // @ts-expect-error Type 'void' is not assignable to type '{ readonly name: string; }'
    pool.map(items, tasks.withName)
    // @ts-expect-error Type 'WorkerContext<Engine>' is not assignable to type 'WorkerContext<void>'
    enginePool.map(items, tasks.withVoid)
    // @ts-expect-error Property 'count' is missing in type 'Engine' but required in type '{ count: number; }'
    enginePool.map(items, tasks.withCounter)
    // @ts-expect-error Property 'count' is missing in type 'Engine' but required in type '{ count: number; }'
    enginePool.mapUnordered(items, tasks.withCounter)
    // @ts-expect-error Property 'count' is missing in type 'Engine' but required in type '{ count: number; }'
    enginePool.mapExit(items, tasks.withCounter)
    // @ts-expect-error Property 'count' is missing in type 'Engine' but required in type '{ count: number; }'
    enginePool.forEach(items, tasks.withCounter)
    // @ts-expect-error Property 'count' is missing in type 'Engine' but required in type '{ count: number; }'
    enginePool.stream(items, tasks.withCounter)
    // @ts-expect-error Property 'count' is missing in type 'Engine' but required in type '{ count: number; }'
    enginePool.streamUnordered(items, tasks.withCounter)
    // @ts-expect-error Property 'count' is missing in type 'Engine' but required in type '{ count: number; }'
    enginePool.streamExit(items, tasks.withCounter)
    // @ts-expect-error Property 'count' is missing in type 'Engine' but required in type '{ count: number; }'
    enginePool.streamUnorderedExit(items, tasks.withCounter)
    // @ts-expect-error Property 'count' is missing in type 'Engine' but required in type '{ count: number; }'
    enginePool.run(tasks.withCounter, 1)
  })
})

describe("exit", () => {
  test("takes the state, and decides the exit results", () => {
    expect(closingPool).type.toBe<WorkerPool.WorkerPool<Engine, string>>()
    expect(closingPool.exitResults).type.toBe<Effect.Effect<ReadonlyArray<string>>>()
    expect(WorkerPool.make({ init: tasks.open, exit: tasks.closePromise })).type.toBe(closing)
    expect(WorkerPool.make({ init: tasks.open, exit: tasks.closeEffect })).type.toBe(closing)
    expect(WorkerPool.make({ init: tasks.open, exit: tasks.closeOnce })).type.toBe(closing)
    expect(WorkerPool.make({ exit: tasks.close, init: tasks.open })).type.toBe(closing)
    expect(WorkerPool.make({ init: tasks.open, exit: Portable.bind(tasks.closeWith, { text: "" }) })).type.toBe(closing)
    expect(WorkerPool.make({ init: tasks.openAny, exit: tasks.close })).type.toBe<
      Effect.Effect<WorkerPool.WorkerPool<any, string>, WorkerPoolError, Effect.Services<typeof closing>>
    >()
  })

  test("is missing: the exit results are unknown", () => {
    expect(enginePool.exitResults).type.toBe<Effect.Effect<ReadonlyArray<unknown>>>()
  })

  test("of a pool without init", () => {
    expect(WorkerPool.make({ exit: tasks.closeAny })).type.toBe<
      Effect.Effect<WorkerPool.WorkerPool<void, number>, WorkerPoolError, Effect.Services<typeof closing>>
    >()
    expect(WorkerPool.make).type.toBeCallableWith({ exit: tasks.closeVoid })
    expect(WorkerPool.make).type.toBeCallableWith({ exit: tasks.closeOnce })
    // @ts-expect-error "this hook is neither an Effect nor a function of a worker with the state": void
    WorkerPool.make({ exit: tasks.close })
  })

  test("with another state is refused", () => {
    // @ts-expect-error "this hook is neither an Effect nor a function of a worker with the state": Engine
    WorkerPool.make({ init: tasks.open, exit: tasks.closeCounter })
    // @ts-expect-error "this hook is neither an Effect nor a function of a worker with the state": { count: number; }
    WorkerPool.make({ init: tasks.openCounter, exit: tasks.close })
    // @ts-expect-error "this hook is neither an Effect nor a function of a worker with the state": Engine
    WorkerPool.make({ init: tasks.open, exit: tasks.closeVoid })
    // @ts-expect-error "this hook is neither an Effect nor a function of a worker with the state": Engine
    WorkerPool.make({ init: tasks.open, exit: tasks.closeWith })
    // @ts-expect-error "this hook is neither an Effect nor a function of a worker with the state": void
    WorkerPool.make(Effect.succeed({ exit: tasks.close }))
  })
})

describe("hooks of a call", () => {
  test("init returns the pool's state, or more", () => {
    expect(enginePool.map).type.toBeCallableWith(items, tasks.withEngine, { init: tasks.openValue })
    expect(enginePool.map).type.toBeCallableWith(items, tasks.withEngine, { init: tasks.openPromise })
    expect(enginePool.map).type.toBeCallableWith(items, tasks.withEngine, { init: tasks.openEffect })
    expect(enginePool.map).type.toBeCallableWith(items, tasks.withEngine, { init: tasks.openFaster })
    expect(enginePool.map).type.toBeCallableWith(items, tasks.withEngine, { init: tasks.openAny })
    expect(enginePool.map).type.toBeCallableWith(items, tasks.withEngine, {
      init: Portable.bind(tasks.openWith, "fast")
    })
    expect(pool.map).type.toBeCallableWith(items, tasks.agnostic, { init: tasks.openNothing })
  })

  test("init does not return another state", () => {
    // @ts-expect-error Type '{ count: number; }' is not assignable to type
    enginePool.map(items, tasks.withEngine, { init: tasks.openCounter })
    // @ts-expect-error Type 'void' is not assignable to type
    enginePool.forEach(items, tasks.withEngine, { init: tasks.openNothing })
    // @ts-expect-error Type 'WorkerContext<void>' is not assignable to type 'WorkerContext<Engine>'
    enginePool.stream(items, tasks.withEngine, { init: tasks.fromEngine })
    // @ts-expect-error Type 'Engine' is not assignable to type
    pool.map(items, tasks.agnostic, { init: tasks.openValue })
    // @ts-expect-error Type 'Promise<Engine>' is not assignable to type
    pool.mapExit(items, tasks.agnostic, { init: tasks.openPromise })
  })

  test("an Effect<A> is an Effect<void>, as everywhere; no task of such a pool can read what it returns", () => {
    expect(pool.map).type.toBeCallableWith(items, tasks.agnostic, { init: tasks.open })
    expect(pool.map).type.toBeCallableWith(items, tasks.agnostic, { init: tasks.openEffect })
  })

  test("exit takes the pool's state and returns its exit result", () => {
    expect(closingPool.map).type.toBeCallableWith(items, tasks.withEngine, { exit: tasks.closePromise })
    expect(closingPool.map).type.toBeCallableWith(items, tasks.withEngine, { exit: tasks.closeOnce })
    expect(closingPool.map).type.toBeCallableWith(items, tasks.withEngine, {
      init: tasks.open,
      exit: tasks.closeEffect
    })
    // @ts-expect-error Type 'number' is not assignable to type
    closingPool.map(items, tasks.withEngine, { exit: tasks.closeAny })
    // @ts-expect-error Property 'count' is missing in type 'Engine' but required in type
    closingPool.map(items, tasks.withEngine, { exit: tasks.closeCounter })
    // @ts-expect-error Type 'WorkerContext<Engine>' is not assignable to type 'WorkerContext<void>'
    closingPool.forEach(items, tasks.withEngine, { exit: tasks.closeVoid })
  })

  test("exit of a pool without one returns anything", () => {
    expect(enginePool.map).type.toBeCallableWith(items, tasks.withEngine, { exit: tasks.close })
    expect(enginePool.map).type.toBeCallableWith(items, tasks.withEngine, { exit: tasks.closePromise })
    expect(enginePool.map).type.toBeCallableWith(items, tasks.withEngine, { exit: tasks.closeEffect })
    expect(enginePool.map).type.toBeCallableWith(items, tasks.withEngine, { exit: tasks.closeOnce })
    expect(pool.map).type.toBeCallableWith(items, tasks.agnostic, { exit: tasks.closeAny })
    expect(pool.map).type.toBeCallableWith(items, tasks.agnostic, { exit: tasks.openValue })
    expect(pool.map).type.toBeCallableWith(items, tasks.agnostic, { exit: tasks.openNothing })
    // @ts-expect-error Property 'count' is missing in type 'Engine' but required in type
    enginePool.map(items, tasks.withEngine, { exit: tasks.closeCounter })
    // @ts-expect-error Type 'WorkerContext<void>' is not assignable to type 'WorkerContext<Engine>'
    pool.map(items, tasks.agnostic, { exit: tasks.close })
  })
})
