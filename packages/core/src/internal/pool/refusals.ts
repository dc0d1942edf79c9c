/**
 * Fails calls that wait at once when waiting would come to nothing, or would cost worker after worker (F3, T4, L10).
 */
import * as Cause from "effect/Cause"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import type { Code } from "../../WorkerRuntime.ts"
import type { Call } from "../call/call.ts"
import type { Dispatcher } from "../dispatcher/dispatcher.ts"
import type { Slot } from "../slot/slot.ts"
import type * as slotFailures from "../slot/slotFailures.ts"
import * as portable from "../task/portable.ts"

export class Refusals implements slotFailures.Refusals {
  private readonly dispatcher: Dispatcher
  private readonly slots: () => ReadonlyArray<Slot>

  /** `slots` are those that may get chunks. */
  constructor(dispatcher: Dispatcher, slots: () => ReadonlyArray<Slot>) {
    this.dispatcher = dispatcher
    this.slots = slots
  }

  get hasLive(): boolean {
    return this.slots().some((slot) => slot.isLive)
  }

  /** Calls that wait for a slot fail when all the slots that would do acquire no worker for a while. */
  stalled(): void {
    if (this.slots().every(({ refusal }) => refusal === undefined)) return
    for (const call of this.dispatcher.waiting) {
      const refusals = this.dispatcher.slotsFor(call).map(({ refusal }) => refusal)
      const [refusal] = refusals
      if (refusal !== undefined && !refusals.includes(undefined)) call.refuse(Cause.fail(refusal))
    }
  }

  /** Calls that wait fail with the slot's own chunks when no live worker is left to serve them (L10). */
  acquisitionFailed(error: WorkerPoolError, tellChunks: () => void): void {
    // read first: whoever is told goes on at once, and the calls that it makes then must not fail as well
    this.fail(this.hasLive ? [] : this.dispatcher.waiting, error, tellChunks)
  }

  /** Calls that wait for a task of the same module fail with the slot's own chunks (T4). */
  moduleFailed(task: Code, error: WorkerPoolError, tellChunks: () => void): void {
    const module = portable.moduleOf(task)
    const isSame = ({ options }: Call) => module !== undefined && portable.moduleOf(options.task) === module
    this.fail(this.dispatcher.waiting.filter(isSame), error, tellChunks)
  }

  private fail(waiting: ReadonlyArray<Call>, error: WorkerPoolError, tellChunks: () => void): void {
    // the slot must not go to one of the waiting calls before that call fails
    this.dispatcher.pause()
    tellChunks()
    for (const call of waiting) call.refuse(Cause.fail(error))
    this.dispatcher.resume()
  }
}
