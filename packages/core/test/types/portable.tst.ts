// Portable.make, bind and inline.
// @effect-diagnostics floatingEffect:off
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { describe, expect, test } from "tstyche"
import * as Portable from "../../src/Portable.ts"
import type { WorkerContext } from "../../src/WorkerContext.ts"
import * as WorkerPool from "../../src/WorkerPool.ts"
import type { WorkerPoolError } from "../../src/WorkerPoolError.ts"
import type { Engine } from "./hooks.tasks.ts"
import * as made from "./made.tasks.ts"

const here = import.meta.url
const tasks = Portable.module<typeof import("./hooks.tasks.ts")>(new URL("./hooks.tasks.ts", import.meta.url))

declare const pool: WorkerPool.WorkerPool
declare const basePool: WorkerPool.WorkerPool<{ base: number }>
declare const enginePool: WorkerPool.WorkerPool<Engine, string>

type Mapped<B, E = never> = Effect.Effect<Array<B>, E | WorkerPoolError>

describe("make", () => {
  test("keeps a function callable, with its own signature", () => {
    expect(made.double(1)).type.toBe<number>()
    expect(made.double).type.toBeAssignableTo<(n: number) => number>()
    expect([1, 2].map(made.double)).type.toBe<Array<number>>()
    // @ts-expect-error Argument of type 'string' is not assignable to parameter of type 'number'
    made.double("1")
    // @ts-expect-error Expected 1 arguments, but got 0
    made.double()
    const generic = Portable.make(here, "generic", <A>(a: A) => [a])
    expect(generic("a")).type.toBe<Array<string>>()
  })

  test("with Schemas too", () => {
    expect(made.mirror(new made.Point({ x: 1, y: 2 }))).type.toBe<Effect.Effect<made.Point>>()
    // @ts-expect-error Expected 2 arguments, but got 1
    made.half(1)
  })

  test("keeps an Effect an Effect and a Layer a Layer", () => {
    expect(Effect.map(made.init, ({ base }) => base)).type.toBe<Effect.Effect<number>>()
    expect(Layer.provide(Layer.empty, made.services)).type.toBe<Layer.Layer<never>>()
    const basePools = WorkerPool.make({ init: made.init, services: made.services })
    expect<Effect.Success<typeof basePools>>().type.toBe<WorkerPool.WorkerPool<{ base: number }>>()
  })

  test("makes a task", () => {
    expect(pool.map([1], made.double)).type.toBe<Mapped<number>>()
    expect(pool.map([1], made.half)).type.toBe<Mapped<Option.Option<number>>>()
    expect(pool.map([1], made.root)).type.toBe<Mapped<number, made.Negative>>()
    expect(pool.map([new made.Point({ x: 1, y: 2 })], made.mirror)).type.toBe<Mapped<made.Point>>()
    // @ts-expect-error Type 'string' is not assignable to type 'number'
    pool.map(["1"], made.double)
  })

  test("takes functions, Effects and Layers only", () => {
    // @ts-expect-error Argument of type 'number' is not assignable to parameter of type
    Portable.make(here, "constant", 1)
    // @ts-expect-error is not assignable to parameter of type '(...args: any) => any'
    Portable.make(here, "effect", Effect.succeed(1), { output: Schema.Number })
    // @ts-expect-error Argument of type 'number' is not assignable to parameter of type 'string'
    Portable.make(here, 1, () => 1)
  })
})

