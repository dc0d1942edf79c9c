/** S3, S4: what arrives is what was sent, or `NotSerializable`, in every position that a value can have. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Portable from "../../Portable.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { WorkerRuntime } from "../../WorkerRuntime.ts"
import { arrived, type Kind, kinds, print } from "../suite.values.ts"
import * as assert from "./assert.ts"
import { type Case, makeLax } from "./case.ts"

const tasks = Portable.module<typeof import("../suite.values.tasks.ts")>(
  new URL("../suite.values.tasks.ts", import.meta.url)
)

/** Where a value can be. */
export const positions = ["input", "result", "bound", "error property", "exit result", "state"] as const

export type Position = (typeof positions)[number]

/** What became of a value: it arrived as it should, was refused, or something else happened, which the text describes. */
export type Outcome = "arrives" | "refused" | (string & {})

type Env = WorkerRuntime | Scope.Scope

type Pool = WorkerPool.WorkerPool<any, any, any>

const isRefused = (exit: Exit.Exit<unknown, unknown>): boolean => {
  if (Exit.isSuccess(exit)) return false
  const error = Cause.squash(exit.cause)
  return WorkerPoolError.isWorkerPoolError(error) && error.reason._tag === "NotSerializable"
}

/** Compares what was printed, at either end, with what should be there. */
const judge = (kind: Kind, exit: Exit.Exit<unknown, unknown>, printed: (value: unknown) => unknown): Outcome => {
  if (isRefused(exit)) return "refused"
  if (Exit.isFailure(exit)) return `fails: ${String(Cause.squash(exit.cause))}`
  const actual = printed(exit.value)
  const expected = print(arrived(kind))
  return actual === expected ? "arrives" : `arrives as ${String(actual)}, and not as ${expected}`.slice(0, 300)
}

const identity = (value: unknown): unknown => value

