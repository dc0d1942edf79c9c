/**
 * Tasks and hooks that return plain values and Promises: workers that run only these never load Effect.
 */
import type { WorkerContext } from "@effect-mpire/core/WorkerContext"
import { type Answer, events, type Item, type State } from "./item.ts"
import { act, begin, end, noteWorker } from "./worker.ts"

/** What hooks are told by `Portable.bind`. */
export interface HookPlan {
  readonly ledger: string
  readonly millis: number
  /** One in this many workers fails; 0 for none. */
  readonly failEvery: number
}

const fails = ({ failEvery }: HookPlan, worker: WorkerContext): boolean =>
  failEvery > 0 && (worker.id * 7 + worker.generation) % failEvery === failEvery - 1

export const init = (plan: HookPlan, worker: WorkerContext): State => {
  noteWorker(plan.ledger, events.acquire, worker)
  if (fails(plan, worker)) throw new Error("planned init")
  noteWorker(plan.ledger, events.ready, worker)
  return { ledger: plan.ledger }
}

export const exit = async (plan: HookPlan, worker: WorkerContext<State>): Promise<string> => {
  noteWorker(plan.ledger, events.exit, worker)
  if (plan.millis > 0) await sleep(plan.millis)
  noteWorker(plan.ledger, events.exited, worker)
  return exited(plan, worker)
}

export const exited = (plan: HookPlan, worker: WorkerContext): string => {
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
    else if (item.act === "deaf") await sleep(item.millis)
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
