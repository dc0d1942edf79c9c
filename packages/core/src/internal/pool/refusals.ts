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
    if (this.slots().every(({ refusal }) => refusal === undefined)) return
    for (const call of this.dispatcher.waiting) {
      const refusals = this.dispatcher.slotsFor(call).map(({ refusal }) => refusal)
      const [refusal] = refusals
      if (refusal !== undefined && !refusals.includes(undefined)) call.refuse(Cause.fail(refusal))
    }
  }

  /** Fails a slot's chunks, by `tellChunks`, and the waiting calls as well if no live worker is left for them (L10). */
  acquisitionFailed(error: WorkerPoolError, tellChunks: () => void): void {
    // read first: callers whose chunks fail go on at once, and calls that they make then must not fail with this error
    this.fail(this.hasLive ? [] : this.dispatcher.waiting, error, tellChunks)
  }

  /** Fails a slot's chunks, by `tellChunks`, and the waiting calls whose task is of the same module (T4). */
  moduleFailed(task: Code, error: WorkerPoolError, tellChunks: () => void): void {
    const module = portable.moduleOf(task)
    const isSame = ({ options }: Call) => module !== undefined && portable.moduleOf(options.task) === module
    this.fail(this.dispatcher.waiting.filter(isSame), error, tellChunks)
  }

  private fail(waiting: ReadonlyArray<Call>, error: WorkerPoolError, tellChunks: () => void): void {
    // otherwise the slot could be given to one of the waiting calls before that call fails
    this.dispatcher.pause()
    tellChunks()
    for (const call of waiting) call.refuse(Cause.fail(error))
    this.dispatcher.resume()
  }
}
