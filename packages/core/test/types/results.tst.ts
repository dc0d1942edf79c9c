// Items, results and errors flow from a task's module through references to what the methods return.
// @effect-diagnostics floatingEffect:off
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Stream from "effect/Stream"
import { describe, expect, test } from "tstyche"
import * as Portable from "../../src/Portable.ts"
import type * as WorkerPool from "../../src/WorkerPool.ts"
import type { WorkerPoolError } from "../../src/WorkerPoolError.ts"
import type { Odd, TooBig } from "./plain.tasks.ts"

const tasks = Portable.module<typeof import("./plain.tasks.ts")>(new URL("./plain.tasks.ts", import.meta.url))

declare const pool: WorkerPool.WorkerPool

interface Source {
  readonly _: unique symbol
}
declare const stream: Stream.Stream<number, Cause.TimeoutError, Source>

const items = [1, 2, 3]

type Mapped<B, E = never> = Effect.Effect<Array<B>, E | WorkerPoolError>

describe("results and errors", () => {
  test("of plain values", () => {
    expect(pool.map(items, tasks.value)).type.toBe<Mapped<string>>()
    expect(pool.map(items, tasks.nothing)).type.toBe<Mapped<void>>()
    expect(pool.map(items, tasks.unknownValue)).type.toBe<Mapped<unknown>>()
    expect(pool.map(items, tasks.never)).type.toBe<Mapped<never>>()
  })

  test("of Promises", () => {
    expect(pool.map(items, tasks.promise)).type.toBe<Mapped<boolean>>()
    expect(pool.map(items, tasks.asynchronous)).type.toBe<Mapped<{ n: number }>>()
  })

  test("of Effects", () => {
    expect(pool.map(items, tasks.effect)).type.toBe<Mapped<string, TooBig>>()
    expect(pool.map(items, tasks.generator)).type.toBe<Mapped<number, TooBig | Odd>>()
    expect(pool.map(items, tasks.failing)).type.toBe<Mapped<never, Odd>>()
  })

  test("of branches that return in different ways", () => {
    expect(pool.map(items, tasks.mixed)).type.toBe<Mapped<"zero" | bigint | boolean, TooBig>>()
    expect(pool.map(items, tasks.union)).type.toBe<Mapped<{ a: number } | Array<string>>>()
  })

  test("of any", () => {
    expect(pool.map(items, tasks.any)).type.toBe<Mapped<any>>()
    expect(pool.map(items, tasks.anyPromise)).type.toBe<Mapped<any>>()
    expect(pool.map(items, tasks.anyEffect)).type.toBe<Mapped<any, TooBig>>()
  })

  test("of tasks with fewer parameters, or an optional worker", () => {
    expect(pool.map(items, tasks.noParameters)).type.toBe<Mapped<number>>()
    expect(pool.map(items, tasks.optionalWorker)).type.toBe<Mapped<number>>()
  })
})

describe("methods", () => {
  test("map, mapUnordered", () => {
    expect(pool.mapUnordered(items, tasks.effect)).type.toBe<Mapped<string, TooBig>>()
  })

  test("mapExit", () => {
    expect(pool.mapExit(items, tasks.effect)).type.toBe<
      Effect.Effect<Array<Exit.Exit<string, TooBig | WorkerPoolError>>, WorkerPoolError>
    >()
    expect(pool.mapExit(items, tasks.mixed)).type.toBe<
      Effect.Effect<Array<Exit.Exit<"zero" | bigint | boolean, TooBig | WorkerPoolError>>, WorkerPoolError>
    >()
  })

  test("forEach", () => {
    expect(pool.forEach(items, tasks.effect)).type.toBe<Effect.Effect<void, TooBig | WorkerPoolError>>()
    expect(pool.forEach(items, tasks.value)).type.toBe<Effect.Effect<void, WorkerPoolError>>()
  })

  test("stream, streamUnordered", () => {
    expect(pool.stream(items, tasks.effect)).type.toBe<Stream.Stream<string, TooBig | WorkerPoolError>>()
    expect(pool.streamUnordered(items, tasks.promise)).type.toBe<Stream.Stream<boolean, WorkerPoolError>>()
  })

  test("streamExit, streamUnorderedExit", () => {
    type Outcomes = Stream.Stream<WorkerPool.Outcome<string, TooBig | WorkerPoolError>, WorkerPoolError>
    expect(pool.streamExit(items, tasks.effect)).type.toBe<Outcomes>()
    expect(pool.streamUnorderedExit(items, tasks.effect)).type.toBe<Outcomes>()
    expect<WorkerPool.Outcome<string, TooBig>["exit"]>().type.toBe<Exit.Exit<string, TooBig>>()
    expect<WorkerPool.Outcome<string, TooBig>["index"]>().type.toBe<number>()
  })

  test("run", () => {
    expect(pool.run(tasks.effect, 1)).type.toBe<Effect.Effect<string, TooBig | WorkerPoolError>>()
    expect(pool.run(tasks.asynchronous, 1)).type.toBe<Effect.Effect<{ n: number }, WorkerPoolError>>()
    expect(pool.run(tasks.noParameters, undefined)).type.toBe<Effect.Effect<number, WorkerPoolError>>()
    // @ts-expect-error Argument of type 'string' is not assignable to parameter of type 'number'
    pool.run(tasks.effect, "1")
  })
})

