import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import {
  type Generated,
  integer,
  kinds,
  Ledger,
  makePool,
  oneOf,
  optional,
  type Pool,
  runs,
  settle,
  source
} from "./support.ts"

const keepAlives = oneOf(false, true, 0, 15, 35)

const operations = Arbitrary.all({
  kind: oneOf("map", "map", "fail", "run", "run", "setKeepAlive", "stop", "restart", "terminate", "start", "setSize"),
  items: integer(0, 5),
  size: integer(1, 3),
  keepAlive: keepAlives,
  /** In tens of milliseconds, so that no idle time ends in the moment of an operation. */
  wait: oneOf(0, 0, 0, 1, 2, 5)
})

type Operation = Generated<typeof operations>

interface Worker {
  readonly id: number
  given: number
  idleSince: number
}

/**
 * What a pool should do, when one operation follows another and each call is one chunk. Which slot a new worker gets is
 * left to the pool: the model hears of it.
 */
class Model {
  size = 1
  /** The most recently used last. */
  workers: Array<Worker> = []
  results = 0
  time = 0
  private keepAlive: boolean | number
  private nextKeepAlive: boolean | number
  private readonly minSize: number
  private readonly lifespan: number
  private inSession = false

  constructor(keepAlive: boolean | number, minSize: number, lifespan: number) {
    this.keepAlive = keepAlive
    this.nextKeepAlive = keepAlive
    this.minSize = minSize
    this.lifespan = lifespan
  }

  /** `slots` are those where workers came to be during the operation, in order. */
  apply(operation: Operation, slots: Array<number>): void {
    switch (operation.kind) {
      case "map":
        this.enter()
        this.give(operation.items, slots)
        return this.leave()
      case "fail":
        this.enter()
        this.give(1, slots)
        return this.leave()
      case "run":
        this.enter()
        return this.give(1, slots)
      case "setKeepAlive":
        this.nextKeepAlive = operation.keepAlive
        return
      case "stop":
        this.release(this.workers)
        this.inSession = false
        return
      case "restart":
        return this.release(this.workers)
      case "terminate":
        this.workers = []
        this.inSession = false
        return
      case "start":
        this.enter()
        while (this.workers.length < this.size) this.acquire(slots)
        return
      case "setSize":
        this.size = operation.size
        return this.release(this.workers.filter(({ id }) => id >= this.size))
    }
  }

  /** Time passes, and these workers are left. */
  wait(millis: number, left: ReadonlySet<number>): void {
    this.time += millis
    if (typeof this.keepAlive !== "number") return
    const idleTime = this.keepAlive
    const due = this.workers.filter(({ idleSince }) => idleSince + idleTime <= this.time)
    const most = Math.min(due.length, Math.max(0, this.workers.length - this.minSize))
    // of those that have been idle for as long, any may go
    const gone = this.workers.filter(({ id }) => !left.has(id))
    assert.strictEqual(gone.length, most, "as many go as have been idle for long enough")
    const longest = Math.max(0, ...gone.map(({ idleSince }) => idleSince))
    for (const worker of this.workers) {
      if (left.has(worker.id)) assert.isAtLeast(worker.idleSince, longest, "the longest idle go first")
    }
    this.release(gone)
    if (gone.length > 0 && this.workers.length === 0) this.inSession = false
  }

  private enter(): void {
    if (!this.inSession) this.results = 0
    this.inSession = true
  }

  private leave(): void {
    this.keepAlive = this.nextKeepAlive
    if (this.keepAlive !== false) return
    this.release(this.workers)
    this.inSession = false
  }

  private acquire(slots: Array<number>): Worker {
    const id = slots.shift()
    assert(id !== undefined, "a worker is acquired")
    assert.isFalse(
      this.workers.some((worker) => worker.id === id),
      "in an empty slot"
    )
    assert.isBelow(id, this.size)
    const worker = { id, given: 0, idleSince: this.time }
    this.workers.push(worker)
    return worker
  }

  private give(items: number, slots: Array<number>): void {
    for (let left = items; left > 0;) {
      const worker = this.workers.at(-1) ?? this.acquire(slots)
      const given = Math.min(left, this.lifespan - worker.given)
      worker.given += given
      worker.idleSince = this.time
      left -= given
      if (worker.given === this.lifespan) this.release([worker])
    }
  }

  private release(workers: ReadonlyArray<Worker>): void {
    this.results += workers.length
    this.workers = this.workers.filter((worker) => !workers.includes(worker))
  }
}

describe("a pool and its model", () => {
  it.effect.prop(
    "L2 L4 L5 L8 L9 has the workers and the exit results that it should, after each of any operations",
    {
      kind: oneOf(...kinds),
      keepAlive: keepAlives,
      minSize: oneOf(0, 0, 1),
      lifespan: optional(integer(1, 6)),
      operations: Arbitrary.array(operations, { minLength: 1, maxLength: 20 })
    },
    ({ keepAlive, kind, lifespan, minSize, operations }) =>
      Effect.gen(function* () {
        const ledger = new Ledger()
        const model = new Model(keepAlive, minSize, lifespan ?? Number.POSITIVE_INFINITY)
        const task = ledger.task((n: number) => Effect.as(Effect.yieldNow, n))
        const fails = ledger.task(() => Effect.fail("failed"))
        const perform = (pool: Pool, { items, keepAlive, kind, size }: Operation): Effect.Effect<unknown, unknown> => {
          switch (kind) {
            case "map":
              return pool.map(source("array", items), task, { chunkSize: 10 })
            case "fail":
              return Effect.flip(pool.map([1, 2, 3], fails, { chunkSize: 10 }))
            case "run":
              return pool.run(task, 1)
            case "setKeepAlive":
              return pool.setKeepAlive(keepAlive)
            case "setSize":
              return pool.setSize(size)
            default:
              return pool[kind]
          }
        }
        const play = Effect.gen(function* () {
          const pool = yield* makePool<any, any>(kind, {
            size: 1,
            keepAlive,
            minSize,
            lifespan,
            init: ledger.init(),
            exit: ledger.exit()
          })
          for (const operation of operations) {
            // several slots share a call's items in a way that the model does not know, when a lifespan cuts its chunk
            const size = lifespan === undefined ? operation.size : 1
            const before = ledger.entries.length
            yield* perform(pool, { ...operation, size })
            // a worker that is kept for no time at all goes now
            yield* settle
            const slots = ledger.entries.slice(before).map(({ id }) => id)
            model.apply({ ...operation, size }, slots)
            assert.deepStrictEqual(slots, [], "no more workers than needed")
            model.wait(0, new Set(ledger.present.keys()))
            yield* compare(pool)
            yield* TestClock.adjust(operation.wait * 10)
            yield* settle
            model.wait(operation.wait * 10, new Set(ledger.present.keys()))
            yield* compare(pool)
          }
        })
        const compare = (pool: Pool) =>
          Effect.gen(function* () {
            const ids = model.workers.map(({ id }) => id).sort()
            assert.deepStrictEqual([...ledger.present.keys()].sort(), ids)
            assert.deepInclude(yield* pool.stats, { size: model.size, live: ids.length, idle: ids.length, calls: 0 })
            assert.strictEqual((yield* pool.exitResults).length, model.results)
          })
        yield* Effect.scoped(play)
        assert.strictEqual(ledger.present.size, 0)
      }),
    runs(300)
  )
})
