/**
 * Hands chunks of calls to slots, in turn (C1).
 */
import type { Call, CallHost } from "../call/call.ts"
import { choose } from "./choose.ts"
import { Rotation } from "./rotation.ts"
import type { Slot } from "../slot/slot.ts"

/** What the dispatcher asks of its pool. */
export interface DispatcherHost {
  readonly tasksPerWorker: number
  /** The slots that may get chunks. */
  readonly slots: ReadonlyArray<Slot>
  /** A slot has been given a chunk. */
  readonly dispatched: () => void
  /** No call that waits can have a chunk now. */
  readonly stalled: () => void
  /** Calls back in so many milliseconds. */
  readonly later: (millis: number, f: () => void) => void
}

/** What should have been over at once is looked at again after so many milliseconds: it may take longer than it used to. */
const patience = 5

export class Dispatcher implements CallHost {
  private readonly host: DispatcherHost
  private readonly rotation = new Rotation<Call>()
  /** Those that have given chunks, and are not over. */
  private readonly serving = new Set<Call>()
  private pauses = 0
  private isRunning = false
  private again = false
  /** Whether something was left alone that should be over at once, and will be looked at again. */
  private isLeft = false
  private looksAgain = false
  private isLate = false

  constructor(host: DispatcherHost) {
    this.host = host
  }

  get tasksPerWorker(): number {
    return this.host.tasksPerWorker
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
    this.pump()
  }

  withdraw(call: Call): void {
    this.rotation.remove(call)
  }

  over(call: Call): void {
    this.rotation.remove(call)
    this.serving.delete(call)
  }

  /** No slot gets a chunk until `resume` has been called as often. */
  pause(): void {
    this.pauses++
  }

  resume(): void {
    this.pauses--
    this.pump()
  }

  /** Gives chunks to slots while there are both; entered again from within, it goes on where it is. */
  pump(): void {
    this.again = true
    if (this.isRunning) return
    this.isRunning = true
    while (this.again) {
      this.again = this.pauses === 0 && (this.step() || this.share())
      if (!this.again && this.pauses === 0) this.makeWay()
    }
    this.isRunning = false
    if (this.isLeft) this.lookAgain()
    if (this.pauses === 0 && this.rotation.size > 0) this.host.stalled()
  }

  /** The slots that will do for the call's next chunk. */
  needs(call: Call): ReadonlyArray<Slot> {
    const { slots } = this.host
    return call.options.dispatch === "available" ? slots : [slots[call.turn % slots.length]!]
  }

  /** One chunk, or one call fewer that has none; `false` when there is no more to do. */
  private step(): boolean {
    const { slots } = this.host
    const choice = choose(this.rotation, slots)
    if (choice === undefined) return false
    const { call, slot } = choice
    const before = call.areRuns ? this.before(call) : []
    this.rotation.remove(call)
    const chunk = call.next(slot.limit, slots.length, this.first !== undefined)
    if (chunk === undefined) return true
    if (call.keepsTurn) {
      this.rotation.addFirst(call)
      for (const other of before.toReversed()) if (this.rotation.remove(other)) this.rotation.addFirst(other)
    } else if (call.mayHaveMore) {
      // its next turn comes after everybody else's
      this.rotation.add(call)
    }
    this.serving.add(call)
    slot.assign(chunk)
    this.host.dispatched()
    return true
  }

  /** The calls whose turns come before: they wait for slots of their own. */
  private before(call: Call): Array<Call> {
    const before: Array<Call> = []
    for (const other of this.rotation) {
      if (other === call) break
      before.push(other)
    }
    return before
  }

  /** The first call in turn that has nothing yet, if any. */
  private get first(): Call | undefined {
    for (const call of this.rotation) if (!call.isServed) return call
    return undefined
  }

  /** A worker that nobody else has anything for gets some of what waits elsewhere; whether there was any. */
  private share(): boolean {
    if (!this.host.slots.some((slot) => slot.isIdle && slot.availability === "live")) return false
    for (const call of this.serving) if (call.share(this.isLate)) return true
    for (const call of this.serving) this.isLeft ||= !this.isLate && call.hasWaiting
    return false
  }

  /** Those that have something let the first that has nothing have its turn after an item, not after a chunk (C1). */
  private makeWay(): void {
    const { first } = this
    if (first === undefined) return
    // they have had their turn
    for (const call of this.before(first)) if (call.isServed && this.rotation.remove(call)) this.rotation.add(call)
    for (const slot of this.needs(first)) if (slot.makeWay(first, this.isLate)) this.isLeft = true
  }

  private lookAgain(): void {
    this.isLeft = false
    if (this.looksAgain) return
    this.looksAgain = true
    this.host.later(patience, () => {
      this.looksAgain = false
      this.isLate = true
      this.pump()
      this.isLate = false
    })
  }
}
