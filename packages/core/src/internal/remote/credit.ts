/**
 * How many items a worker is granted ahead of what it is known to have done, where numbers arrive late (K13): so much that it
 * does not run out of work before the next grant can have reached it, and no more, because all of it counts as started when
 * the worker is lost, and none of it can be given to another.
 */

/**
 * How much work a worker is granted ahead, in milliseconds: for two round trips, one until an outcome has been heard of and
 * the next grant has arrived, one to spare; and a little for what both ends do between.
 */
export const granted = (lag: number): number => 2 * lag + 2

/** How often a worker reports that waits for grants: soon enough for the next one to be in time. */
export const reported = (lag: number): number => granted(lag) / 4

/** A grant is told when it is at least this part of what is granted ahead: a message for each item would be many. */
const leastPart = 1 / 4

/** What has been granted of a chunk. */
export interface GrantedItems {
  readonly granted: number
  readonly total: number
  readonly reported: number
  readonly outstanding: number
  readonly isComplete: boolean
}

/** What may be granted to one worker: chunks are asked about in the order in which the worker begins them. */
export class Allowance {
  /** How many items may be outstanding whatever they take: those that run at once. */
  private items: number
  /** For how much work there is room beyond these, in milliseconds. */
  private millis: number
  private isOver = false

  constructor(tasksPerWorker: number, lag: number) {
    this.items = tasksPerWorker
    this.millis = granted(lag)
  }

  /**
   * Up to how many items of a chunk are to be granted, each of which takes `itemTime` milliseconds, as far as that has been
   * measured. Nothing is granted of a chunk that comes after one with items left: a worker does all of that first.
   */
  grantOf(chunk: GrantedItems, itemTime: number | undefined): number {
    if (this.isOver) return chunk.granted
    const { granted, reported, total } = chunk
    const wanted = Math.max(0, total - reported)
    // of items whose time is not known, no more than run at once
    const ahead = itemTime === undefined ? 0 : this.millis <= 0 ? 0 : Math.ceil(this.millis / itemTime)
    const may = Math.max(chunk.outstanding, Math.min(wanted, this.items + ahead))
    const free = Math.min(this.items, may)
    this.items -= free
    if (itemTime === undefined) this.millis = may > free ? 0 : this.millis
    else this.millis -= (may - free) * itemTime
    // not of what runs at once too, or else the worker would have nothing for some of its lanes until as many are free
    const least = Math.min(wanted, Math.max(1, Math.ceil(ahead * leastPart)))
    const to = Math.min(total, reported + may)
    this.isOver = to < total
    return to >= total || to - granted >= least ? Math.max(granted, to) : granted
  }
}
