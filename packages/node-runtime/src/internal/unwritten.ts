/**
 * What a process has printed to a pipe and whoever reads that has not taken: `process.exit` and a SIGKILL lose it (O4).
 */
import { fstatSync, writeSync } from "node:fs"
import type { Socket } from "node:net"
import { Writable } from "node:stream"
import { lifelineFd } from "./descriptors.ts"
import type { Output } from "./ending.ts"
import { setTimeout } from "./timers.ts"

/** For how long nothing of it may be taken until it is given up, in milliseconds. */
const patience = 5000

/** How often the process says that it is not hung, in milliseconds. */
const beat = 250

const waits = "+"

const hasEnded = "-"

// tasks can replace them
const now = performance.now.bind(performance)
const write = Reflect.get(Writable.prototype, "write") as (text: string, done: () => void) => boolean

/** So many pieces are written in some milliseconds. */
const many = 1000

/** A stream that writes to a pipe, and how much the pipe has taken. */
type Printing = Writable & {
  readonly _handle?: { readonly bytesWritten?: number; readonly writeQueueSize?: number }
  _writev?: ((pieces: ReadonlyArray<unknown>, done: unknown) => void) | undefined
}

/**
 * In the process, as it begins: says when it writes so much at once that it may seem to hang, since Node writes all that a task
 * has printed before it reads that the process is to end.
 */
export const track = (fd: 1 | 2): void => {
  if (isPipe(fd)) tellBefore((fd === 1 ? process.stdout : process.stderr) as unknown as Printing)
}

const isPipe = (fd: number): boolean => {
  try {
    const found = fstatSync(fd)
    return found.isFIFO() || found.isSocket()
  } catch {
    return false
  }
}

const tellBefore = (stream: Printing): void => {
  const send = stream._writev
  if (typeof send !== "function") return
  stream._writev = (pieces, done) => {
    if (pieces.length > many) tell(waits)
    return Reflect.apply(send, stream, [pieces, done])
  }
}

/** In the process: calls `exit` once what has been written so far has been taken, or nobody takes it. */
export const exitAfter = (exit: () => void): void => {
  const streams = ([process.stdout, process.stderr] as ReadonlyArray<unknown> as ReadonlyArray<Printing>).filter(
    ({ writable, writableLength }) => writable && writableLength > 0
  )
  if (streams.length === 0) return exit()
  const end = () => {
    tell(hasEnded)
    exit()
  }
  let unwritten = streams.length
  for (const stream of streams) {
    const written = () => {
      if (--unwritten === 0) end()
    }
    // called when all before it has been written
    Reflect.apply(write, stream, ["", written])
  }
  let taken = -1
  let last = 0
  const wait = () => {
    const more = streams.reduce((sum, stream) => sum + takenOf(stream), 0)
    if (more !== taken) last = now()
    taken = more
    if (now() - last > patience) return end()
    tell(waits)
    setTimeout(wait, beat)
  }
  wait()
}

const takenOf = ({ _handle: handle }: Printing): number => (handle?.bytesWritten ?? 0) - (handle?.writeQueueSize ?? 0)

/** Tells the process that started this one, which would take it for hung. */
const tell = (what: string): void => {
  try {
    writeSync(lifelineFd, what)
  } catch {
    // it has ended, or the platform has no such pipes
  }
}

/** In the process that started it: hears by the lifeline whether the other one waits. */
export const ofProcess = (lifeline: Socket, letFlow: () => void): Output => {
  let heard = ""
  let last = 0
  lifeline.on("data", (said: Buffer) => {
    heard = said.toString("latin1").at(-1)!
    last = now()
  })
  return {
    letFlow,
    // the process's own patience ends first, unless it hangs
    isComing: () => heard === waits && now() - last < patience
  }
}
