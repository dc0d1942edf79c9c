/**
 * The items of a pool that took longest, at most five (O1). Workers tell position and time of what may be one of them; it
 * is printed here, at once, because the chunk that holds it is about to be dropped.
 */
import type { WorkerIdentity } from "../../WorkerPoolError.ts"
import type { Code } from "../../WorkerRuntime.ts"
import { type Describe, described } from "../common/printed.ts"
import { nameOf } from "../common/taskNames.ts"
import type { Turn } from "../common/turn.ts"
import { Longest } from "../wire/longest.ts"
import type { LongestItem } from "./insights.ts"

/** What it asks of a chunk. */
export interface LongChunk {
  readonly items: ReadonlyArray<unknown>
  readonly index: (position: number) => number
  /** Whether its items came by `run`. */
  readonly areRuns: boolean
  readonly task: Code
  readonly worker: WorkerIdentity
  readonly call: {
    readonly number: number
    readonly work: Work
  }
}

/** How long the items of a call took. An object of its own: the call itself would be kept in memory. */
interface Work {
  readonly millis: number
}

interface Entry {
  item: Omit<LongestItem, "callMillis">
  readonly work: Work
}

export class LongestItems {
  private readonly turn: Turn
  private readonly longest = new Longest<Entry>(0)

  constructor(turn: Turn) {
    this.turn = turn
  }

  /** What does not take longer than this, in milliseconds, is not among them. */
  get threshold(): number {
    return this.longest.threshold
  }

  /** `items` items of a chunk, the first of which is at `position`, took `millis` milliseconds together. */
  add(chunk: LongChunk, position: number, items: number, millis: number, describe: Describe | undefined): void {
    // a worker that was sent its chunk earlier knows of a lower threshold
    if (!(millis > this.threshold)) return
    const { generation, id } = chunk.worker
    const { call, task } = chunk
    const entry: Entry = {
      work: call.work,
      item: {
        call: call.number,
        index: chunk.index(position),
        items,
        run: chunk.areRuns,
        millis,
        task: nameOf(task),
        worker: id,
        generation,
        input: undefined
      }
    }
    this.longest.add(entry, millis)
    if (items > 1 || describe === false) return
    const input = chunk.items[position]
    // told, because `describe` is users' code, which may ask anything of the pool (F8)
    this.turn.tell(() => {
      entry.item = { ...entry.item, input: described(input, describe) }
    })
  }

  get items(): ReadonlyArray<LongestItem> {
    return this.longest.values.map(({ item, work }) => ({ ...item, callMillis: work.millis }))
  }
}
