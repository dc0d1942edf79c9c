/**
 * Pins workers to CPUs: starts them by `taskset` of util-linux, which replaces itself by the command that it is given.
 */
import type { WorkerPoolError } from "@effect-mpire/core/WorkerPoolError"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import type { ProcessOptions } from "../NodeWorkerRuntime.ts"
import { invalidOption } from "./options.ts"

/** A program with its arguments. */
export type Command = readonly [file: string, ...args: ReadonlyArray<string>]

type Cpus = NonNullable<ProcessOptions["cpus"]>

/** The command that runs `command` on those of `cpus` that are for the slot; `command` itself without `cpus`. */
export const pinned = Effect.fnUntraced(function* (cpus: Cpus | undefined, slot: number, command: Command) {
  if (cpus === undefined) return command
  const numbers = yield* cpusOf(cpus, slot)
  const taskset = yield* findTaskset(cpus)
  for (const cpu of numbers) if (!usable.has(cpu)) yield* tryOut(cpus, taskset, cpu)
  const pinned: Command = [taskset, "-c", numbers.join(","), ...command]
  return pinned
})

const invalid = (cpus: Cpus, expected: string): WorkerPoolError => invalidOption("cpus", cpus, expected)

const cpusOf = (cpus: Cpus, slot: number): Effect.Effect<ReadonlyArray<number>, WorkerPoolError> => {
  const entry = cpus.length === 1 ? cpus[0] : cpus[slot]
  if (entry === undefined)
    return Effect.fail(invalid(cpus, `a list of one entry for all workers, or of one for each slot, slot ${slot} too`))
  const numbers = typeof entry === "number" ? [entry] : entry
  const areNumbers = numbers.length > 0 && numbers.every((cpu) => Number.isInteger(cpu) && cpu >= 0)
  return areNumbers
    ? Effect.succeed(numbers)
    : Effect.fail(invalid(cpus, `a list of CPU numbers (integers >= 0) or lists of them, for slot ${slot} too`))
}

const findTaskset = (cpus: Cpus): Effect.Effect<string, WorkerPoolError> =>
  Effect.suspend(() => {
    if (process.platform !== "linux")
      return Effect.fail(invalid(cpus, `left out on ${process.platform}: only Linux can pin processes`))
    const found = (process.env["PATH"] ?? "/usr/bin:/bin")
      .split(delimiter)
      .map((directory) => join(directory, "taskset"))
      .find(isExecutable)
    return found === undefined
      ? Effect.fail(invalid(cpus, "left out where the program taskset (of util-linux) is not installed"))
      : Effect.succeed(found)
  })

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** CPUs that have been tried out, successfully. */
const usable = new Set<number>()

/** Pins a process to `cpu` to see whether it can be: given several CPUs, `taskset` ignores those that do not exist. */
const tryOut = (cpus: Cpus, taskset: string, cpu: number): Effect.Effect<void, WorkerPoolError> =>
  Effect.callback((resume) => {
    const child = execFile(taskset, ["-c", String(cpu), "true"], (error, _, stderr) => {
      if (error === null) {
        usable.add(cpu)
        return resume(Effect.void)
      }
      const why = stderr.trim() === "" ? error.message : stderr.trim()
      resume(Effect.fail(invalid(cpus, `CPUs that this process may use: CPU ${cpu} is none (${why})`)))
    })
    return Effect.sync(() => void child.kill("SIGKILL"))
  })
