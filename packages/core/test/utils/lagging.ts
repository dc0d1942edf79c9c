/**
 * A channel whose messages and numbers are long on their way, as over a network, without one: what either end sends or sets
 * arrives later, in order, and what the worker sets is gathered before it is sent on.
 */
import * as Effect from "effect/Effect"
import type { Closed, Connection, Control } from "../../src/Channel.ts"
import * as realTime from "../../src/internal/task/realTime.ts"
import { RunnerLost } from "../../src/WorkerPoolError.ts"

export interface LagOptions {
  /** How long anything is on its way in one direction, in milliseconds. */
  readonly oneWay: number
  /** How many numbers there are. */
  readonly controls: number
  /** How long the worker's numbers are gathered, in milliseconds. Default: 25. */
  readonly gather?: number | undefined
  /** Whether what the worker's numbers were at its end is told. Default: true. */
  readonly tellsFinal?: boolean | undefined
  /** After how many milliseconds its runner is lost: nothing more arrives, and what is at the other end goes on, unheard. */
  readonly lostAfter?: number | undefined
}

/** One direction: what is put in comes out `millis` later, in order. */
class Way {
  private readonly millis: number
  private readonly waiting: Array<{ readonly at: number; readonly arrive: () => void }> = []
  private isRunning = false
  private isCut = false

  constructor(millis: number) {
    this.millis = millis
  }

  /** Whatever is on its way never arrives, nor does anything later. */
  cut(): void {
    this.isCut = true
    this.waiting.length = 0
  }

  put(arrive: () => void): void {
    if (this.isCut) return
    this.waiting.push({ at: realTime.now() + this.millis, arrive })
    this.run()
  }

  private run(): void {
    const [first] = this.waiting
    if (this.isRunning || first === undefined) return
    this.isRunning = true
    realTime.after(Math.max(0, first.at - realTime.now()), () => {
      const now = realTime.now()
      while (this.waiting.length > 0 && this.waiting[0]!.at <= now) this.waiting.shift()!.arrive()
      this.isRunning = false
      this.run()
    })
  }
}

/** The connection as it is from afar. */
export const lagging = (near: Connection, options: LagOptions): Connection => {
  const { controls, gather = 25, lostAfter, oneWay, tellsFinal = true } = options
  const there = near.control!
  const toWorker = new Way(oneWay)
  const toPool = new Way(oneWay)
  // what the pool has set, and what it has heard of what the worker has
  const here: Array<number> = Array.from({ length: controls }, () => 0)
  const set = new Set<number>()
  const numbers = () => Array.from({ length: controls }, (_, index) => there.get(index))
  let isOpen = true
  let onClosed: ((closed: Closed) => void) | undefined
  const close = (closed: Closed) => {
    isOpen = false
    const handler = onClosed
    onClosed = undefined
    handler?.(closed)
  }
  if (lostAfter !== undefined) {
    realTime.afterIfRunning(lostAfter, () => {
      if (!isOpen) return
      toWorker.cut()
      toPool.cut()
      const cause = new RunnerLost({ runner: "fake" })
      realTime.after(oneWay, () => close({ external: true, cause }))
    })
  }
  const tell = () => {
    if (!isOpen) return
    const told = numbers()
    toPool.put(() => {
      for (const [index, value] of told.entries()) if (!set.has(index)) here[index] = value
    })
    realTime.afterIfRunning(gather, tell)
  }
  realTime.afterIfRunning(gather, tell)
  const control: Control = {
    get: (index) => here[index]!,
    set: (index, value) => {
      here[index] = value
      set.add(index)
      toWorker.put(() => there.set(index, value))
    },
    lag: () => 2 * oneWay
  }
  return {
    ...near,
    control,
    send: (message, transfers) => {
      // what cannot be cloned is told at once
      const copy: unknown = structuredClone(message, { transfer: (transfers ?? []) as Array<ArrayBuffer> })
      toWorker.put(() => near.send(copy))
    },
    receive: (handler, unreadable) =>
      near.receive(
        (message) => toPool.put(() => handler(message)),
        (cause) => toPool.put(() => unreadable(cause))
      ),
    closed: (handler) => {
      onClosed = handler
      near.closed((closed: Closed) => {
        const told = tellsFinal ? { ...closed, numbers: numbers() } : closed
        toPool.put(() => close(told))
      })
    },
    // as for whoever waits for it, of a runner that is lost there is nothing to wait for
    kill: Effect.callback<void>((resume) => {
      const done = () => resume(Effect.void)
      if (!isOpen) return done()
      toWorker.put(() =>
        Effect.runFork(
          Effect.andThen(
            near.kill,
            Effect.sync(() => toPool.put(done))
          )
        )
      )
      if (lostAfter !== undefined) realTime.after(4 * oneWay, done)
    })
  }
}