describe("items", () => {
  test("a Stream adds its errors and requirements", () => {
    type E = Cause.TimeoutError | WorkerPoolError
    expect(pool.map(stream, tasks.effect)).type.toBe<Effect.Effect<Array<string>, TooBig | E, Source>>()
    expect(pool.mapUnordered(stream, tasks.value)).type.toBe<Effect.Effect<Array<string>, E, Source>>()
    expect(pool.mapExit(stream, tasks.effect)).type.toBe<
      Effect.Effect<Array<Exit.Exit<string, TooBig | WorkerPoolError>>, E, Source>
    >()
    expect(pool.forEach(stream, tasks.effect)).type.toBe<Effect.Effect<void, TooBig | E, Source>>()
    expect(pool.stream(stream, tasks.effect)).type.toBe<Stream.Stream<string, TooBig | E, Source>>()
    expect(pool.streamUnordered(stream, tasks.effect)).type.toBe<Stream.Stream<string, TooBig | E, Source>>()
    expect(pool.streamExit(stream, tasks.effect)).type.toBe<
      Stream.Stream<WorkerPool.Outcome<string, TooBig | WorkerPoolError>, E, Source>
    >()
    expect(pool.streamUnorderedExit(stream, tasks.value)).type.toBe<
      Stream.Stream<WorkerPool.Outcome<string, WorkerPoolError>, E, Source>
    >()
  })

  test("where an Effect of anything is expected", () => {
    expect(Effect.all([pool.map(items, tasks.effect), pool.map(stream, tasks.value)])).type.toBe<
      Effect.Effect<[Array<string>, Array<string>], TooBig | Cause.TimeoutError | WorkerPoolError, Source>
    >()
    expect(Effect.all({ run: pool.run(tasks.value, 1), exits: pool.forEach(items, tasks.value) })).type.toBe<
      Effect.Effect<{ run: string; exits: void }, WorkerPoolError>
    >()
  })

  test("in generic code", () => {
    const each = <E, R>(numbers: Stream.Stream<number, E, R>): Stream.Stream<string, TooBig | E | WorkerPoolError, R> =>
      pool.stream(numbers, tasks.effect)
    expect(each(stream)).type.toBe(pool.stream(stream, tasks.effect))
  })

  test("an Iterable or a Stream, whichever it is", () => {
    const either = items.length > 2 ? items : stream
    expect(pool.map(either, tasks.effect)).type.toBe<
      Effect.Effect<Array<string>, TooBig | Cause.TimeoutError | WorkerPoolError, Source>
    >()
  })

  test("any Iterable", () => {
    expect(pool.map([1, 2] as const, tasks.value)).type.toBe<Mapped<string>>()
    expect(pool.map(items as ReadonlyArray<number>, tasks.value)).type.toBe<Mapped<string>>()
    expect(pool.map(new Set(items), tasks.value)).type.toBe<Mapped<string>>()
    expect(pool.map(new Map([["a", 1]]).values(), tasks.value)).type.toBe<Mapped<string>>()
    expect(pool.map(new Float64Array(8), tasks.value)).type.toBe<Mapped<string>>()
    expect(pool.map("text", tasks.ofText)).type.toBe<Mapped<number>>()
    expect(pool.map([], tasks.value)).type.toBe<Mapped<string>>()
    expect(
      pool.map(
        (function* () {
          yield 1
        })(),
        tasks.value
      )
    ).type.toBe<Mapped<string>>()
  })

  test("of several types", () => {
    expect(pool.map([1, "a", null], tasks.ofMany)).type.toBe<Mapped<string>>()
    expect(pool.map(["a"], tasks.ofMany)).type.toBe<Mapped<string>>()
    expect(pool.map([[1, 2], [3]], tasks.ofReadonly)).type.toBe<Mapped<number>>()
    expect(pool.map([{ kind: "circle", r: 1 }, { kind: "point" }], tasks.ofShape)).type.toBe<
      Mapped<"circle" | "point">
    >()
    expect(pool.map(["text", [1, 2]], tasks.sized)).type.toBe<Mapped<number>>()
  })

  test("of a type that the task does not take", () => {
    // @ts-expect-error Type 'string' is not assignable to type 'number'
    pool.map(["a"], tasks.value)
    // @ts-expect-error is not assignable to type 'number'
    pool.map([1, "a"], tasks.value)
    // @ts-expect-error Type 'undefined' is not assignable to type
    pool.map([1, undefined], tasks.ofMany)
    // @ts-expect-error Type '"square"' is not assignable to type
    pool.map([{ kind: "square" }], tasks.ofShape)
    // @ts-expect-error Type 'number' is not assignable to type 'string'
    pool.map(stream, tasks.ofText)
    // @ts-expect-error Argument of type 'number' is not assignable to parameter of type 'Iterable<number>
    pool.map(3, tasks.value)
    // @ts-expect-error Type 'string' is not assignable to type 'number'
    pool.forEach(["a"], tasks.value)
    // @ts-expect-error Type 'string' is not assignable to type 'number'
    pool.stream(["a"], tasks.value)
    // @ts-expect-error Type 'string' is not assignable to type 'number'
    pool.mapExit(["a"], tasks.value)
    // @ts-expect-error Type 'string' is not assignable to type 'number'
    pool.streamExit(["a"], tasks.value)
  })

  test("a second parameter that is not the worker is an error", () => {
    // @ts-expect-error Argument of type 'Portable<(s: string, radix?: number...' is not assignable to parameter of type 'Portable<(item: string
    pool.map(["1"], tasks.withRadix)
  })
})
