// What hooks and tasks require, the `services` layer provides; only a Scope is there always.
// @effect-diagnostics floatingEffect:off missingEffectContext:off missingLayerContext:off
import type * as Effect from "effect/Effect"
import { describe, expect, test } from "tstyche"
import * as Portable from "../../src/Portable.ts"
import * as WorkerPool from "../../src/WorkerPool.ts"
import type { WorkerPoolError } from "../../src/WorkerPoolError.ts"
import type { Db, Mail } from "./services.tasks.ts"

const url = new URL("./services.tasks.ts", import.meta.url)
const tasks = Portable.module<typeof import("./services.tasks.ts")>(url)

const items = [1, 2, 3]

const none = WorkerPool.make({ size: 1 })
const db = WorkerPool.make({ services: tasks.dbLayer })
const both = WorkerPool.make({ services: tasks.dbAndMail })
const opened = WorkerPool.make({ services: tasks.dbLayer, init: tasks.openDb, exit: tasks.closeDb })

declare const pool: Effect.Success<typeof none>
declare const dbPool: Effect.Success<typeof db>
declare const bothPool: Effect.Success<typeof both>
declare const openedPool: Effect.Success<typeof opened>

type Mapped<B, E = never> = Effect.Effect<Array<B>, E | WorkerPoolError>

describe("the layer", () => {
  test("decides what the pool provides", () => {
    expect(dbPool).type.toBe<WorkerPool.WorkerPool<void, unknown, Db>>()
    expect(bothPool).type.toBe<WorkerPool.WorkerPool<void, unknown, Db | Mail>>()
    expect(openedPool).type.toBe<WorkerPool.WorkerPool<string, number, Db>>()
    expect(WorkerPool.make({ services: tasks.failingLayer })).type.toBe(db)
  })

  test("requires nothing itself", () => {
    // @ts-expect-error Type 'Url' is not assignable to type 'never'
    WorkerPool.make({ services: tasks.needsUrl })
  })

  test("is a Layer", () => {
    // @ts-expect-error Type 'Portable<Effect<...>' is not assignable to type 'Portable<Layer<
    WorkerPool.make({ services: tasks.openDb })
  })
})

describe("tasks", () => {
  test("get what the layer provides", () => {
    expect(dbPool.map(items, tasks.find)).type.toBe<Mapped<string>>()
    expect(dbPool.map(items, tasks.maybeFind)).type.toBe<Mapped<string>>()
    expect(dbPool.map(items, tasks.scopedFind)).type.toBe<Mapped<string>>()
    expect(bothPool.map(items, tasks.findAndMail)).type.toBe<Mapped<string>>()
    expect(bothPool.map(items, tasks.find)).type.toBe<Mapped<string>>()
    expect(dbPool.run(tasks.find, 1)).type.toBe<Effect.Effect<string, WorkerPoolError>>()
    expect(dbPool.forEach(items, tasks.find)).type.toBe<Effect.Effect<void, WorkerPoolError>>()
  })

  test("have a Scope always", () => {
    expect(pool.map(items, tasks.scoped)).type.toBe<Mapped<number>>()
    expect(pool.forEach(items, tasks.scoped)).type.toBe<Effect.Effect<void, WorkerPoolError>>()
  })

  test("that require more are refused by every method", () => {
    // @ts-expect-error required in type '{ readonly "the pool's services do not provide": Db; }'
    pool.map(items, tasks.find)
    // @ts-expect-error required in type '{ readonly "the pool's services do not provide": Db; }'
    pool.map(items, tasks.maybeFind)
    // @ts-expect-error required in type '{ readonly "the pool's services do not provide": Db; }'
    pool.map(items, tasks.scopedFind)
    // @ts-expect-error required in type '{ readonly "the pool's services do not provide": Mail; }'
    dbPool.map(items, tasks.findAndMail)
    // @ts-expect-error required in type '{ readonly "the pool's services do not provide": Mail; }'
    dbPool.mapUnordered(items, tasks.findAndMail)
    // @ts-expect-error required in type '{ readonly "the pool's services do not provide": Mail; }'
    dbPool.mapExit(items, tasks.findAndMail)
    // @ts-expect-error required in type '{ readonly "the pool's services do not provide": Mail; }'
    dbPool.forEach(items, tasks.findAndMail)
    // @ts-expect-error required in type '{ readonly "the pool's services do not provide": Mail; }'
    dbPool.stream(items, tasks.findAndMail)
    // @ts-expect-error required in type '{ readonly "the pool's services do not provide": Mail; }'
    dbPool.streamUnordered(items, tasks.findAndMail)
    // @ts-expect-error required in type '{ readonly "the pool's services do not provide": Mail; }'
    dbPool.streamExit(items, tasks.findAndMail)
    // @ts-expect-error required in type '{ readonly "the pool's services do not provide": Mail; }'
    dbPool.streamUnorderedExit(items, tasks.findAndMail)
    // @ts-expect-error required in type '{ readonly "the pool's services do not provide": Mail; }'
    dbPool.run(tasks.findAndMail, 1)
  })

  test("that say any are taken at their word", () => {
    expect(pool.map(items, tasks.anyRequired)).type.toBe<Mapped<number>>()
  })
})

describe("hooks", () => {
  test("get what the layer provides", () => {
    expect(WorkerPool.make).type.toBeCallableWith({ services: tasks.dbLayer, init: tasks.openDbOf })
    expect(WorkerPool.make).type.toBeCallableWith({ exit: tasks.closeDb, init: tasks.openDb, services: tasks.dbLayer })
    expect(WorkerPool.make).type.toBeCallableWith({ init: tasks.openScoped })
  })

  test("that require more are refused", () => {
    // @ts-expect-error required in type '{ readonly "the pool's services do not provide": Db; }'
    WorkerPool.make({ init: tasks.openDb })
    // @ts-expect-error required in type '{ readonly "the pool's services do not provide": Db; }'
    WorkerPool.make({ init: tasks.openDbOf, services: tasks.mailLayer })
    // @ts-expect-error required in type '{ readonly "the pool's services do not provide": Db; }'
    WorkerPool.make({ init: tasks.openScoped, exit: tasks.closeDb })
  })

  test("of a call too", () => {
    expect(openedPool.map).type.toBeCallableWith(items, tasks.find, { init: tasks.openDbOf, exit: tasks.closeDbScoped })
    expect(dbPool.map).type.toBeCallableWith(items, tasks.find, { exit: tasks.openDb })
    expect(dbPool.map).type.toBeCallableWith(items, tasks.find, { exit: tasks.openDbOf })
    // @ts-expect-error Type 'Effect<string, never, Db>' is not assignable to type 'HookOf<void, unknown, never>'
    pool.map(items, tasks.scoped, { exit: tasks.openDb })
    // @ts-expect-error is not assignable to type 'HookOf<void, unknown, never>'
    pool.map(items, tasks.scoped, { exit: tasks.openDbOf })
  })
})
