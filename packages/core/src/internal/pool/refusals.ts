/**
 * Fails waiting calls at once where no worker would serve them, or where each try would cost a worker (F3, T4, L10).
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

  /** Fails each waiting call for which all slots that could serve it are waiting out their back-off. */
  stalled(): void {
    for (const call of this.dispatcher.waiting) {
      const refusals = this.dispatcher.slotsFor(call).map((slot) => slot.refusal(call))
      const [refusal] = refusals
      if (refusal !== undefined && !refusals.includes(undefined)) call.refuse(Cause.fail(refusal))
    }
  }

  /** Fails the waiting calls that an acquisition's failure concerns: no live worker is left for them (L10). */
  acquisitionFailed(error: WorkerPoolError, isConcerned: (call: Call) => boolean): void {
    for (const call of this.dispatcher.waiting) if (isConcerned(call)) call.refuse(Cause.fail(error))
  }

  /** Fails the waiting calls whose task is of the same module (T4). */
  moduleFailed(task: Code, error: WorkerPoolError): void {
    const module = portable.moduleOf(task)
    if (module === undefined) return
    for (const call of this.dispatcher.waiting) {
      if (portable.moduleOf(call.options.task) === module) call.refuse(Cause.fail(error))
    }
  }
}
