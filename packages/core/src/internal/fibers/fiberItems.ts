/**
 * A fiber worker's items: lanes, as many as it may run at once, take those of its chunks, which come in turn.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Chunk } from "../../WorkerRuntime.ts"
import { FiberChunk, type Task } from "./fiberChunk.ts"
import { Lane, type LaneHost } from "./lane.ts"
import { Loading, type LocalCode, NotFound } from "./localCode.ts"
import * as portable from "../task/portable.ts"
import * as resolver from "../task/resolver.ts"
import * as taskCrossing from "../wire/taskCrossing.ts"

/** What the items need of their worker. */
export interface ItemsHost extends LaneHost {
  /** How many items it runs at once. */
  readonly lanes: number
  readonly code: LocalCode
  readonly state: () => unknown
  /** The context that a chunk's Effects run in. */
  readonly contextFor: (chunk: Chunk) => Context.Context<never>
}

export class FiberItems {
  private readonly host: ItemsHost
  private readonly chunks = new Map<Chunk, FiberChunk>()
  /** Those that may have items to start. */
  private readonly queue = new Set<FiberChunk>()
  /** How many more lanes there may be. */
  private free: number

  constructor(host: ItemsHost) {
    this.host = host
    this.free = host.lanes
  }

  /** Starts a chunk. */
  run(chunk: Chunk): void {
    const taken = new FiberChunk(chunk, this.host.contextFor(chunk), this.host.lanes)
    this.chunks.set(chunk, taken)
    const task = this.host.code.find(chunk.task)
    if (task instanceof Loading) {
      const started = Effect.match(task.effect, {
        onSuccess: (task) => this.start(taken, task),
        onFailure: (error) => this.end(taken, error)
      })
      taken.loading = Effect.runForkWith(taken.context)(started)
    } else {
      this.start(taken, task)
    }
  }

  /** Lets no more than the first so many items of a chunk start; returns how many have started or still may. */
  limitTo(chunk: Chunk, items: number): number {
    const taken = this.chunks.get(chunk)
    if (taken === undefined) return chunk.items.length
    const kept = taken.limitTo(items)
    // who asks does not expect its end meanwhile
    if (taken.isSpent && taken.lanes.size === 0)
      Effect.runForkWith(taken.context)(Effect.map(Effect.yieldNow, () => this.settle(taken)))
    return kept
  }

  /** How many of a chunk's items have started; `undefined` for one that has ended. */
  started(chunk: Chunk): number | undefined {
    return this.chunks.get(chunk)?.started
  }

  /** Interrupts a chunk's running items and forgets those that have not started. */
  interrupt(chunk: Chunk): void {
    const taken = this.chunks.get(chunk)
    if (taken === undefined || taken.interrupted) return
    taken.interrupted = true
    const lanes = [...taken.lanes]
    for (const lane of lanes) lane.abort()
    for (const lane of lanes) lane.interrupt()
    this.settle(taken)
  }

  /** Interrupts all chunks, and waits for their items to end. */
  readonly interruptAll: Effect.Effect<void> = Effect.suspend(() => {
    const fibers: Array<Fiber.Fiber<unknown, unknown>> = []
    for (const taken of [...this.chunks.values()]) {
      for (const { fiber } of taken.lanes) if (fiber !== undefined) fibers.push(fiber)
      this.interrupt(taken.chunk)
    }
    return Fiber.interruptAll(fibers)
  })

  private start(taken: FiberChunk, task: unknown): void {
    taken.loading = undefined
    if (task instanceof NotFound) return this.end(taken, this.host.code.startFailed(task.cause))
    if (typeof task !== "function") {
      return this.end(taken, this.host.code.startFailed(new Error("The task's export is no function")))
    }
    const { schemas, slices } = portable.definition(taken.chunk.task)
    taken.task = task as Task
    taken.state = this.host.state()
    if (this.host.clone) {
      const found = portable.isPortable(task) ? portable.definition(task).schemas : undefined
      const needed = slices === true ? found?.error : found
      if (schemas === undefined && needed !== undefined) {
        return this.end(taken, this.host.code.startFailed(resolver.schemasOnOneSide()))
      }
      taken.crossing = taskCrossing.cloning(taken.chunk.task)
    } else {
      taken.crossing = taskCrossing.direct(taken.chunk.task)
    }
    this.queue.add(taken)
    this.fill()
  }

  /** Gives lanes to chunks while there are both. */
  private fill(): void {
    for (const taken of this.queue) {
      while (this.free > 0 && taken.wantsLane) this.open(taken)
      if (this.free === 0) return
      if (taken.isSpent) this.queue.delete(taken)
    }
  }

  private open(taken: FiberChunk): void {
    this.free--
    taken.waiting++
    const lane = new Lane(this.host, taken)
    taken.lanes.add(lane)
    const fiber = Effect.runForkWith(taken.context)(lane.run, { uninterruptible: true })
    fiber.addObserver(() => {
      taken.lanes.delete(lane)
      this.free++
      this.settle(taken)
      this.fill()
    })
  }

  /** Ends a chunk of which nothing runs and no more is to start. */
  private settle(taken: FiberChunk): void {
    if (!taken.isSpent || taken.lanes.size > 0 || !this.chunks.has(taken.chunk)) return
    taken.loading?.interruptUnsafe()
    this.end(taken, undefined)
  }

  private end(taken: FiberChunk, error: WorkerPoolError.WorkerPoolError | undefined): void {
    this.chunks.delete(taken.chunk)
    this.queue.delete(taken)
    taken.tellTime()
    taken.chunk.onEnd(error)
  }
}
