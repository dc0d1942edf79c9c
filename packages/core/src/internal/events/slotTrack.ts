/**
 * What a slot's worker does at a moment, as far as events tell it: for a trace, in which slices on one track must not
 * overlap.
 */
import type { ChunkSent, WorkerStarting } from "./poolEvent.ts"

/** A chunk that the worker has, or had. */
export interface Run {
  readonly sent: ChunkSent
  /** When the worker began it; `undefined` while another one comes first. */
  readonly began: number | undefined
  /** On which of the slot's tracks it is. */
  readonly lane: number
}

export class SlotTrack {
  /** The worker that is being acquired. */
  starting: WorkerStarting | undefined = undefined
  /** In the order in which they were sent. */
  private readonly runs = new Map<number, Run>()

  sent(sent: ChunkSent): void {
    this.runs.set(sent.chunk, { sent, began: sent.queued ? undefined : sent.time, lane: this.freeLane })
  }

  /**
   * A chunk is done, so that the next one begins; `undefined` if its beginning was not heard. The next one begins then too, or
   * what waits behind it, one after another, would seem to have begun as soon as it was sent.
   */
  done(chunk: number, time: number): Run | undefined {
    const run = this.runs.get(chunk)
    this.runs.delete(chunk)
    // one that waited and went elsewhere makes room for nothing
    if (run?.began === undefined && this.isBusy) return run
    for (const [number, next] of this.runs) {
      if (next.began !== undefined) continue
      this.runs.set(number, { ...next, began: time, lane: run?.lane ?? this.freeLane })
      break
    }
    return run
  }

  takeAll(): ReadonlyArray<Run> {
    const runs = [...this.runs.values()]
    this.runs.clear()
    return runs
  }

  private get isBusy(): boolean {
    return [...this.runs.values()].some(({ began }) => began !== undefined)
  }

  /** The first track on which nothing runs. */
  private get freeLane(): number {
    const taken = new Set([...this.runs.values()].filter(({ began }) => began !== undefined).map(({ lane }) => lane))
    let lane = 0
    while (taken.has(lane)) lane++
    return lane
  }
}
