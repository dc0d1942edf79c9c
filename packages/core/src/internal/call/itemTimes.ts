/**
 * How long the items of tasks take in a worker, as measured so far. Calls plan the lengths of their chunks by it.
 */
import type { Code } from "../../WorkerRuntime.ts"
import { ItemSeconds } from "../insights/itemSeconds.ts"
import * as portable from "../task/portable.ts"

/** With every measurement, the weight of all earlier ones is multiplied by this. */
const decay = 0.9

/** How long the items of one task take. */
export class ItemTime {
  /** How many items have been measured. */
  measured = 0
  private items = 0
  private millis = 0
  private readonly seconds: ItemSeconds

  /** `seconds` are those of all tasks. */
  constructor(seconds: ItemSeconds) {
    this.seconds = seconds
  }

  /** The mean time of an item, in milliseconds, the newest weighing most; `undefined` before any was measured. */
  get mean(): number | undefined {
    return this.items === 0 ? undefined : this.millis / this.items
  }

  /** Adds a measurement: `items` items took `millis` milliseconds together. */
  note(items: number, millis: number): void {
    this.seconds.note(items, millis)
    this.measured += items
    this.items = this.items * decay + items
    this.millis = this.millis * decay + millis
  }

  /** How many items take no more than `millis` milliseconds together; at least 1. */
  within(millis: number): number {
    const { mean } = this
    return mean === undefined ? 1 : Math.max(1, Math.floor(millis / mean))
  }
}

/** The item times of a pool's tasks. A task counts as the same whatever value is bound to it. */
export class ItemTimes {
  /** How long items of all tasks take. */
  readonly seconds = new ItemSeconds()
  private readonly byTask = new WeakMap<object, ItemTime>()

  of(task: Code): ItemTime {
    const address = portable.unbound(task)
    const key = address._tag === "Closure" && typeof address.value === "function" ? address.value : address
    let time = this.byTask.get(key)
    if (time === undefined) {
      time = new ItemTime(this.seconds)
      this.byTask.set(key, time)
    }
    return time
  }
}
