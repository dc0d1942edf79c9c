import { WorkerPoolError } from "@effect-mpire/core"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** What a program printed and how it ended. */
export interface Ended {
  readonly stdout: string
  readonly stderr: string
  readonly code: number | string | null
}

/**
 * Has processes use the compile cache from their first module on: else every one would strip the types of its entry, which
 * is TypeScript only here, and so would take twice as long to start.
 */
export const cachedEnv = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache") }

const cwd = fileURLToPath(new URL("..", import.meta.url))

const pathOf = (fixture: string) => fileURLToPath(new URL(`./fixtures/${fixture}`, import.meta.url))

/** Runs Node with arguments in this package; it fails to end by itself within the time when `code` is null. */
export const runNode = (args: ReadonlyArray<string>, timeout = 20_000): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    const child = execFile(process.execPath, args, { cwd, env: cachedEnv, timeout }, (error, stdout, stderr) => {
      resume(Effect.succeed({ stdout, stderr, code: error === null ? 0 : (error.code ?? null) }))
    })
    return Effect.sync(() => {
      child.kill()
    })
  })

/** Runs a fixture as a program of its own. */
export const runFixture = (name: string, ...args: ReadonlyArray<string>): Effect.Effect<Ended> =>
  runNode([pathOf(name), ...args])

/** Starts a fixture as a program of its own and waits for so many lines on its stdout; the Scope kills it. */
export const startFixture = (
  name: string,
  lines: number
): Effect.Effect<{ readonly program: ChildProcess; readonly lines: ReadonlyArray<string> }, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, [pathOf(name)], { env: cachedEnv, stdio: ["pipe", "pipe", "inherit"] })),
    (program) => Effect.sync(() => void program.kill("SIGKILL"))
  ).pipe(
    Effect.flatMap((program) =>
      Effect.callback((resume) => {
        const seen: Array<string> = []
        createInterface(program.stdout).on("line", (line) => {
          seen.push(line)
          if (seen.length === lines) resume(Effect.succeed({ program, lines: seen }))
        })
      })
    )
  )

/** Waits until something is so; dies when it is not within the time, in milliseconds. */
export const eventually = (what: string, isSo: () => boolean, limit = 2_000): Effect.Effect<void> =>
  Effect.gen(function* () {
    const started = performance.now()
    while (!isSo()) {
      if (performance.now() - started > limit) return yield* Effect.die(new Error(`not within ${limit} ms: ${what}`))
      yield* Effect.sleep(5)
    }
  })

/** Whether a process runs; one that has ended and that nobody has waited for yet does not. */
export const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const stat = `/proc/${pid}/stat`
  if (process.platform !== "linux") return true
  return existsSync(stat) && !/\) [ZX] /.test(readFileSync(stat, "utf8"))
}

/** What of the pool's an Exit failed with. */
export const reasonOf = (exit: Exit.Exit<unknown, unknown>): WorkerPoolError.Reason => {
  if (Exit.isSuccess(exit)) throw new Error("it succeeded")
  const error = Cause.squash(exit.cause)
  if (!WorkerPoolError.isWorkerPoolError(error)) throw error
  return error.reason
}
