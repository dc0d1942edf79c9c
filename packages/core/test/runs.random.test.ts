import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as WorkerPool from "../src/WorkerPool.ts"
import type { Chunk } from "../src/WorkerRuntime.ts"
import { FakeRuntime, type FakeWorker } from "./fakeRuntime.ts"
import { driven, failures, type Generated, integer, makePool, noise, oneOf, optional, runs } from "./support.ts"

const tasks = [0, 1].map(() => (n: number) => Effect.succeed(n))

const operations = Arbitrary.all({
  kind: oneOf("runs", "runs", "map"),
  /** In turns. */
  at: integer(0, 30),
  task: oneOf(0, 1),
  items: integer(1, 12),
  /** One in so many is interrupted; of a map, all of it. */
  interrupted: oneOf(1, 2, 4, 1000),
  after: integer(0, 12),
  /** One in so many does not end by itself, of those that are interrupted. */
  hanging: oneOf(1, 3, 1000)
})

const scripts = Arbitrary.all({
  size: integer(1, 3),
  tasksPerWorker: oneOf(1, 1, 1, 2),
  isRemote: oneOf(true, true, false),
  itemTime: oneOf(undefined, 0.01, 0.3, 5, 100),
  lifespan: optional(integer(1, 6)),
  retries: oneOf(-1, 1),
  /** One worker in so many is lost. */
  losses: oneOf(2, 5, 1000, 1000),
  startTurns: integer(0, 4),
  /** Outcomes are told so many at a time. */
  batch: oneOf(1, 1, 3, 100),
  operations: Arbitrary.array(operations, { minLength: 1, maxLength: 6 }),
  seed: integer(0, 1_000_000)
})

const turns = (count: number) => Effect.forEach(Array(count), () => Effect.yieldNow, { discard: true })

/** Workers that end items after some turns, some of them only when they are interrupted, and vanish now and then. */
class Play {
  readonly runtime = new FakeRuntime()
  readonly starts = new Map<number, number>()
  readonly lostWith = new Set<number>()
  readonly hanging = new Set<number>()
  /** Those whose interruption is over. */
  readonly abandoned = new Set<number>()
  private readonly script: Generated<typeof scripts>
  private readonly given = new Map<FakeWorker, number>()
  /** Those that have started and have no outcome, by their positions. */
  private readonly open = new Map<Chunk, Set<number>>()
  private readonly untold = new Map<Chunk, Array<number>>()

  constructor(script: Generated<typeof scripts>) {
    this.script = script
    const { runtime } = this
    runtime.isRemote = script.isRemote
    runtime.itemTime = script.itemTime
    runtime.init = () => turns(script.startTurns)
    runtime.run = (worker, chunk) => void Effect.runFork(this.work(worker, chunk))
    runtime.interrupt = (worker, chunk) => {
      this.tell(worker, chunk)
      if (!worker.chunks.includes(chunk)) return
      for (const position of this.open.get(chunk) ?? []) chunk.onFailure(position, Cause.interrupt())
      worker.end(chunk)
    }
  }

  private tell(worker: FakeWorker, chunk: Chunk): void {
    for (const position of this.untold.get(chunk)?.splice(0) ?? []) {
      this.open.get(chunk)!.delete(position)
      if (!worker.chunks.includes(chunk)) return
      worker.succeed(position, chunk)
    }
  }

  private work(worker: FakeWorker, chunk: Chunk): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const { batch, losses, seed, tasksPerWorker } = this.script
      const { breaches } = this.runtime
      const open = new Set<number>()
      this.open.set(chunk, open)
      const untold: Array<number> = []
      this.untold.set(chunk, untold)
      const isNext = () => tasksPerWorker > 1 || worker.chunk === chunk
      const isHere = () => worker.chunks.includes(chunk) && !worker.isGone
      for (const [position, item] of chunk.items.entries() as Iterable<[number, number]>) {
        yield* Effect.yieldNow
        while (isHere() && !isNext()) yield* Effect.yieldNow
        if (position >= worker.limitOf(chunk)) this.tell(worker, chunk)
        if (!isHere()) return
        if (position >= worker.limitOf(chunk)) breaches.push(`${item} starts, but was taken back`)
        if (this.abandoned.has(item)) breaches.push(`${item} starts, but nobody wants it`)
        worker.begin(chunk)
        open.add(position)
        this.starts.set(item, (this.starts.get(item) ?? 0) + 1)
        const given = (this.given.get(worker) ?? 0) + 1
        this.given.set(worker, given)
        if (given > (this.script.lifespan ?? given)) breaches.push(`${worker.name} gets more than its lifespan`)
        const { generation, id } = worker.options.worker
        const random = noise(seed, id * 100 + generation)
        if (random % losses === 0 && given > random % 4 && generation < 20) {
          for (const [chunk, positions] of this.open) {
            if (!worker.chunks.includes(chunk)) continue
            for (const position of positions) this.lostWith.add(chunk.items[position] as number)
          }
          return worker.lose()
        }
        // while an item waits, those before it are told
        if (this.hanging.has(item)) return this.tell(worker, chunk)
        yield* turns(noise(seed + 1, item) % 4)
        if (!isHere()) return
        untold.push(position)
        if (position === worker.limitOf(chunk) - 1 || untold.length === batch) this.tell(worker, chunk)
      }
    })
  }
}

