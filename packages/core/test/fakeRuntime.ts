/**
 * Workers that do what a test says, and nothing else: they start items, end them, and vanish at exact points.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as errors from "../src/internal/common/errors.ts"
import type { Unavailable, WorkerPoolError } from "../src/WorkerPoolError.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"

export interface HowLost extends Partial<Omit<WorkerRuntime.Loss, "inHand">> {
  /** What else is said of every chunk in hand. */
  readonly hand?: Partial<WorkerRuntime.InHand>
  /** Whether the hook that runs fails by itself. */
  readonly hookFails?: boolean
}

export class FakeWorker {
  readonly runtime: FakeRuntime
  readonly options: WorkerRuntime.StartOptions
  /** Those in progress, in the order in which they came. */
  readonly chunks: Array<WorkerRuntime.Chunk> = []
  private readonly succeeded = new Map<WorkerRuntime.Chunk, number>()
  private readonly limits = new Map<WorkerRuntime.Chunk, number>()
  private readonly started = new Map<WorkerRuntime.Chunk, number>()
  private readonly gone = Deferred.makeUnsafe<never, WorkerPoolError>()
  isGone = false

  constructor(runtime: FakeRuntime, options: WorkerRuntime.StartOptions) {
    this.runtime = runtime
    this.options = options
  }

  get name(): string {
    return `${this.options.worker.id}.${this.options.worker.generation}`
  }

  /** Its first chunk. */
  get chunk(): WorkerRuntime.Chunk {
    return this.chunks[0]!
  }

  /** How many of a chunk's items have started. */
  startedOf(chunk: WorkerRuntime.Chunk): number {
    return this.started.get(chunk) ?? 0
  }

  /** How many of a chunk's items have started or may start. */
  limitOf(chunk: WorkerRuntime.Chunk): number {
    return this.limits.get(chunk) ?? chunk.items.length
  }

  /** Starts the next item of a chunk; returns its position. */
  begin(chunk = this.chunk): number {
    const position = this.startedOf(chunk)
    this.started.set(chunk, position + 1)
    return position
  }

  /** Ends an item with ten times its value; ends its chunk when it was the last. */
  succeed(position: number, chunk = this.chunk): void {
    this.succeeded.set(chunk, (this.succeeded.get(chunk) ?? 0) + 1)
    if (this.runtime.itemTime !== undefined) chunk.onTime(1, this.runtime.itemTime)
    chunk.onSuccess(position, (chunk.items[position] as number) * 10)
    if (position === this.limitOf(chunk) - 1) this.end(chunk)
  }

  /** Lets no more than the first so many items of a chunk start; ends it soon when these have all succeeded. */
  private limitTo(chunk: WorkerRuntime.Chunk, items: number): number {
    if (!this.runtime.canTakeBack(chunk) || !this.chunks.includes(chunk)) return chunk.items.length
    const limit = Math.min(this.limitOf(chunk), Math.max(items, this.startedOf(chunk)))
    this.limits.set(chunk, limit)
    if (this.runtime.isRemote && limit === 0) {
      // as nothing of it has started, it need not wait for what keeps the worker
      this.end(chunk)
    } else if ((this.succeeded.get(chunk) ?? 0) === limit) {
      queueMicrotask(() => this.chunks.includes(chunk) && this.end(chunk))
    }
    return limit
  }

  /** Starts and ends so many items of its first chunk; all that it has, by default. */
  work(items = this.limitOf(this.chunk) - this.startedOf(this.chunk)): void {
    const { chunk } = this
    for (let n = 0; n < items; n++) this.succeed(this.begin(chunk), chunk)
  }

  end(chunk: WorkerRuntime.Chunk, failure?: WorkerPoolError): void {
    this.chunks.splice(this.chunks.indexOf(chunk), 1)
    chunk.onEnd(failure)
  }

  /** Is gone, with what it has in hand. */
  lose({ hand, hookFails = false, ...how }: HowLost = {}): void {
    const closed = how.closed ?? { exitCode: 9 }
    const inHand = new Map(
      this.chunks.map((chunk) => [
        chunk,
        { started: this.startedOf(chunk), timedOut: [], moved: false, failure: undefined, ...hand }
      ])
    )
    this.isGone = true
    this.options.onLost({ killed: false, ended: Effect.void, ...how, closed, inHand })
    if (!hookFails) Deferred.doneUnsafe(this.gone, Exit.fail(errors.workerLost(this.options.worker, closed)))
  }

  /** Tells the end of all that it was sent before. */
  settle(): void {
    this.worker.isSettled = true
    this.options.onSettled?.()
  }

