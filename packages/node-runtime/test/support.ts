import { WorkerPoolError } from "@effect-mpire/core"
import type { Case } from "@effect-mpire/core/testing/RuntimeSuite"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** What a program printed and how it ended. */
export interface Ended {
  readonly stdout: string
  readonly stderr: string
  readonly code: number | string | null
}

const cwd = fileURLToPath(new URL("..", import.meta.url))

/** What scripts/bundle-test-worker.ts has made. */
const entry = process.env["EFFECT_MPIRE_TEST_ENTRY"]

/**
 * Options of workers that start twice as fast: from few files, and without the options that Vitest has Node started with.
 * What is about how a worker starts does without.
 */
export const bare = { execArgv: [], entry: entry === undefined ? undefined : new URL(entry) }

/**
 * Whether a case of the conformance suite is about what processes do by code of their own: how workers end and are
 * killed, and what is told. The others are in `extended/`, which `pnpm test:extended` runs; what crosses is tried with
 * random values here as well.
 */
export const isOfProcesses = ({ name, rule }: Case): boolean =>
  /^(C4|F[156])$/.test(rule) ? !/gave up waiting/.test(name) : rule === "O3" && /lost|before/.test(name)

/**
 * Whether a case of the conformance suite is tried on threads by `pnpm test`. The others are about what the pool decides, or
 * show by the same code what fibers, which clone as well, show in less time; they are in `extended/`.
 */
export const isOfThreads = ({ name, rule }: Case): boolean =>
  !/^(API|C[1267]|C10|F8|L\d+|O[124]|S1|T1)$/.test(rule) && !/gave up waiting/.test(name)

const pathOf = (fixture: string) => fileURLToPath(new URL(`./fixtures/${fixture}`, import.meta.url))

/** What hangs is ended after that many milliseconds, so that its case says what hung before the case is ended. */
const hung = 50_000

/** Runs Node with arguments in this package; it has not ended by itself when `code` is null. */
export const runNode = (args: ReadonlyArray<string>): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    const child = execFile(process.execPath, args, { cwd, timeout: hung }, (error, stdout, stderr) => {
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
    Effect.sync(() => spawn(process.execPath, [pathOf(name)], { stdio: ["pipe", "pipe", "inherit"] })),
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

/** Waits until something is so; dies when that does not come, and says what it is. */
export const eventually = (what: string, isSo: () => boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    const started = performance.now()
    while (!isSo()) {
      if (performance.now() - started > hung) return yield* Effect.die(new Error(`not within ${hung} ms: ${what}`))
      yield* Effect.sleep(1)
    }
  })

/** How long an Effect takes, in milliseconds, but at least 50: a unit for limits that a busy machine keeps to as well. */
export const pace = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<number, E, R> =>
  Effect.map(Effect.timed(effect), ([took]) => Math.max(50, Duration.toMillis(took)))

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
