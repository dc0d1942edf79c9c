/**
 * Where the output of workers goes: what they write to stdout and stderr (O4).
 */
import type { WorkerIdentity } from "@effect-mpire/core/WorkerPoolError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import type { Readable } from "node:stream"
import { Lines } from "./lines.ts"
import * as outside from "./outside.ts"
import type { Which } from "./outside.ts"
import { Passing } from "./passing.ts"
import * as terminal from "./progress/terminal.ts"

/** The option: to where this process's output goes, or to the log. */
export type Output = "inherit" | "log"

/** The streams that a worker writes to, as this process reads them. */
export interface Streams {
  readonly stdout: Readable | null
  readonly stderr: Readable | null
}

/** What is done with the output of a worker that is about to start. */
export interface Taking {
  /** Of which streams this process reads what is written; the others the worker inherits. */
  readonly reads: Which
  /** `isUnderWay` tells whether the worker has printed what has not arrived yet, as far as that is known. */
  readonly take: (streams: Streams, isUnderWay?: () => boolean) => Taken
}

/** Output that is being read. */
export interface Taken {
  /** The worker has been told to end: from now on it waits for nobody. */
  readonly letFlow: () => void
  /** No more is to come: writes what has no end of line. */
  readonly end: () => void
}

const names = ["stdout", "stderr"] as const

/**
 * What to do with the output of a worker that is about to start. It inherits this process's streams, but must not write to
 * a terminal for bars. A stream that leads elsewhere is left to it, byte for byte.
 */
export const taking = (worker: WorkerIdentity, output: Output | undefined): Effect.Effect<Taking> =>
  output === "log"
    ? Effect.map(Effect.context<never>(), (context) => logging(worker, context))
    : Effect.sync(() => {
        const isRead = (name: "stdout" | "stderr") => outside.reads()[name] || terminal.isTaken(name)
        return passingOn({ stdout: isRead("stdout"), stderr: isRead("stderr") })
      })

/** Has the streams that are read taken, each by itself. */
const takingEach = (
  reads: Which,
  take: (from: Readable, name: "stdout" | "stderr", isUnderWay: () => boolean) => Taken
): Taking => ({
  reads,
  take: (streams, isUnderWay = () => false) => {
    const all = names.flatMap((name) => {
      const from = reads[name] ? streams[name] : null
      return from === null ? [] : [take(from, name, isUnderWay)]
    })
    return {
      letFlow: () => {
        for (const taken of all) taken.letFlow()
      },
      end: () => {
        for (const taken of all) taken.end()
      }
    }
  }
})

/** Reads a stream; `end` is called once, when no more comes. */
const read = (from: Readable, take: (piece: Uint8Array) => void, end: () => void): (() => void) => {
  let hasEnded = false
  const onEnd = () => {
    if (hasEnded) return
    hasEnded = true
    end()
  }
  // it is closed without an end where something else that the worker has started keeps it open; it may break with its worker
  from
    .on("data", take)
    .once("end", onEnd)
    .once("close", onEnd)
    .on("error", () => {})
  return onEnd
}

/** Has what is written go to this process's streams. */
const passingOn = (reads: Which): Taking =>
  takingEach(reads, (from, name, isUnderWay) => {
    const to = process[name]
    const hasBars = () => outside.reads()[name] || terminal.hasBars(to)
    const passing = new Passing({ from, to, hasBars, isUnderWay })
    const end = read(from, passing.piece, passing.end)
    return { letFlow: passing.letFlow, end }
  })

const logging = ({ generation, id }: WorkerIdentity, context: Context.Context<never>): Taking => {
  // those of the pool's maker stay, as around what a task logs
  const annotations = { worker: id, generation, ...Context.get(context, References.CurrentLogAnnotations) }
  const fork = Effect.runForkWith(Context.add(context, References.CurrentLogAnnotations, annotations))
  const log = (level: "Info" | "Warn") => (lines: Buffer) => {
    // without the end of the last one
    const text = lines.toString().replace(/\r?\n$/, "")
    for (const line of text.split(/\r?\n/)) fork(Effect.logWithLevel(level)(line))
  }
  return takingEach({ stdout: true, stderr: true }, (from, name) => {
    const lines = new Lines()
    const write = log(name === "stdout" ? "Info" : "Warn")
    const piece = (bytes: Uint8Array) => {
      const whole = lines.push(bytes)
      if (whole.length > 0) write(whole)
    }
    const end = read(from, piece, () => {
      const rest = lines.rest()
      if (rest.length > 0) write(rest)
    })
    return { letFlow: () => {}, end }
  })
}
