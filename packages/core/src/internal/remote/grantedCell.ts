/**
 * The numbers of a chunk where they arrive late, and how many of its items the worker has been granted: it starts nothing
 * beyond these, so that the pool knows what has certainly not started, however little it has heard (K13).
 */
import type { Control } from "../../Channel.ts"
import { Cell } from "../wire/control.ts"

export class GrantedCell extends Cell {
  /** How many items, the first ones, the worker may start; never fewer than before. */
  granted = 0
  /** How many items it will be granted in the end, unless some are taken back. */
  total = 0
  /** How many items have an outcome, and before which position these all are: so many have started. */
  reported = 0
  /** How many the worker has been asked to end with, although it had been granted more. */
  askedFor = Number.POSITIVE_INFINITY
  private reportedBefore = 0
  /** Whether the numbers are those of the worker's end, so that they are exact. */
  private areFinal = false

  /** The worker may be further on than is known here. */
  override get lags(): boolean {
    return true
  }

  override open(items: number): void {
    super.open(items)
    this.total = items
    this.granted = 0
  }

  /** Whether the worker has been told of all items that it will ever be granted. */
  get isComplete(): boolean {
    return this.granted >= this.total
  }

  /** How many items have been granted, as far as that is known, and have no outcome. */
  get outstanding(): number {
    return Math.max(0, this.granted - this.reported)
  }

  /** The worker has reported outcomes of `count` items, from position `from` on. */
  noteReported(from: number, count: number): void {
    this.reported += count
    this.reportedBefore = Math.max(this.reportedBefore, from + count)
  }

  /**
   * Takes back what has not been granted beyond the first `items` items, which is all that certainly has not started; returns
   * how many have started or still may.
   */
  override limitTo(items: number): number {
    // a lower limit ends the chunk there: nothing more is granted
    this.total = Math.min(this.total, Math.max(items, this.granted))
    return Math.max(items, this.granted)
  }

  /** The worker has ended, and these were its numbers then. A chunk without a cell has none among them. */
  settle(numbers: ReadonlyArray<number>): void {
    if (this.control === undefined) return
    const control: Control = { get: (index) => numbers[index] ?? 0, set: () => {} }
    this.control = control
    this.areFinal = true
  }

  /** How many items have been heard to start: never more than have. An outcome may arrive before its item's start. */
  override get started(): number | undefined {
    const heard = super.started
    return heard === undefined ? undefined : Math.max(this.reportedBefore, heard)
  }

  override get mostStarted(): number {
    return this.areFinal ? (this.started ?? this.granted) : this.granted
  }

  override get isCertain(): boolean {
    return this.areFinal
  }
}
