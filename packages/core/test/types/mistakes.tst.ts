// What people write first, and what the compiler tells them to do instead.
// @effect-diagnostics floatingEffect:off
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expect, test } from "tstyche"
import * as Portable from "../../src/Portable.ts"
import * as WorkerPool from "../../src/WorkerPool.ts"
import type { WorkerPoolError } from "../../src/WorkerPoolError.ts"
import * as mistakes from "./mistakes.tasks.ts"

const tasks = Portable.module<typeof import("./mistakes.tasks.ts")>(new URL("./mistakes.tasks.ts", import.meta.url))

declare const pool: WorkerPool.WorkerPool

const items = [1, 2, 3]
const lists = [[1], [2]]

type Mapped<B> = Effect.Effect<Array<B>, WorkerPoolError>

describe("what is no Portable", () => {
  test("a function", () => {
    // @ts-expect-error "made by Portable.module, Portable.make or Portable.inline; a FiberPool takes plain functions"
    pool.map(items, mistakes.square)
    // @ts-expect-error "made by Portable.module, Portable.make or Portable.inline; a FiberPool takes plain functions"
    pool.map(items, (n: number) => n * n)
    // @ts-expect-error "made by Portable.module, Portable.make or Portable.inline; a FiberPool takes plain functions"
    pool.run(mistakes.square, 1)
  })

  test("an item where the task should be", () => {
    // @ts-expect-error "made by Portable.module, Portable.make or Portable.inline; a FiberPool takes plain functions"
    pool.run(1, tasks.square)
    // @ts-expect-error "made by Portable.module, Portable.make or Portable.inline; a FiberPool takes plain functions"
    pool.run({ path: "a.png" }, tasks.square)
  })

  test("a hook", () => {
    // @ts-expect-error "made by Portable.module, Portable.make or Portable.inline; a FiberPool takes plain functions"
    WorkerPool.make({ init: () => new Map<string, number>() })
    // @ts-expect-error "made by Portable.module, Portable.make or Portable.inline; a FiberPool takes plain functions"
    WorkerPool.make({ exit: mistakes.closeAccount })
  })

  test("a Layer of services", () => {
    // @ts-expect-error "made by Portable.module, Portable.make or Portable.inline; a FiberPool takes plain functions"
    WorkerPool.make({ services: mistakes.dbLayer })
    expect(WorkerPool.make({ services: tasks.dbLayer })).type.not.toRaiseError()
  })
})

describe("several parameters", () => {
  test("are no worker", () => {
    // @ts-expect-error "a task takes one item, then the worker: give it several values as one tuple or object
    pool.map(items, tasks.add)
    // @ts-expect-error "a task takes one item, then the worker: give it several values as one tuple or object
    pool.run(tasks.add, 1)
    // @ts-expect-error "a task takes one item, then the worker: give it several values as one tuple or object
    pool.forEach(items, tasks.addAll)
    // @ts-expect-error Target signature provides too few arguments. Expected 3 or more, but got 2
    pool.map([[1]], tasks.rotate)
  })

  test("are bound", () => {
    expect(pool.map(items, Portable.bind(tasks.add, 1))).type.toBe<Mapped<number>>()
  })
})

describe("a generic function", () => {
  test("is refused where its results would be unknown", () => {
    // @ts-expect-error "this export is generic, and its results would be unknown: export a function of one type"
    pool.map(items, tasks.identity)
    // @ts-expect-error "this export is generic, and its results would be unknown: export a function of one type"
    pool.map(items, tasks.later)
    // @ts-expect-error "this export is generic, and its results would be unknown: export a function of one type"
    pool.map(items, tasks.inEffect)
    // @ts-expect-error "this export is generic, and its results would be unknown: export a function of one type"
    pool.map(lists, tasks.firstOf)
    // @ts-expect-error "this function is generic, and its results would be unknown: give it one type"
    Portable.make(import.meta.url, "identity", mistakes.identity)
  })

  test("is taken where its results are known", () => {
    expect(pool.map(items, tasks.ofNumbers)).type.toBe<Mapped<number>>()
    expect(pool.map(lists, tasks.lengthOf)).type.toBe<Mapped<number>>()
    expect(pool.map([{ name: "a" }], tasks.named)).type.toBe<Mapped<{ readonly name: string }>>()
    const ofTexts = Portable.make(import.meta.url, "ofTexts", mistakes.identity<string>)
    expect(pool.map(["a"], ofTexts)).type.toBe<Mapped<string>>()
  })

  test("is not what returns an unknown value by its own account", () => {
    expect(pool.map(["1"], tasks.parse)).type.toBe<Mapped<unknown>>()
    expect(pool.map(items, tasks.anything)).type.toBe<Mapped<unknown>>()
    expect(
      pool.map(
        items,
        Portable.inline((value: unknown): unknown => value)
      )
    ).type.toBe<Mapped<unknown>>()
  })
})

describe("an instance of a class with methods, as a result without a Schema", () => {
  test("is refused, wherever it stands in the result", () => {
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema": Account
    pool.map(items, tasks.account)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema": Account
    pool.stream(items, tasks.accountPromise)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema": Account
    pool.run(tasks.accountEffect, 1)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema": Account
    pool.map(items, tasks.maybeAccount)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema": Account
    pool.map(items, tasks.accounts)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema": Account
    pool.map(items, tasks.accountPair)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema": Account
    pool.map(items, tasks.accountsByName)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema": Account
    pool.map(items, tasks.inObject)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema": { n: number; next
    pool.map(items, tasks.withMethod)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema": URL
    pool.map(["/a"], tasks.url)
    // @ts-expect-error "structured clone would lose this result: give Portable.make an output Schema": Generator
    pool.map(items, tasks.numbersOneByOne)
    // @ts-expect-error "structured clone would lose this exit result": Account
    WorkerPool.make({ exit: tasks.closeAccount })
  })

  test("is taken with a Schema, and by forEach, which drops it", () => {
    const AccountSchema = Schema.instanceOf(mistakes.Account).pipe(
      Schema.encodeTo(Schema.Number, {
        decode: { run: (n: number) => new mistakes.Account(n) },
        encode: { run: (account: mistakes.Account) => account.balance }
      } as any)
    ) as unknown as Schema.Codec<mistakes.Account, number>
    const account = Portable.make(import.meta.url, "account", mistakes.account, { output: AccountSchema })
    expect(pool.map(items, account)).type.toBe<Mapped<mistakes.Account>>()
    expect(pool.forEach(items, tasks.account)).type.toBe<Effect.Effect<void, WorkerPoolError>>()
  })

  test("is nothing that arrives as it was", () => {
    expect(pool.map(items, tasks.fields)).type.toBe<Mapped<mistakes.Fields>>()
    expect(pool.map(items, tasks.iterable)).type.toBe<Mapped<Iterable<number>>>()
    expect(pool.map(["a"], tasks.settings)).type.toBe<Mapped<mistakes.Settings>>()
    expect(pool.map(items, tasks.buffers)).type.not.toRaiseError()
    expect(pool.map(["1"], tasks.json)).type.toBe<Mapped<mistakes.Json>>()
    expect(pool.map(items, tasks.tree)).type.toBe<Mapped<mistakes.Tree>>()
    expect(pool.map(items, tasks.branded)).type.not.toRaiseError()
  })
})
