/**
 * For how long a chunk has been held up in its worker: its task is loading, or the worker runs no items and still has not read it
 * (T4). Only time counts in which nothing else can have been what kept it.
 */
import { type Phase, turnLength } from "../wire/control.ts"

export class Stuck {
  readonly phase: Phase
  /** For how long, in milliseconds. */
  millis = 0
  /** When it was last looked at, and up to when time has been counted; by the watch's time. */
  private seenAt: number
  private countedAt: number
  /** How many turns the worker's event loop had made when it was last looked at, and when that was last a new number. */
  private turns: number
  private turnedAt = Number.NEGATIVE_INFINITY

  constructor(phase: Phase, now: number, turns: number) {
    this.phase = phase
    this.seenAt = now
    this.countedAt = now
    this.turns = turns
  }

  /**
   * It is still held up. While items run in the worker, one of them may be what keeps it: only turns of its event loop count then,
   * which tell of so long without that.
   */
  look(now: number, turns: number, isWorking: boolean): void {
    const turned = turns - this.turns
    if (!isWorking) this.count(now - Math.max(this.seenAt, this.countedAt), now)
    else if (turned > 0) this.count(Math.min(now - this.countedAt, turned * turnLength), now)
    if (turned !== 0) this.turnedAt = now
    this.turns = turns
    this.seenAt = now
  }

  /** It is still held up, for a time that does not count. */
  wait(now: number): void {
    this.seenAt = now
  }

  private count(millis: number, now: number): void {
    this.millis += millis
    this.countedAt = now
  }

  /**
   * Whether the worker's event loop stands still, as far as is known `now`: then something else may be what keeps it. Not when it
   * has turned lately, in a good part of the time that the module had; a busy machine tells of that late.
   */
  isBlocked(now: number): boolean {
    return now - this.turnedAt > Math.max(2 * turnLength, this.millis / 2)
  }
}
