/**
 * Hands chunks of calls to slots, in turn (C1).
 */
import * as Cause from "effect/Cause"
import type { Call, CallDispatcher } from "../call/call.ts"
import { Isolation } from "../call/isolation.ts"
import { guarded, type Turn } from "../common/turn.ts"
import type { Slot } from "../slot/slot.ts"
import { choose, slotsFor } from "./choose.ts"
import { Rotation } from "./rotation.ts"

export interface DispatcherOptions {
  readonly turn: Turn
  /** How many items a worker runs at once. */
  readonly tasksPerWorker: number
  /** The slots that may get chunks. */
  readonly slots: () => ReadonlyArray<Slot>
  /** A slot has been given a chunk. */
  readonly assigned: () => void
  /** Calls wait, and no slot can take a chunk of any of them now. */
  readonly stalled: () => void
  /** Calls `look`, in a turn, in `millis` milliseconds. */
  readonly later: (millis: number, look: () => void) => void
}

/**
 * Items that should be over almost at once are not taken back from a worker. After this many milliseconds the
 * dispatcher looks at them again, because they may take longer than those that were measured.
 */
const patience = 5

export class Dispatcher implements CallDispatcher {
  readonly isolation = new Isolation()
  private readonly options: DispatcherOptions
  private readonly rotation = new Rotation<Call>()
  /** The calls that have given chunks and are not over. */
  private readonly serving = new Set<Call>()
  private pauses = 0
  /**
   * The second look (see `patience`): `wanted` when items were left with their worker, `scheduled` while it waits,
   * `now` during it.
   */
  private secondLook: "none" | "wanted" | "scheduled" | "now" = "none"

  constructor(options: DispatcherOptions) {
    this.options = options
    options.turn.handOut = () => this.handOut()
  }

  get tasksPerWorker(): number {
    return this.options.tasksPerWorker
  }

  /** The calls that wait for a slot, in the order of their turns. */
  get waiting(): Array<Call> {
    return [...this.rotation]
  }

  isWaiting(call: Call): boolean {
    return this.rotation.has(call)
  }

  ready(call: Call): void {
    this.rotation.add(call)
    this.dispatch()
  }

  withdraw(call: Call): void {
    this.rotation.remove(call)
  }

  over(call: Call): void {
    this.rotation.remove(call)
    this.serving.delete(call)
  }

  /** No slot gets a chunk until `resume` has been called as often as this. */
  pause(): void {
    this.pauses++
  }

  resume(): void {
    this.pauses--
    this.dispatch()
  }

  /** Gives chunks to slots while there are both, at the end of the turn: once all that it changes has been changed. */
  dispatch(): void {
    this.options.turn.wantHandOut()
  }

  private handOut(): void {
    const { stalled, turn } = this.options
    // while it is paused, it is asked in vain, and again when it is resumed
    // with no call in progress there is nothing to look for
    while (turn.takeHandOut() && this.pauses === 0 && this.rotation.size + this.serving.size > 0) {
      while (this.step() || this.rebalance()) {
        /* until there is no more to do */
      }
      this.makeWay()
      if (this.secondLook === "wanted") this.scheduleSecondLook()
      // calls that are refused here ask for another round
      if (this.rotation.size > 0) stalled()
    }
  }

  /** The slots that will do for the call's next chunk. */
  slotsFor(call: Call): ReadonlyArray<Slot> {
    return slotsFor(call, this.options.slots())
  }

  /** Assigns one chunk, or removes a call that has none; `false` when there is no more to do. */
  private step(): boolean {
    const slots = this.options.slots()
    const choice = choose(this.rotation, slots)
    if (choice === undefined) return false
    const { call, slot } = choice
    const before = call.policy.areRuns && this.rotation.size > 1 ? this.before(call) : []
    this.rotation.remove(call)
    const othersWait = this.firstUnserved !== undefined
    // the dispatcher goes on whatever a call does (F8): what could stop it here would stop it for everybody
    const chunk = guarded(
      () => call.next(slot.remaining, slots.length, othersWait, slot.lag),
      (defect) => call.fail(Cause.die(defect))
    )
    if (chunk === undefined) return true
    if (call.policy.keepsTurn) {
      this.rotation.addFirst(call)
      // the calls before it were passed over because no slot that they may use was free: they keep their turns
      for (const other of before.toReversed()) if (this.rotation.remove(other)) this.rotation.addFirst(other)
    } else if (call.policy.mayHaveMore) {
      // its next turn comes after those of all other calls (C1)
      this.rotation.add(call)
    }
    this.serving.add(call)
    slot.assign(chunk)
    this.options.assigned()
    return true
  }

  /** The calls whose turns come before a call's. */
  private before(call: Call): Array<Call> {
    const before: Array<Call> = []
    for (const other of this.rotation) {
      if (other === call) break
      before.push(other)
    }
    return before
  }

  /** The first call in turn that has nothing yet, if any. */
  private get firstUnserved(): Call | undefined {
    for (const call of this.rotation) if (!call.isServed) return call
    return undefined
  }

  /**
   * When a worker is idle and no call has a chunk for it, takes items back that wait behind others in busy workers.
   * Returns whether there were any.
   */
  private rebalance(): boolean {
    if (!this.options.slots().some((slot) => slot.isIdle && slot.availability === "live")) return false
    const isLate = this.secondLook === "now"
    for (const call of this.serving) if (call.rebalance(isLate)) return true
    if (!isLate) for (const call of this.serving) if (call.hasWaiting) this.wantSecondLook()
    return false
  }

  /** Lets the first call that has nothing yet have its turn after an item of another call, not after its chunk (C1). */
  private makeWay(): void {
    const first = this.firstUnserved
    if (first === undefined) return
    // the calls before it that have something have had their turn
    for (const call of this.before(first)) if (call.isServed && this.rotation.remove(call)) this.rotation.add(call)
    const isLate = this.secondLook === "now"
    for (const slot of this.slotsFor(first)) if (slot.makeWay(first, isLate)) this.wantSecondLook()
  }

  private wantSecondLook(): void {
    if (this.secondLook === "none") this.secondLook = "wanted"
  }

  private scheduleSecondLook(): void {
    this.secondLook = "scheduled"
    let lag = 0
    for (const slot of this.options.slots()) lag = Math.max(lag, slot.lag)
    // what is on its way has arrived by then
    this.options.later(patience + 2 * lag, () => {
      this.secondLook = "now"
      this.dispatch()
      this.handOut()
      this.secondLook = "none"
    })
  }
}