describe("Schemas", () => {
  const parse = (s: string): Effect.Effect<number, made.Negative> => Effect.succeed(Number(s))
  const two = (n: number) => (n > 0 ? parse(String(n)) : Effect.fail(new made.Plain()))
  const numbers = (n: number) => Effect.succeed([n])

  test("that fit", () => {
    const parsed = Portable.make(here, "parse", parse, {
      input: Schema.String,
      output: Schema.Number,
      error: made.Negative
    })
    expect(pool.map(["1"], parsed)).type.toBe<Mapped<number, made.Negative>>()
    expect(parsed("1")).type.toBe<Effect.Effect<number, made.Negative>>()
    const undefinedSchemas = Portable.make(here, "parse", parse, { input: undefined, output: undefined })
    expect(pool.map(["1"], undefinedSchemas)).type.toBe<Mapped<number, made.Negative>>()
  })

  test("that encode to something else", () => {
    const parsed = Portable.make(here, "parse", parse, { output: Schema.NumberFromString })
    expect(pool.map(["1"], parsed)).type.toBe<Mapped<number, made.Negative>>()
  })

  test("of Promises and plain values", () => {
    const option = Schema.Option(Schema.Number)
    const asynchronous = Portable.make(here, "a", async (n: number) => made.half(n, null!), { output: option })
    const plain = Portable.make(here, "b", (n: number) => made.half(n, null!), { output: option })
    expect(pool.map([1], asynchronous)).type.toBe<Mapped<Option.Option<number>>>()
    expect(pool.map([1], plain)).type.toBe<Mapped<Option.Option<number>>>()
  })

  test("that take more than the function returns: callers get the Schema's type", () => {
    const readonly = Portable.make(here, "numbers", numbers, { output: Schema.Array(Schema.Number) })
    expect(pool.map([1], readonly)).type.toBe<Mapped<ReadonlyArray<number>>>()
    expect(readonly(1)).type.toBe<Effect.Effect<Array<number>>>()
    const value = Portable.make(here, "value", (n: number) => [n], { output: Schema.Array(Schema.Number) })
    expect(pool.map([1], value)).type.toBe<Mapped<ReadonlyArray<number>>>()
    const never = Portable.make(here, "numbers", numbers, { error: made.Negative })
    expect(pool.map([1], never)).type.toBe<Mapped<Array<number>>>()
    const wider = Portable.make(here, "parse", parse, {
      output: Schema.Union([Schema.Number, Schema.String]),
      error: Schema.Union([made.Negative, made.Point])
    })
    expect(pool.map(["1"], wider)).type.toBe<Mapped<number | string, made.Negative | made.Point>>()
  })

  test("that give less than the function takes: callers give the Schema's type", () => {
    const narrower = Portable.make(here, "parse", parse, { input: Schema.Literals(["1", "2"]) })
    expect(pool.map(["1", "2"], narrower)).type.toBe<Mapped<number, made.Negative>>()
    expect(narrower("3")).type.toBe<Effect.Effect<number, made.Negative>>()
    // @ts-expect-error Type '"3"' is not assignable to type
    pool.map(["3"], narrower)
  })

  test("that do not fit are refused", () => {
    // @ts-expect-error "the input Schema is of no parameter of the function": [s: string]
    Portable.make(here, "parse", parse, { input: Schema.Number })
    // @ts-expect-error "the output Schema does not take what the function returns": number
    Portable.make(here, "parse", parse, { output: Schema.String })
    // @ts-expect-error "the error Schema does not take what the function fails with": Negative
    Portable.make(here, "parse", parse, { error: Schema.String })
    // @ts-expect-error Type 'number' is not assignable to type 'Codec<any, any, never, never>'
    Portable.make(here, "parse", parse, { output: 1 })
    // @ts-expect-error 'result' does not exist in type
    Portable.make(here, "parse", parse, { result: Schema.Number })
  })

  test("that take only some of it are refused", () => {
    // @ts-expect-error "the input Schema is of no parameter of the function": [s: string]
    Portable.make(here, "parse", parse, { input: Schema.Union([Schema.String, Schema.Number]) })
    // @ts-expect-error "the output Schema does not take what the function returns": number
    Portable.make(here, "parse", parse, { output: Schema.Literal(1) })
    // @ts-expect-error "the error Schema does not take what the function fails with":
    Portable.make(here, "two", two, { error: made.Negative })
  })

  test("need no services", () => {
    const remote = null! as Schema.Codec<number, string, "Remote">
    // @ts-expect-error Type '"Remote"' is not assignable to type 'never'
    Portable.make(here, "parse", parse, { output: remote })
  })
})

