/**
 * The items of a fiber worker. It runs up to `tasksPerWorker` lanes, which serve its chunks in the order they came.
 */
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Chunk, StartOptions } from "../../WorkerRuntime.ts"
import * as errors from "../common/errors.ts"
import * as portable from "../task/portable.ts"
import * as resolver from "../task/resolver.ts"
import * as taskCrossing from "../wire/taskCrossing.ts"
import { FiberChunk, type Task } from "./fiberChunk.ts"
import { Lane, type LaneOptions } from "./lane.ts"
import type { LocalCode } from "./localCode.ts"
import { Patience } from "./patience.ts"

export class FiberItems {
  private readonly worker: WorkerPoolError.WorkerIdentity
  private readonly code: Pick<LocalCode, "find">
  /** Whether items, results and failures are cloned. */
  private readonly clone: boolean
  private readonly onCondemned: () => void
  private readonly patience: Patience
  /** How many lanes there may be. */
  private readonly lanes: number
  /** How many more lanes there may be. */
  private freeLanes: number
  private readonly chunks = new Map<Chunk, FiberChunk>()
  /** The chunks that may have items to start. */
  private readonly queue = new Set<FiberChunk>()
  /** Whether no more items are to start: the worker is killed, or has given up a lane. */
  private isCondemned = false
  /** Done when no chunks are left; made when something waits for that. */
  private whenEmpty: Deferred.Deferred<void> | undefined = undefined

  /** `context` has the Clock by which it waits for what does not yield. */
  constructor(
    options: Pick<StartOptions, "killAfter" | "onCondemned" | "tasksPerWorker" | "worker">,
    code: Pick<LocalCode, "find">,
    clone: boolean,
    context: Context.Context<never>
  ) {
    const { onCondemned, tasksPerWorker, worker } = options
    this.worker = worker
    this.code = code
    this.clone = clone
    this.onCondemned = onCondemned
    this.patience = new Patience(options, context)
    this.lanes = tasksPerWorker
    this.freeLanes = tasksPerWorker
  }

  /** Starts a chunk: its Effects run in `context`, and its tasks get `state`. */
  run(chunk: Chunk, context: Context.Context<never>, state: unknown): void {
    const running = new FiberChunk(chunk, context, state, this.lanes)
    this.chunks.set(chunk, running)
    if (this.isCondemned) {
      running.limitTo(0)
      return this.endSoon(running)
    }
    const found = this.code.find(chunk.task)
    switch (found._tag) {
      case "Found":
        return this.start(running, found.value)
      case "NotFound":
        return this.end(running, found.error)
      case "Loading": {
        const started = Effect.match(found.effect, {
          onSuccess: (task) => this.start(running, task),
          onFailure: (error) => this.end(running, error)
        })
        running.loading = Effect.runForkWith(context)(started)
      }
    }
  }

  /** Lets at most the first `items` items of a chunk start; returns how many have started or still may. */
  limitTo(chunk: Chunk, items: number): number {
    const running = this.chunks.get(chunk)
    if (running === undefined) return chunk.items.length
    const limit = running.limitTo(items)
    // later, because the caller does not expect the chunk to end before this has returned
    if (running.isSpent && running.lanes.size === 0) this.endSoon(running)
    return limit
  }

  /** How many of a chunk's items have started; `undefined` for one that has ended. */
  started(chunk: Chunk): number | undefined {
    return this.chunks.get(chunk)?.started
  }

  /** Interrupts a chunk's running items and forgets those that have not started. */
  interrupt(chunk: Chunk): void {
    const running = this.chunks.get(chunk)
    if (running === undefined || running.isInterrupted) return
    running.interrupt()
    const lanes = [...running.lanes]
    for (const lane of lanes) lane.abort()
    for (const lane of lanes) lane.interrupt()
    this.endIfDone(running)
    if (!this.chunks.has(chunk)) return
    running.stopWatching = this.patience.start(() =>
      this.giveUp(
        running,
        [...running.lanes].filter(({ isBusy }) => isBusy)
      )
    )
  }

  /** Interrupts all chunks; the Effect waits for their items to end, or to be given up. */
  interruptAll(): Effect.Effect<void> {
    // the pool is not told of lanes that are given up: it kills the worker anyway
    this.isCondemned = true
    for (const chunk of [...this.chunks.keys()]) this.interrupt(chunk)
    return Effect.suspend(() => {
      if (this.chunks.size === 0) return Effect.void
      this.whenEmpty ??= Deferred.makeUnsafe()
      return Deferred.await(this.whenEmpty)
    })
  }

