/**
 * Fails calls that wait at once when waiting would come to nothing, or would cost worker after worker (F3, T4, L10).
 */
import * as Cause from "effect/Cause"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import type { Code } from "../../WorkerRuntime.ts"
import type { Call } from "../call/call.ts"
import type { Dispatcher } from "../dispatcher/dispatcher.ts"
import * as portable from "../task/portable.ts"
import type { Slot } from "../slot/slot.ts"

/** What is asked of the pool. */
export interface RefusalsHost {
  readonly dispatcher: Dispatcher
  /** The slots that may get chunks. */
  readonly slots: ReadonlyArray<Slot>
}

export class Refusals {
  private readonly host: RefusalsHost

  constructor(host: RefusalsHost) {
    this.host = host
  }

  /** Whether any slot has a live worker. */
  get hasLive(): boolean {
    return this.host.slots.some((slot) => slot.isLive)
  }

  /** Calls that wait for a slot fail when those that they need acquire no worker for a while. */
  stalled(): void {
    const { dispatcher, slots } = this.host
    if (slots.every(({ refusal }) => refusal === undefined)) return
    for (const call of dispatcher.waiting) {
      const refusals = dispatcher.needs(call).map(({ refusal }) => refusal)
      if (!refusals.includes(undefined)) call.refuse(Cause.fail(refusals[0]!))
    }
  }

  /** No worker came of it: a slot's own chunks are told, and those that wait when no slot has a live worker (L10). */
  acquisitionFailed(error: WorkerPoolError, tellChunks: () => void): void {
    // whoever is told goes on at once, and what it calls then must not fail as well
    this.fail(this.hasLive ? [] : this.host.dispatcher.waiting, error, tellChunks)
  }

  /** A task's module ended a worker (F3), or did not load (T4): those that wait for it are told. */
  moduleFailed(task: Code, error: WorkerPoolError, tellChunks: () => void): void {
    const module = portable.moduleOf(task)
    const isSame = ({ options }: Call) => module !== undefined && portable.moduleOf(options.task) === module
    this.fail(this.host.dispatcher.waiting.filter(isSame), error, tellChunks)
  }

  private fail(waiting: ReadonlyArray<Call>, error: WorkerPoolError, tellChunks: () => void): void {
    const { dispatcher } = this.host
    // those that wait must not get the slot before they are told
    dispatcher.pause()
    tellChunks()
    for (const call of waiting) call.refuse(Cause.fail(error))
    dispatcher.resume()
  }
}
