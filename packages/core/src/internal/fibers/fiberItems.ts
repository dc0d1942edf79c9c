/**
 * The items of a fiber worker. It runs up to `tasksPerWorker` lanes, which serve its chunks in the order they came.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Chunk, StartOptions } from "../../WorkerRuntime.ts"
import * as errors from "../common/errors.ts"
import * as portable from "../task/portable.ts"
import * as resolver from "../task/resolver.ts"
import * as taskCrossing from "../wire/taskCrossing.ts"
import { FiberChunk, type Task } from "./fiberChunk.ts"
import { Lane } from "./lane.ts"
import { Loading, type LocalCode, NotFound } from "./localCode.ts"

export class FiberItems {
  private readonly worker: WorkerPoolError.WorkerIdentity
  private readonly code: Pick<LocalCode, "find">
  /** Whether items, results and failures are cloned. */
  private readonly clone: boolean
  /** How many lanes there may be. */
  private readonly lanes: number
  /** How many more lanes there may be. */
  private freeLanes: number
  private readonly chunks = new Map<Chunk, FiberChunk>()
  /** The chunks that may have items to start. */
  private readonly queue = new Set<FiberChunk>()

  constructor(
    { tasksPerWorker, worker }: Pick<StartOptions, "tasksPerWorker" | "worker">,
    code: Pick<LocalCode, "find">,
    clone: boolean
  ) {
    this.worker = worker
    this.code = code
    this.clone = clone
    this.lanes = tasksPerWorker
    this.freeLanes = tasksPerWorker
  }

  /** Starts a chunk: its Effects run in `context`, and its tasks get `state`. */
  run(chunk: Chunk, context: Context.Context<never>, state: unknown): void {
    const running = new FiberChunk(chunk, context, state, this.lanes)
    this.chunks.set(chunk, running)
    const task = this.code.find(chunk.task)
    if (task instanceof Loading) {
      const started = Effect.match(task.effect, {
        onSuccess: (task) => this.start(running, task),
        onFailure: (error) => this.end(running, error)
      })
      running.loading = Effect.runForkWith(context)(started)
    } else {
      this.start(running, task)
    }
  }

  /** Lets at most the first `items` items of a chunk start; returns how many have started or still may. */
  limitTo(chunk: Chunk, items: number): number {
    const running = this.chunks.get(chunk)
    if (running === undefined) return chunk.items.length
    const limit = running.limitTo(items)
    // later, because the caller does not expect the chunk to end before this has returned
    if (running.isSpent && running.lanes.size === 0)
      Effect.runForkWith(running.context)(Effect.map(Effect.yieldNow, () => this.endIfDone(running)))
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
  }

  /** Interrupts all chunks, and waits for their items to end. */
  readonly interruptAll: Effect.Effect<void> = Effect.suspend(() => {
    const fibers: Array<Fiber.Fiber<unknown, unknown>> = []
    for (const { chunk, lanes } of [...this.chunks.values()]) {
      for (const { fiber } of lanes) fibers.push(fiber)
      this.interrupt(chunk)
    }
    return Fiber.interruptAll(fibers)
  })

  private start(running: FiberChunk, task: unknown): void {
    running.loading = undefined
    if (task instanceof NotFound) return this.end(running, task.error)
    if (typeof task !== "function") {
      return this.end(running, errors.startFailed(this.worker, new Error("The task's export is no function")))
    }
    const { schemas, slices } = portable.definition(running.chunk.task)
    running.task = task as Task
    if (this.clone) {
      const found = portable.isPortable(task) ? portable.definition(task).schemas : undefined
      const needed = slices === true ? found?.error : found
      if (schemas === undefined && needed !== undefined) {
        return this.end(running, errors.startFailed(this.worker, resolver.schemasOnOneSide()))
      }
      running.crossing = taskCrossing.cloning(running.chunk.task)
    } else {
      running.crossing = taskCrossing.direct(running.chunk.task)
    }
    this.queue.add(running)
    this.openLanes()
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
    running.lanesToBegin++
    const run = Effect.withFiber<void>((fiber) => {
      const lane = new Lane(fiber, running, this.worker, this.clone)
      running.lanes.add(lane)
      fiber.addObserver(() => {
        running.lanes.delete(lane)
        this.freeLanes++
        this.endIfDone(running)
        this.openLanes()
      })
      return lane.run
    })
    Effect.runForkWith(running.context)(run, { uninterruptible: true })
  }

  /** Ends a chunk when nothing of it runs and nothing more is to start. */
  private endIfDone(running: FiberChunk): void {
    if (!running.isSpent || running.lanes.size > 0 || !this.chunks.has(running.chunk)) return
    running.loading?.interruptUnsafe()
    this.end(running, undefined)
  }

  private end(running: FiberChunk, error: WorkerPoolError.WorkerPoolError | undefined): void {
    this.chunks.delete(running.chunk)
    this.queue.delete(running)
    running.tellTime()
    running.chunk.onEnd(error)
  }
}
