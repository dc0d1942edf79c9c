/**
 * Where the output of workers goes: what they write to stdout and stderr (O4).
 */
import type { WorkerIdentity } from "@effect-mpire/core/WorkerPoolError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import type { Readable } from "node:stream"
import { Lines } from "./lines.ts"
import * as terminal from "./progress/terminal.ts"

/** The option: to where this process's output goes, or to the log. */
export type Output = "inherit" | "log"

/** The streams that a worker writes to, as this process reads them. */
export interface Streams {
  readonly stdout: Readable | null
  readonly stderr: Readable | null
}

/** Takes the output of a worker. What it returns is to be called when the worker is told to end: from then on it waits for nobody. */
export type Take = (streams: Streams) => () => void

/**
 * How to take the output of a worker that is about to start; `undefined` when it inherits this process's streams. It must not
 * write to a terminal that shows bars.
 */
export const taking = (worker: WorkerIdentity, output: Output | undefined): Effect.Effect<Take | undefined> =>
  output === "log"
    ? Effect.map(Effect.context<never>(), (context) => logging(worker, context))
    : Effect.sync(() => (terminal.isTaken(process.stderr) ? passOn : undefined))

/** Reads a stream line by line. */
const read = (stream: Readable | null, take: (lines: Buffer) => void): void => {
  if (stream === null) return
  const lines = new Lines()
  stream.on("data", (piece: Uint8Array) => {
    const whole = lines.push(piece)
    if (whole.length > 0) take(whole)
  })
  stream.once("end", () => {
    const rest = lines.rest()
    if (rest.length > 0) take(Buffer.concat([rest, Buffer.from("\n")]))
  })
  // it may break with its worker
  stream.on("error", () => {})
}

const passOn: Take = ({ stderr, stdout }) => {
  let mayWait = true
  for (const [from, to] of [
    [stdout, process.stdout],
    [stderr, process.stderr]
  ] as const) {
    read(from, (lines) => {
      if (to.write(lines) || from === null || !mayWait) return
      // whoever reads this process's output is slower than its workers
      from.pause()
      to.once("drain", () => from.resume())
    })
  }
  return () => {
    mayWait = false
    stdout?.resume()
    stderr?.resume()
  }
}

const logging = ({ generation, id }: WorkerIdentity, context: Context.Context<never>): Take => {
  // those of the pool's maker stay, as around what a task logs
  const annotations = { worker: id, generation, ...Context.get(context, References.CurrentLogAnnotations) }
  const fork = Effect.runForkWith(Context.add(context, References.CurrentLogAnnotations, annotations))
  const log = (level: "Info" | "Warn") => (lines: Buffer) => {
    // without the end of the last one
    const text = lines.toString().replace(/\r?\n$/, "")
    for (const line of text.split(/\r?\n/)) fork(Effect.logWithLevel(level)(line))
  }
  return ({ stderr, stdout }) => {
    read(stdout, log("Info"))
    read(stderr, log("Warn"))
    return () => {}
  }
}
