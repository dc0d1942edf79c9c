/** Runners on this machine, each in a process of its own. */
import { Data, Effect, Option, Stream } from "effect"
import * as ChildProcess from "effect/process/ChildProcess"
import { fileURLToPath } from "node:url"

const program = fileURLToPath(new URL("./runner.ts", import.meta.url))

export class RunnerFailed extends Data.TaggedError("RunnerFailed")<{ readonly message: string }> {}

export interface Runner {
  readonly address: string
  readonly pid: number
}

/** Starts a runner that listens on a free port, and waits until it does. When the Scope closes it gets a SIGTERM, and drains. */
export const start = Effect.fn("Runners.start")(function* (slots: number, secretFile: string) {
  const child = yield* ChildProcess.make(process.execPath, [program], {
    env: { LISTEN: "127.0.0.1:0", SLOTS: `${slots}`, SECRET_FILE: secretFile },
    extendEnv: true,
    stdin: "ignore",
    stderr: "inherit"
  })
  // the one line that it prints, or why it could not start
  const line = yield* child.stdout.pipe(Stream.decodeText(), Stream.splitLines, Stream.runHead)
  if (Option.isNone(line) || !/^127\.0\.0\.1:\d+$/.test(line.value)) {
    return yield* new RunnerFailed({ message: Option.getOrElse(line, () => "A runner ended before it listened") })
  }
  const runner: Runner = { address: line.value, pid: child.pid }
  return runner
})

/** Kills a runner as a machine that loses power does: it can say and save nothing. */
export const kill = (runner: Runner): Effect.Effect<void> =>
  Effect.sync(() => {
    process.kill(runner.pid, "SIGKILL")
  })
