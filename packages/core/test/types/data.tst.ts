// Structured clone would lose Effect's own data: without an output Schema it may not cross.
// @effect-diagnostics floatingEffect:off
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { describe, expect, test } from "tstyche"
import * as Portable from "../../src/Portable.ts"
import * as WorkerPool from "../../src/WorkerPool.ts"
import type { WorkerPoolError } from "../../src/WorkerPoolError.ts"
import * as made from "./made.tasks.ts"

const tasks = Portable.module<typeof import("./data.tasks.ts")>(new URL("./data.tasks.ts", import.meta.url))
const plain = Portable.module<typeof import("./plain.tasks.ts")>(new URL("./plain.tasks.ts", import.meta.url))

declare const pool: WorkerPool.WorkerPool

const items = [1, 2, 3]

type Mapped<B, E = never> = Effect.Effect<Array<B>, E | WorkerPoolError>

const noSchema = Portable.make(import.meta.url, "noSchema", (n: number) => Option.some(n))
const inline = Portable.inline((n: number) => Option.some(n))
const inputOnly = Portable.make(import.meta.url, "inputOnly", (n: number) => Option.some(n), { input: Schema.Number })
const withSchema = Portable.make(import.meta.url, "withSchema", (n: number) => Option.some(n), {
  output: Schema.Option(Schema.Number)
})

describe("without an output Schema", () => {
  test("Effect data is refused, from any form of task", () => {
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema"
    pool.map(items, tasks.option)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema"
    pool.map(items, tasks.optionEffect)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema"
    pool.map(items, tasks.optionPromise)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema"
    pool.map(items, tasks.maybeOption)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema"
    pool.map(items, noSchema)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema"
    pool.map(items, inputOnly)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema"
    pool.map(items, inline)
  })

  test("functions are refused", () => {
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema": () => number
    pool.map(items, tasks.aFunction)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema": () => number
    pool.stream(items, tasks.maybeFunction)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema": DateConstructor
    pool.run(tasks.aClass, 1)
    // @ts-expect-error "structured clone would lose this exit result": () => number
    WorkerPool.make({ exit: tasks.closeFunction })
  })

  test("all of Effect's data", () => {
    // @ts-expect-error output Schema": Result<number
    pool.map(items, tasks.result)
    // @ts-expect-error output Schema": NonEmptyChunk<number>
    pool.map(items, tasks.chunk)
    // @ts-expect-error output Schema": Exit
    pool.map(items, tasks.exit)
    // @ts-expect-error output Schema": Duration
    pool.map(items, tasks.duration)
    // @ts-expect-error output Schema": Utc
    pool.map(items, tasks.dateTime)
    // @ts-expect-error output Schema": HashMap
    pool.map(items, tasks.hashMap)
    // @ts-expect-error output Schema": Redacted
    pool.map(items, tasks.redacted)
    // @ts-expect-error output Schema": Stream
    pool.map(items, tasks.stream)
    // @ts-expect-error output Schema": Effect
    pool.map(items, tasks.nested)
  })

  test("by every method that returns results", () => {
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema"
    pool.mapUnordered(items, tasks.option)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema"
    pool.mapExit(items, tasks.option)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema"
    pool.stream(items, tasks.option)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema"
    pool.streamUnordered(items, tasks.option)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema"
    pool.streamExit(items, tasks.option)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema"
    pool.streamUnorderedExit(items, tasks.option)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema"
    pool.run(tasks.option, 1)
  })

  test("forEach drops results, so it takes all", () => {
    expect(pool.forEach(items, tasks.option)).type.toBe<Effect.Effect<void, WorkerPoolError>>()
    expect(pool.forEach(items, tasks.nested)).type.toBe<Effect.Effect<void, WorkerPoolError>>()
    expect(pool.forEach(items, noSchema)).type.toBe<Effect.Effect<void, WorkerPoolError>>()
    expect(pool.forEach(items, withSchema)).type.toBe<Effect.Effect<void, WorkerPoolError>>()
    expect(pool.forEach).type.toBeCallableWith(items, plain.any)
    expect(pool.forEach).type.toBeCallableWith(items, plain.anyEffect)
  })

  test("what can be cloned is accepted", () => {
    expect(pool.map(items, tasks.date)).type.toBe<Mapped<Date>>()
    expect(pool.map(items, tasks.map)).type.toBe<Mapped<Map<number, Set<number>>>>()
    expect(pool.map(items, tasks.bytes)).type.toBe<Mapped<Uint8Array<ArrayBuffer>>>()
    expect(pool.map(items, tasks.error)).type.toBe<Mapped<Error>>()
  })

  test("an Exit that a task returns is an Effect like any other", () => {
    expect(pool.map(items, tasks.exitAsEffect)).type.toBe<Mapped<number>>()
  })

  test("any and unknown are accepted", () => {
    expect(pool.map).type.toBeCallableWith(items, plain.any)
    expect(pool.map).type.toBeCallableWith(items, plain.anyPromise)
    expect(pool.map).type.toBeCallableWith(items, plain.anyEffect)
    expect(pool.map).type.toBeCallableWith(items, plain.unknownValue)
    expect(pool.mapExit).type.toBeCallableWith(items, plain.any)
    expect(pool.stream).type.toBeCallableWith(items, plain.any)
    expect(pool.run).type.toBeCallableWith(plain.any, 1)
  })
})

test("with an output Schema Effect data is accepted", () => {
  expect(pool.map(items, withSchema)).type.toBe<Mapped<Option.Option<number>>>()
  expect(pool.map(items, made.half)).type.toBe<Mapped<Option.Option<number>>>()
  expect(pool.stream).type.toBeCallableWith(items, made.half)
  expect(pool.mapExit).type.toBeCallableWith(items, made.half)
  expect(pool.run(made.half, 1)).type.toBe<Effect.Effect<Option.Option<number>, WorkerPoolError>>()
})

test("exit results are cloned always", () => {
  // @ts-expect-error "structured clone would lose this exit result": Option<number>
  WorkerPool.make({ exit: tasks.closeOption })
  // @ts-expect-error "structured clone would lose this exit result": NonEmptyChunk<number>
  WorkerPool.make({ exit: tasks.closeChunk })
  // the state stays in the worker
  expect(WorkerPool.make).type.toBeCallableWith({ init: tasks.closeOption })
})