describe("runs and maps at random", () => {
  it.effect.prop(
    "C1 C5 F2 L8 each run has its own outcome, is done once, and what nobody wants does not start and ends",
    { script: scripts },
    ({ script }) =>
      Effect.gen(function* () {
        const { lifespan, operations, retries, size, tasksPerWorker } = script
        const play = new Play(script)
        const onWorkerLost: WorkerPool.OnWorkerLost = retries < 0 ? "fail" : { retries }
        const pool = yield* makePool(
          "WorkerPool",
          { size, tasksPerWorker, lifespan, onWorkerLost, keepAlive: true },
          play.runtime.layer
        )
        const interruptedAfter = (fiber: Fiber.Fiber<unknown, unknown>, after: number, items: ReadonlyArray<number>) =>
          Effect.gen(function* () {
            yield* turns(after)
            yield* Fiber.interrupt(fiber)
            for (const item of items) play.abandoned.add(item)
          })
        const check = (items: ReadonlyArray<number>, exit: Exit.Exit<unknown, unknown>, isInterrupted: boolean) => {
          const starts = items.map((item) => play.starts.get(item) ?? 0)
          if (Exit.isSuccess(exit)) assert.isAtLeast(Math.min(...starts), 1)
          else if (failures(exit)[0] === "Interrupt") assert.isTrue(isInterrupted)
          else
            assert.deepStrictEqual([failures(exit)[0], items.some((n) => play.lostWith.has(n))], ["WorkerLost", true])
          for (const [n, item] of items.entries()) {
            if (retries < 0 || !play.lostWith.has(item)) assert.isAtMost(starts[n]!, 1, `${item} starts once`)
          }
        }
        const perform = (
          { after, at, hanging, interrupted, items, kind, task }: (typeof operations)[number],
          n: number
        ) =>
          Effect.gen(function* () {
            yield* turns(at)
            const numbers = Array.from({ length: items }, (_, m) => n * 100 + m)
            const random = (m: number) => noise(script.seed + 2, m)
            const one = (items: ReadonlyArray<number>, effect: Effect.Effect<unknown, unknown>, expected: unknown) =>
              Effect.gen(function* () {
                const isInterrupted = random(items[0]!) % interrupted === 0
                if (isInterrupted && random(items[0]! + 50) % hanging === 0) play.hanging.add(items[0]!)
                const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
                if (isInterrupted) yield* interruptedAfter(fiber, after, items)
                const exit = yield* Fiber.await(fiber)
                if (Exit.isSuccess(exit)) assert.deepStrictEqual(exit.value, expected)
                check(items, exit, isInterrupted)
              })
            if (kind === "map") {
              const expected = numbers.map((n) => n * 10)
              return yield* one(numbers, pool.map(numbers, tasks[task]!), expected)
            }
            yield* Effect.forEach(numbers, (n) => one([n], pool.run(tasks[task]!, n), n * 10), {
              concurrency: "unbounded",
              discard: true
            })
          })
        yield* Effect.forEach(operations, perform, { concurrency: "unbounded", discard: true })
        // what nobody wants any more ends
        yield* turns(60)
        assert.deepStrictEqual(play.runtime.breaches, [])
        assert.deepInclude(yield* pool.stats, { calls: 0, pending: 0, busy: 0 })
        yield* pool.stop
        assert.strictEqual(play.runtime.present.length, 0)
      }).pipe(Effect.scoped, driven),
    runs(400)
  )
})