  private start(running: FiberChunk, task: unknown): void {
    running.loading = undefined
    try {
      this.prepare(running, task)
    } catch (cause) {
      return this.end(running, errors.startFailed(this.worker, cause, running.chunk.task))
    }
    this.queue.add(running)
    this.openLanes()
  }

  /** Throws when the task cannot run here: it is no function, say, or a Proxy that cannot even be looked at (F8). */
  private prepare(running: FiberChunk, task: unknown): void {
    if (typeof task !== "function") throw new Error("The task is no function")
    running.task = task as Task
    if (!this.clone) {
      running.crossing = taskCrossing.direct(running.chunk.task)
      return
    }
    const { schemas, slices } = portable.definition(running.chunk.task)
    const found = portable.isPortable(task) ? portable.definition(task).schemas : undefined
    const needed = slices === true ? found?.error : found
    if (schemas === undefined && needed !== undefined) throw resolver.schemasOnOneSide()
    running.crossing = taskCrossing.cloning(running.chunk.task)
  }

  // ---------------------------------------------------------------------------
  // Lanes
  // ---------------------------------------------------------------------------

  private laneOptions(running: FiberChunk): LaneOptions {
    return {
      worker: this.worker,
      clone: this.clone,
      overdue: (lane, position) =>
        this.patience.start(() => {
          if (lane.isAt(position)) this.giveUp(running, [lane])
        })
    }
  }

  /** Opens lanes for chunks while there are both. */
  private openLanes(): void {
    for (const running of this.queue) {
      while (this.freeLanes > 0 && running.wantsLane) this.openLane(running)
      if (this.freeLanes === 0) return
      if (running.isSpent) this.queue.delete(running)
    }
  }

  private openLane(running: FiberChunk): void {
    this.freeLanes--
    const lane = new Lane(running, this.laneOptions(running))
    running.lanes.add(lane)
    this.fork(running, lane)
  }

  private fork(running: FiberChunk, lane: Lane): void {
    running.lanesToBegin++
    const run = Effect.withFiber<void>((fiber) => {
      fiber.addObserver((exit) => this.laneEnded(running, lane, exit))
      return lane.run(fiber)
    })
    Effect.runForkWith(running.context)(run, { uninterruptible: true })
  }

  private laneEnded(running: FiberChunk, lane: Lane, exit: Exit.Exit<unknown, unknown>): void {
    if (Exit.isFailure(exit)) {
      // one that dies without an item dies of a fault of the pool's own
      if (!lane.isBusy) Effect.runForkWith(running.context)(Effect.logError("A lane died", exit.cause))
      else if (lane.died(exit)) return this.fork(running, lane)
    }
    // a lane that was given up is there no more
    if (!running.lanes.delete(lane)) return
    this.freeLanes++
    this.endIfDone(running)
    // the items that a lane has left when it dies go on in a new one (F8)
    this.openLanes()
  }

  /**
   * Gives up lanes whose items were told to end `killAfter` ago and have not (C4): they go on without being heard, and
   * the worker starts nothing any more.
   */
  private giveUp(running: FiberChunk, lanes: ReadonlyArray<Lane>): void {
    if (lanes.length === 0) return
    for (const lane of lanes) {
      lane.giveUp()
      running.lanes.delete(lane)
    }
    if (!this.isCondemned) {
      this.isCondemned = true
      for (const other of this.chunks.values()) other.limitTo(0)
      // before the ends below, after which the worker may have nothing to do and seem to be free
      this.onCondemned()
    }
    // an item whose chunk was interrupted has no outcome
    if (!running.isInterrupted) for (const lane of lanes) lane.tellOutOfTime()
    for (const other of [...this.chunks.values()]) this.endIfDone(other)
  }

  // ---------------------------------------------------------------------------
  // The end of chunks
  // ---------------------------------------------------------------------------

  /** Ends a chunk when nothing of it runs and nothing more is to start. */
  private endIfDone(running: FiberChunk): void {
    if (!running.isSpent || running.lanes.size > 0 || !this.chunks.has(running.chunk)) return
    running.loading?.interruptUnsafe()
    this.end(running, undefined)
  }

  private endSoon(running: FiberChunk): void {
    Effect.runForkWith(running.context)(Effect.map(Effect.yieldNow, () => this.endIfDone(running)))
  }

  private end(running: FiberChunk, error: WorkerPoolError.WorkerPoolError | undefined): void {
    this.chunks.delete(running.chunk)
    this.queue.delete(running)
    running.stopWatching()
    running.tellTime()
    running.chunk.onEnd(error)
    if (this.chunks.size === 0 && this.whenEmpty !== undefined) Deferred.doneUnsafe(this.whenEmpty, Exit.void)
  }
}