describe("bind", () => {
  test("removes the first parameter", () => {
    const bound = Portable.bind(tasks.withTable, new Map([["a", 1]]))
    expect(bound).type.toBe<Portable.Portable<(word: string, worker: WorkerContext<Engine>) => number>>()
    expect(enginePool.map(["a"], bound)).type.toBe<Mapped<number>>()
    // @ts-expect-error Type 'number' is not assignable to type 'string'
    enginePool.map([1], bound)
    // @ts-expect-error Type 'WorkerContext<void>' is not assignable to type 'WorkerContext<Engine>'
    pool.map(["a"], bound)
  })

  test("checks the value", () => {
    // @ts-expect-error is not assignable to parameter of type 'ReadonlyMap<string, number>'
    Portable.bind(tasks.withTable, new Map([["a", "b"]]))
    // @ts-expect-error Argument of type 'number' is not assignable to parameter of type '{ readonly text: string; }'
    Portable.bind(tasks.closeWith, 1)
    // @ts-expect-error Object literal may only specify known properties
    Portable.bind(tasks.closeWith, { text: "", texts: [] })
    // @ts-expect-error Expected 2 arguments, but got 1
    Portable.bind(tasks.withTable)
  })

  test("nests", () => {
    const three = Portable.make(here, "three", (a: string, b: number, c: bigint) => ({ a, b, c }))
    const bound = Portable.bind(Portable.bind(three, "a"), 1)
    expect(bound).type.toBe<Portable.Portable<(c: bigint) => { a: string; b: number; c: bigint }>>()
    expect(pool.map([1n], bound)).type.toBe<Mapped<{ a: string; b: number; c: bigint }>>()
    // @ts-expect-error Argument of type 'string' is not assignable to parameter of type 'number'
    Portable.bind(Portable.bind(three, "a"), "b")
    // @ts-expect-error Type 'string' is not assignable to type 'bigint'
    pool.map(["c"], bound)
  })

  test("keeps Schemas, whose input is the first parameter that is not bound", () => {
    const bound = Portable.bind(made.weighted, new Map([["a", 1]]))
    expect(basePool.map(["a"], bound)).type.toBe<Mapped<Option.Option<number>>>()
    const either = Portable.make(here, "either", (a: string | number, b: string) => [a, b], { input: Schema.String })
    expect(pool.map(["b"], Portable.bind(either, 1))).type.toBe<Mapped<Array<string | number>>>()
  })

  test("works on hooks", () => {
    const init = Portable.bind(tasks.openWith, "fast")
    const exit = Portable.bind(tasks.closeWith, { text: "bye" })
    expect(init).type.toBe<Portable.Portable<(worker: WorkerContext) => Effect.Effect<Engine>>>()
    expect(exit).type.toBe<Portable.Portable<(worker: WorkerContext<Engine>) => string>>()
    expect(enginePool.map).type.toBeCallableWith([1], tasks.withEngine, { init, exit })
  })

  test("takes references to functions only", () => {
    // @ts-expect-error is not assignable to type '(value:
    Portable.bind(tasks.open, 1)
    // @ts-expect-error Argument of type '(n: number) => number' is not assignable to parameter of type 'Portable<
    Portable.bind((n: number) => n, 1)
  })
})

describe("inline", () => {
  test("types a function by itself", () => {
    expect(
      pool.map(
        [1],
        Portable.inline((n: number) => n * n)
      )
    ).type.toBe<Mapped<number>>()
    expect(
      pool.map(
        [1],
        Portable.inline(async (n: number) => n * n)
      )
    ).type.toBe<Mapped<number>>()
    expect(
      enginePool.map(
        [1],
        Portable.inline((n: number, worker: WorkerContext<Engine>) => worker.state.run(n))
      )
    ).type.toBe<Mapped<number>>()
  })

  test("is a reference", () => {
    // @ts-expect-error This expression is not callable
    Portable.inline((n: number) => n)(1)
    // @ts-expect-error is not assignable to parameter of type '(...args: any) => any'
    Portable.inline(1)
  })
})