  /** As the port wants it: what runs when it is lost fails. */
  readonly worker: WorkerRuntime.Worker & { isSettled: boolean } = {
    isSettled: true,
    init: () =>
      Effect.mapError(this.unlessGone("init", this.runtime.init(this)), (error) => ({ error, of: "init" as const })),
    interruptInit: () => this.asked("interruptInit"),
    run: (chunk) => {
      this.asked("run")
      this.chunks.push(chunk)
      // a chunk of those that run several items counts no more once all of its items have ended
      const most = this.options.tasksPerWorker > 1 ? Number.POSITIVE_INFINITY : this.runtime.isRemote ? 2 : 1
      if (this.chunks.length > most) this.runtime.breaches.push(`${this.name} has ${this.chunks.length} chunks`)
      this.runtime.run(this, chunk)
    },
    limitTo: (chunk, items) => {
      this.asked("keep")
      return this.limitTo(chunk, items)
    },
    started: (chunk) => (this.chunks.includes(chunk) ? this.startedOf(chunk) : undefined),
    interrupt: (chunk) => {
      this.asked("interrupt")
      if (this.chunks.includes(chunk)) this.runtime.interrupt(this, chunk)
    },
    exit: () => this.unlessGone("exit", Effect.andThen(this.runtime.released(this, "exit"), this.runtime.exit(this))),
    close: () => this.unlessGone("close", this.runtime.released(this, "close")),
    kill: Effect.suspend(() => {
      this.asked("kill")
      this.isGone = true
      for (const chunk of this.chunks.splice(0)) chunk.onEnd(undefined)
      Deferred.doneUnsafe(this.gone, Exit.fail(errors.workerLost(this.options.worker, {})))
      return this.runtime.killed(this)
    })
  }

  private unlessGone<A>(what: string, effect: Effect.Effect<A, WorkerPoolError>) {
    return Effect.suspend(() => {
      this.asked(what)
      return Effect.raceFirst(effect, Deferred.await(this.gone))
    })
  }

  private asked(what: string): void {
    this.runtime.log.push(`${this.name} ${what}`)
    if (this.isGone) this.runtime.breaches.push(`${this.name} ${what}`)
  }
}

export class FakeRuntime {
  /** Whether workers get chunks ahead of their need. */
  isRemote = false
  /** How long a chunk may take whose starts are not told one by one, in milliseconds. */
  chunkTime: number | undefined = undefined
  /** How many workers there is place for, where that is not for ever as it was first. */
  parallelismAbove: ((workers: number) => Effect.Effect<number>) | undefined = undefined
  /** Whether what has been sent of a chunk can be taken back. */
  canTakeBack: (chunk: WorkerRuntime.Chunk) => boolean = () => true
  /** How long an item is said to take, in milliseconds, if anything is said of that. */
  itemTime: number | undefined = undefined
  /** Those that were started, or were to be. */
  readonly workers: Array<FakeWorker> = []
  readonly log: Array<string> = []
  /** What should not have been asked: of a worker that was gone, or that had too much to do. */
  readonly breaches: Array<string> = []

  // How workers behave, by default at once and well; a test replaces what it is about
  start: (worker: FakeWorker) => Effect.Effect<void, WorkerPoolError | Unavailable> = () => Effect.void
  init: (worker: FakeWorker) => Effect.Effect<void, WorkerPoolError> = () => Effect.void
  exit: (worker: FakeWorker) => Effect.Effect<unknown, WorkerPoolError> = () => Effect.void
  released: (worker: FakeWorker, stage: "exit" | "close") => Effect.Effect<void, WorkerPoolError> = () => Effect.void
  run: (worker: FakeWorker, chunk: WorkerRuntime.Chunk) => void = () => {}
  interrupt: (worker: FakeWorker, chunk: WorkerRuntime.Chunk) => void = (worker, chunk) => worker.end(chunk)
  killed: (worker: FakeWorker) => Effect.Effect<void> = () => Effect.void

  readonly layer: Layer.Layer<WorkerRuntime.WorkerRuntime> = Layer.sync(WorkerRuntime.WorkerRuntime, () => ({
    name: "fake",
    isRemote: this.isRemote,
    chunkTime: this.chunkTime,
    parallelism: this.parallelismAbove?.(0),
    parallelismAbove: this.parallelismAbove,
    start: (options: WorkerRuntime.StartOptions) =>
      Effect.gen({ self: this }, function* () {
        const worker = new FakeWorker(this, options)
        this.workers.push(worker)
        yield* Effect.addFinalizer(() => Effect.sync(() => this.log.push(`${worker.name} stop`)))
        yield* this.start(worker)
        return worker.worker
      })
  }))

  /** The worker that was started last. */
  get last(): FakeWorker {
    return this.workers.at(-1)!
  }

  /** Those that are there. */
  get present(): ReadonlyArray<FakeWorker> {
    return this.workers.filter((worker) => !worker.isGone && !this.log.includes(`${worker.name} stop`))
  }
}

/** Workers that do at once all that they are given. */
export const diligent = (worker: FakeWorker): void => worker.work()
