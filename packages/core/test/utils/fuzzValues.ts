/** Sends random values to workers and has them sent back, and says what arrived otherwise than it should. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Portable from "../../src/Portable.ts"
import { print } from "../../src/testing/suite.values.ts"
import * as WorkerPool from "../../src/WorkerPool.ts"
import * as WorkerPoolError from "../../src/WorkerPoolError.ts"
import { randomValue } from "./randomValues.ts"

const tasks = Portable.module<typeof import("./randomValues.tasks.ts")>(
  new URL("./randomValues.tasks.ts", import.meta.url)
)

const isRefused = (exit: Exit.Exit<unknown, unknown>): boolean => {
  if (Exit.isSuccess(exit)) return false
  const error = Cause.squash(exit.cause)
  return WorkerPoolError.isWorkerPoolError(error) && error.reason._tag === "NotSerializable"
}

/** What is wrong with how the value of a number arrived; `undefined` if nothing is. */
const judge = (seed: number, exit: Exit.Exit<unknown, unknown>, printed: (value: any) => string) => {
  const { fate, value } = randomValue(seed, "arrived")
  const refused = isRefused(exit)
  if (Exit.isFailure(exit) && !refused) return `fails: ${String(Cause.squash(exit.cause))}`
  if (fate === "hostile" || (refused && fate !== "arrives")) return undefined
  if (Exit.isFailure(exit)) return `is refused: ${String(Cause.squash(exit.cause))}`
  if (fate === "refused") return "arrives, and cannot"
  const actual = printed(exit.value)
  const expected = print(value)
  return actual === expected ? undefined : `arrives otherwise: ${firstDifference(actual, expected)}`
}

const firstDifference = (actual: string, expected: string): string => {
  const lines = actual.split("\n")
  const others = expected.split("\n")
  const index = lines.findIndex((line, index) => line !== others[index])
  return `${lines[index]?.slice(0, 200)}, and not ${others[index]?.slice(0, 200)}`
}

/** How many values are sent in one call. */
const together = 500

/** Tries `count` values in both directions, from a number on; gives what went wrong, and how many cannot cross. */
export const fuzzValues = Effect.fnUntraced(function* (options: { readonly from: number; readonly count: number }) {
  const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
  const wrong: Array<string> = []
  const fates: Record<string, number> = {}
  for (let from = options.from; from < options.from + options.count; from += together) {
    const length = Math.min(together, options.from + options.count - from)
    const seeds = Array.from({ length }, (_, n) => from + n)
    const sent = seeds.map((seed) => randomValue(seed, "sent"))
    for (const { fate } of sent) fates[fate] = (fates[fate] ?? 0) + 1
    const values = sent.map(({ value }) => value)
    const inputs = yield* pool.mapExit(values, tasks.look)
    const results = yield* pool.mapExit(seeds, tasks.give)
    for (const [index, seed] of seeds.entries()) {
      const problems = [
        ["input", judge(seed, inputs[index]!, (text: string) => text)],
        ["result", judge(seed, results[index]!, print)]
      ] as const
      for (const [way, problem] of problems) if (problem !== undefined) wrong.push(`${way} ${seed} ${problem}`)
    }
  }
  const { lost } = yield* pool.stats
  if (lost > 0) wrong.push(`${lost} workers were lost`)
  return { wrong, fates }
}, Effect.scoped)
