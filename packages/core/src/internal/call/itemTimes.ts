/**
 * How long tasks' items take in a worker, as far as that has been measured: what calls plan their chunks by.
 */
import type { Code } from "../../WorkerRuntime.ts"
import * as portable from "../task/portable.ts"

/** So much of what has been measured so far still counts after the next measurement. */
const memory = 0.9

/** How long the items of one task take. */
export class ItemTime {
  /** How many items have been measured. */
  measured = 0
  private items = 0
  private millis = 0

  /** The mean time of an item, in milliseconds, the newest ones counting most; `undefined` while nothing is known. */
  get mean(): number | undefined {
    return this.items === 0 ? undefined : this.millis / this.items
  }

  /** So many items took so long, in milliseconds. */
  note(items: number, millis: number): void {
    this.measured += items
    this.items = this.items * memory + items
    this.millis = this.millis * memory + millis
  }

  /** How many items take so long, in milliseconds; at least 1. */
  within(millis: number): number {
    const { mean } = this
    return mean === undefined ? 1 : Math.max(1, Math.floor(millis / mean))
  }
}

/** The times of a pool's tasks. A task that binds a value takes as long as the one that it binds it to. */
export class ItemTimes {
  private readonly byTask = new WeakMap<object, ItemTime>()

  of(task: Code): ItemTime {
    let { address } = portable.definition(task)
    while (address._tag === "Bound") address = address.target
    const key = address._tag === "Closure" && typeof address.value === "function" ? address.value : address
    let time = this.byTask.get(key)
    if (time === undefined) {
      time = new ItemTime()
      this.byTask.set(key, time)
    }
    return time
  }
}
