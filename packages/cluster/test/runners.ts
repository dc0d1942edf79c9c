import { ClusterRuntime, Members } from "@effect-mpire/cluster"
import type { WorkerRuntime } from "@effect-mpire/core/WorkerRuntime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** The name of a variable of the environment, which children inherit, with a key in it. */
const keyNamed = (name: string): string => {
  process.env[name] = randomBytes(32).toString("base64")
  return name
}

/** Where the key is that all tests' runners and drivers know. */
export const secret = keyNamed("EFFECT_MPIRE_TEST_KEY")

/** Where another key is. */
export const otherSecret = keyNamed("EFFECT_MPIRE_TEST_OTHER_KEY")

/** Options of a runner that can be written as JSON. */
export interface RunnerOptions {
  /** Default: any free port of 127.0.0.1. */
  readonly listen?: string
  readonly slots?: number
  readonly workers?: "processes" | "threads"
  /** In milliseconds. */
  readonly lease?: number
  /** In milliseconds. */
  readonly drainTimeout?: number
  /** In milliseconds. */
  readonly minTenure?: number
  readonly secret?: string
  readonly deployment?: string
  /** The URL of a module that the runner and its workers load before anything else. */
  readonly preload?: string
}

/** A runner in a process of its own. */
export interface RunnerProcess {
  readonly address: string
  readonly port: number
  readonly child: ChildProcess
  /** Resolves when it has ended. */
  readonly ended: Promise<void>
}

const program = fileURLToPath(new URL("./fixtures/runner.ts", import.meta.url))

/** Starts a runner; the Scope kills it. A command before its own can be given, such as one that enters a namespace. */
export const startRunner = (
  options: RunnerOptions,
  [command, ...before]: ReadonlyArray<string> = []
): Effect.Effect<RunnerProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<RunnerProcess>((resume) => {
      const entry = process.env["EFFECT_MPIRE_TEST_ENTRY"]
      const settings = JSON.stringify({ entry, workers: "threads", ...options })
      const preload = options.preload === undefined ? [] : ["--import", options.preload]
      const own = [...preload, program, settings]
      const args = command === undefined ? own : [...before, process.execPath, ...own]
      const child = spawn(command ?? process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
      createInterface(child.stdout).once("line", (line) => {
        const port = Number(line)
        const host = options.listen?.split(":")[0] ?? "127.0.0.1"
        resume(Effect.succeed({ address: `${host}:${port}`, port, child, ended }))
      })
      child.once("exit", (code) => resume(Effect.die(new Error(`The runner ended with ${code} before it listened`))))
    }),
    ({ child, ended }) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return ended
      })
  )

type DriverOptions = Omit<ClusterRuntime.Options, "members" | "secret" | "tls" | "insecure">

/** The runtime over runners at these addresses. */
export const clusterOf = (
  addresses: ReadonlyArray<string>,
  options: DriverOptions & { readonly secret?: string } = {}
): Layer.Layer<WorkerRuntime> => {
  const { secret, ...rest } = options
  const security = secret === undefined ? { insecure: true } : { secret: { env: secret } }
  return Layer.orDie(ClusterRuntime.layer({ members: Members.fromList(addresses), ...security, ...rest }))
}

/** Waits until something is so; dies when that does not come. */
export const eventually = <E, R>(isSo: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.gen(function* () {
    const started = performance.now()
    while (!(yield* isSo)) {
      if (performance.now() - started > 30_000) return yield* Effect.die(new Error("not within 30 seconds"))
      yield* Effect.sleep(5)
    }
  })