/** What a call failed with, which has the value. */
const dataOf = (exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, unknown> => {
  if (Exit.isSuccess(exit) || isRefused(exit)) return exit
  const error = Cause.squash(exit.cause)
  const hasData = error instanceof Error && error.message === "with data"
  return hasData ? Exit.succeed((error as Error & { readonly data?: unknown }).data) : exit
}

/** Kinds that are tried together, in one object, because a worker has but one state and one exit result. */
const isTogether = ({ make, refused }: Kind): boolean => refused === undefined && !(make() instanceof Error)

const inTask = (
  run: (pool: Pool, kind: Kind) => Effect.Effect<unknown, unknown>,
  judged: (kind: Kind, exit: Exit.Exit<unknown, unknown>) => Outcome
) =>
  Effect.fnUntraced(function* (of: ReadonlyArray<Kind>) {
    const pool = yield* makeLax({ size: 1, keepAlive: true })
    const outcomes: Array<Outcome> = []
    for (const kind of of) outcomes.push(judged(kind, yield* Effect.exit(run(pool, kind))))
    const { lost } = yield* pool.stats
    if (lost > 0) outcomes.push(`${lost} workers were lost`)
    return outcomes
  })

const outcomesIn: Record<Position, (of: ReadonlyArray<Kind>) => Effect.Effect<ReadonlyArray<Outcome>, unknown, Env>> = {
  input: inTask(
    (pool, { make }) => pool.run(tasks.look, make()),
    (kind, exit) => judge(kind, exit, identity)
  ),
  result: inTask(
    (pool, { name }) => pool.run(tasks.give, name),
    (kind, exit) => judge(kind, exit, print)
  ),
  bound: inTask(
    (pool, { make }) => pool.run(Portable.bind(tasks.lookAtBound, make()), 1),
    (kind, exit) => judge(kind, exit, identity)
  ),
  "error property": inTask(
    (pool, { name }) => pool.run(tasks.throwWith, name),
    (kind, exit) => judge(kind, dataOf(exit), print)
  ),
  "exit result": Effect.fnUntraced(function* (of: ReadonlyArray<Kind>) {
    const pool = yield* makeLax({ size: 1, keepAlive: true })
    const resultOf = Effect.fnUntraced(function* (exit: Portable.Portable<any>) {
      yield* pool.map([1], tasks.look, { exit })
      yield* pool.stop
      return (yield* pool.exitResults).at(-1)
    })
    const names = of.filter(isTogether).map(({ name }) => name)
    const all = yield* Effect.exit(resultOf(Portable.bind(tasks.closeWithAll, names)))
    return yield* Effect.forEach(of, (kind) =>
      isTogether(kind)
        ? Effect.succeed(judge(kind, all, (results) => print((results as Record<string, unknown>)[kind.name])))
        : Effect.map(Effect.exit(resultOf(Portable.bind(tasks.closeWith, kind.name))), (exit) =>
            judge(kind, exit, print)
          )
    )
  }),
  state: Effect.fnUntraced(function* (of: ReadonlyArray<Kind>) {
    const pool = yield* makeLax({ size: 1, keepAlive: true })
    const stateSeenBy = (
      task: Portable.Portable<(name: string) => string>,
      names: ReadonlyArray<string>,
      state: unknown
    ) =>
      Effect.exit(
        Effect.andThen(
          pool.stop,
          pool.map(names, task, { init: Portable.bind(tasks.open, state) as Portable.Portable<any> })
        )
      )
    const together = of.filter(isTogether)
    const names = together.map(({ name }) => name)
    const values = Object.fromEntries(together.map(({ make, name }) => [name, make()]))
    const all = yield* stateSeenBy(tasks.lookInState as any, names, values)
    return yield* Effect.forEach(of, (kind) =>
      isTogether(kind)
        ? Effect.succeed(judge(kind, all, (texts) => (texts as ReadonlyArray<string>)[names.indexOf(kind.name)]))
        : Effect.map(stateSeenBy(tasks.lookAtState as any, [kind.name], kind.make()), (exit) =>
            judge(kind, exit, (texts) => (texts as ReadonlyArray<string>)[0])
          )
    )
  })
}

/** What becomes of values of all kinds in a position, or of some, in their order. */
export const outcomes = (
  position: Position,
  of: ReadonlyArray<Kind> = kinds
): Effect.Effect<ReadonlyArray<Outcome>, unknown, Env> => outcomesIn[position](of)

/** A worker has one state and one exit result: fewer of what is refused is tried there, as each needs a worker. */
const triedIn = (position: Position): ReadonlyArray<Kind> =>
  position === "exit result" || position === "state"
    ? kinds.filter((kind, n) => isTogether(kind) || n % 5 === 0)
    : kinds

const isRight = ({ refused }: Kind, outcome: Outcome | undefined): boolean => {
  if (outcome === "arrives") return refused !== "always"
  return outcome === "refused" && refused !== undefined
}

export const cases: ReadonlyArray<Case> = [
  ...positions.map((position): Case => ({
    rule: "S3",
    name: `brings what was sent, or refuses it: ${position}`,
    needs: ["cloning"],
    effect: Effect.gen(function* () {
      const tried = triedIn(position)
      const found = yield* outcomes(position, tried)
      const wrong = tried.flatMap((kind, index) =>
        isRight(kind, found[index]) ? [] : [`${kind.name} ${found[index]}`]
      )
      yield* assert.equal([...wrong, ...found.slice(tried.length)], [])
    })
  })),
  {
    rule: "S4",
    name: "brings a small view of much memory without the rest",
    needs: ["cloning"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const view = new Float64Array(new ArrayBuffer(1_000_000), 8000, 10)
      const memory = yield* pool.map([view, view.subarray(2, 3)], tasks.memoryOf)
      yield* assert.equal(memory, [80, 8], "in the worker")
      yield* assert.equal(view.buffer.byteLength, 1_000_000, "here")
    })
  },
  {
    rule: "S4",
    name: "brings many small Buffers with the memory of each alone",
    needs: ["cloning"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const numbers = Array.from({ length: 2000 }, (_, n) => n)
      const buffers = yield* pool.map(numbers, tasks.giveBytes)
      const memory = [...new Set(buffers.map(({ buffer }) => buffer))].reduce(
        (sum, { byteLength }) => sum + byteLength,
        0
      )
      const shown = buffers.reduce((sum, { byteLength }) => sum + byteLength, 0)
      yield* assert.equal([buffers.length, memory], [2000, shown])
      const inWorker = yield* pool.map(buffers, tasks.memoryOf)
      yield* assert.equal(
        inWorker.reduce((sum, size) => sum + size, 0),
        shown,
        "in the worker"
      )
    })
  }
]
