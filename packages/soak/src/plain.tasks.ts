/**
 * Tasks and hooks that return plain values and Promises: workers that run only these never load Effect.
 */
import type { WorkerContext } from "@effect-mpire/core/WorkerContext"
import { type Answer, events, type Item, type State } from "./item.ts"
import { act, begin, end, noteWorker, unreadable } from "./worker.ts"

/** What hooks are told by `Portable.bind`. */
export interface HookPlan {
  readonly ledger: string
  readonly millis: number
  /** One in this many workers fails; 0 for none. */
  readonly failEvery: number
  /** What becomes of it, if it is hostile. */
  readonly fate?: Fate | undefined
  /** Whose it is, if it is hostile. */
  readonly operation?: number | undefined
}

/** What becomes of a hostile hook. */
export type Fate =
  | "fails"
  /** Fails with an error that cannot be read. */
  | "failsUnreadably"
  /** Fails with an error that looks like the pool's. */
  | "failsAsPool"
  /** Never ends, and listens to nobody. */
  | "never"
  /** Ends the process or thread. */
  | "exits"

const fails = ({ failEvery }: HookPlan, worker: WorkerContext): boolean =>
  failEvery > 0 && (worker.id * 7 + worker.generation) % failEvery === failEvery - 1

export const init = (plan: HookPlan, worker: WorkerContext): State | Promise<State> => {
  if (plan.fate === "never") return never(plan, worker)
  return initialised(plan, worker)
}

/** Tells the ledger of an `init` that never ends. */
export const never = (plan: HookPlan, worker: WorkerContext): Promise<never> => {
  noteWorker(plan.ledger, events.acquire, worker)
  noteWorker(plan.ledger, events.doomed, worker, plan.operation ?? -1, "never")
  return new Promise(() => {})
}

export const initialised = (plan: HookPlan, worker: WorkerContext): State => {
  noteWorker(plan.ledger, events.acquire, worker)
  hostile("init", plan, worker)
  if (fails(plan, worker)) throw new Error("planned init")
  noteWorker(plan.ledger, events.ready, worker)
  return { ledger: plan.ledger }
}

/** What becomes of a hostile hook that ends, one way or another. */
const hostile = (which: "init" | "exit", { fate, ledger, operation }: HookPlan, worker: WorkerContext): void => {
  switch (fate) {
    case "fails":
      throw new Error(`hostile ${which} ${operation}`)
    case "failsUnreadably":
      throw unreadable({ operation: operation ?? -1, index: -1 }, "message", "stack", "name", "cause")
    case "failsAsPool":
      throw Object.assign(new Error(`hostile ${which} ${operation}`), {
        _tag: "WorkerPoolError",
        reason: { _tag: "Terminated" }
      })
    case "exits":
      noteWorker(ledger, events.doomed, worker, operation ?? -1, "exits")
      process.exit(5)
      break
    case "never":
    case undefined:
  }
}

export const exit = async (plan: HookPlan, worker: WorkerContext<State>): Promise<string> => {
  noteWorker(plan.ledger, events.exit, worker)
  if (plan.millis > 0) await sleep(plan.millis)
  noteWorker(plan.ledger, events.exited, worker)
  if (plan.fate === "never") return new Promise(() => {})
  return exited(plan, worker)
}

export const exited = (plan: HookPlan, worker: WorkerContext): string => {
  hostile("exit", plan, worker)
  if (fails(plan, worker)) throw new Error("planned exit")
  return `${worker.id}.${worker.generation}`
}

export const task = (item: Item, worker: WorkerContext<State>): Answer | Promise<Answer> => salted(0, item, worker)

/** A task of one more parameter, to be bound. */
export const salted = (salt: number, item: Item, worker: WorkerContext<State>): Answer | Promise<Answer> => {
  begin(item, worker)
  if (item.style === "promise") return waiting(salt, item, worker)
  try {
    return act(item, worker, salt)
  } finally {
    end(item, worker)
  }
}

const waiting = async (salt: number, item: Item, worker: WorkerContext<State>): Promise<Answer> => {
  try {
    if (item.act === "wait") await sleep(item.millis, worker.signal)
    else if (item.act === "deaf" || item.act === "late") await sleep(item.millis)
    else if (item.act === "never") await new Promise(() => {})
    else await Promise.resolve()
    return act(item, worker, salt)
  } finally {
    end(item, worker)
  }
}

const sleep = (millis: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, millis)
    signal?.addEventListener("abort", () => {
      clearTimeout(timer)
      resolve()
    })
  })

/** How much memory the worker uses, in bytes, after its garbage has been collected. */
export const memory = async (): Promise<{ readonly heap: number; readonly external: number }> => {
  const { setFlagsFromString } = await import("node:v8")
  const { runInNewContext } = await import("node:vm")
  setFlagsFromString("--expose-gc")
  const gc: () => void = runInNewContext("gc")
  gc()
  // buffers are swept a little later
  await sleep(20)
  gc()
  const { external, heapUsed } = process.memoryUsage()
  return { heap: heapUsed, external }
}

/** Uses a bound value. */
export const lengthOf = (bytes: Uint8Array, n: number): number => bytes.length + n

export const nothing = (): void => {}

export const square = (n: number): number => n * n
