import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type { CallChunk } from "../src/internal/call/callChunk.ts"
import type * as WorkerPool from "../src/WorkerPool.ts"
import type { Chunk } from "../src/WorkerRuntime.ts"
import { FakeRuntime, type FakeWorker } from "./fakeRuntime.ts"
import {
  driven,
  failures,
  type Generated,
  integer,
  makePool,
  noise,
  oneOf,
  optional,
  reasons,
  runs
} from "./support.ts"

const task = (n: number) => Effect.succeed(n)

const scripts = Arbitrary.all({
  size: integer(1, 3),
  tasksPerWorker: oneOf(1, 1, 3),
  isRemote: oneOf(false, true),
  /** How long an item is said to take. */
  itemTime: oneOf(undefined, 0.01, 5, 100),
  length: integer(1, 20),
  chunkSize: optional(integer(1, 6)),
  maxActive: optional(integer(1, 8)),
  lifespan: optional(integer(2, 6)),
  dispatch: oneOf("available", "available", "ordered"),
  retries: oneOf(-1, 0, 1, 2),
  /** How many of ten workers are lost. */
  losses: integer(0, 8),
  seed: integer(0, 1_000_000)
})

/** What the workers of a script did. */
class Play {
  readonly script: Pick<
    Generated<typeof scripts>,
    "losses" | "seed" | "tasksPerWorker" | "isRemote" | "itemTime" | "lifespan"
  >
  readonly runtime = new FakeRuntime()
  /** How often each item has started. */
  readonly starts = new Map<number, number>()
  /** How often each has been what a worker was lost with. */
  readonly charges = new Map<number, number>()
  /** Those that have been alone, and had not started, in a worker that had run others and was lost. */
  private readonly lostLater = new Set<number>()
  /** All that had started and had no outcome when its worker was lost. */
  readonly lostWith = new Set<number>()
  private readonly reported = new Map<Chunk, Set<number>>()
  private readonly plan: (worker: FakeWorker) => { readonly items: number; readonly running: boolean } | undefined
  private readonly done = new Map<FakeWorker, number>()

  constructor(script: Play["script"]) {
    this.script = script
    const { isRemote, itemTime, losses, seed } = script
    this.runtime.isRemote = isRemote
    this.runtime.itemTime = itemTime
    this.plan = ({ options }) => {
      const random = noise(seed, options.worker.id * 1000 + options.worker.generation)
      if (random % 10 >= losses || options.worker.generation > 30) return undefined
      return { items: 1 + (noise(seed + 1, random) % 4), running: noise(seed + 2, random) % 3 > 0 }
    }
    this.runtime.run = (worker, chunk) => void Effect.runFork(this.work(worker, chunk))
  }

  /** Items one after another, each of some turns, until the worker vanishes in the middle of one, or between two. */
  private work(worker: FakeWorker, chunk: Chunk): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const reported = new Set<number>()
      this.reported.set(chunk, reported)
      const isHere = () => worker.chunks.includes(chunk) && !worker.isGone
      for (const [position, item] of chunk.items.entries()) {
        yield* Effect.yieldNow
        // one chunk after another
        while (isHere() && this.script.tasksPerWorker === 1 && worker.chunk !== chunk) yield* Effect.yieldNow
        if (!isHere()) return
        if (position >= worker.limitOf(chunk)) this.runtime.breaches.push(`${item} starts, but was taken back`)
        worker.begin(chunk)
        this.starts.set(item as number, (this.starts.get(item as number) ?? 0) + 1)
        const plan = this.plan(worker)
        const count = (this.done.get(worker) ?? 0) + 1
        this.done.set(worker, count)
        if (count > (this.script.lifespan ?? count))
          this.runtime.breaches.push(`${worker.name} gets more than its lifespan`)
        if (plan?.running === true && count >= plan.items) return this.lose(worker)
        for (let turn = noise(this.script.seed, item as number) % 4; turn > 0; turn--) yield* Effect.yieldNow
        if (!isHere()) return
        reported.add(position)
        worker.succeed(position, chunk)
        if (plan?.running === false && count >= plan.items && worker.chunks.length > 0) return this.lose(worker)
      }
    })
  }

  private lose(worker: FakeWorker): void {
    const isUnread = worker.chunks.every((chunk) => worker.startedOf(chunk) === 0)
    for (const chunk of worker.chunks) {
      // an item that is alone in a worker that has started nothing may be what ended it, by being read
      if (isUnread && (chunk as CallChunk).alone) {
        const index = chunk.index(0)
        // one of those that had run there may be it as well, so that counts the second time
        if (this.done.has(worker) && !this.lostLater.has(index)) {
          this.lostLater.add(index)
          continue
        }
        this.lostWith.add(index)
        this.charges.set(index, (this.charges.get(index) ?? 0) + 1)
      }
      const reported = this.reported.get(chunk) ?? new Set()
      const open = [...Array(worker.startedOf(chunk)).keys()].filter((position) => !reported.has(position))
      const charged = this.script.tasksPerWorker === 1 ? open.slice(-1) : open
      for (const position of open) this.lostWith.add(chunk.index(position))
      for (const position of charged) {
        const index = chunk.index(position)
        this.charges.set(index, (this.charges.get(index) ?? 0) + 1)
      }
    }
    const random = noise(this.script.seed + 3, worker.options.worker.generation)
    worker.lose({ killed: random % 2 === 0, ended: random % 3 === 0 ? Effect.void : Effect.sleep(random % 10) })
  }
}

describe("workers that are lost at random", () => {
  it.effect.prop(
    "F2 C3 L8 every item is done, or lost as onWorkerLost says, and each of them is heard of once",
    { kind: oneOf("mapExit", "streamExit", "streamUnorderedExit", "map", "stream"), script: scripts },
    ({ kind, script }) =>
      Effect.gen(function* () {
        const play = new Play(script)
        const { chunkSize, dispatch, length, lifespan, maxActive, retries, size, tasksPerWorker } = script
        const onWorkerLost: WorkerPool.OnWorkerLost = retries < 0 ? "fail" : { retries }
        const options = { chunkSize, dispatch, lifespan, maxActive, onWorkerLost }
        const pool = yield* makePool("WorkerPool", { size, tasksPerWorker, keepAlive: true }, play.runtime.layer)
        let pulled = 0
        let delivered = 0
        const items = (function* () {
          for (let n = 0; n < length; n++) {
            pulled++
            if (maxActive !== undefined && kind !== "map" && kind !== "mapExit") {
              assert.isAtMost(pulled - delivered, maxActive)
            }
            yield n
          }
        })()
        const collect = (stream: Stream.Stream<any, unknown>) =>
          Stream.runFold(
            stream,
            () => [] as Array<any>,
            (all, one) => {
              delivered++
              all.push(one)
              return all
            }
          )
        const all = yield* Effect.exit<Array<any>, unknown, never>(
          kind === "map" || kind === "mapExit"
            ? pool[kind](items, task, options)
            : collect(pool[kind](items, task, options))
        )
        const expected = Array.from({ length }, (_, n) => (isLost(play, n, retries) ? "WorkerLost" : n * 10))
        assert.deepStrictEqual(play.runtime.breaches, [])
        const isOver = yield* pool.stats
        assert.deepInclude(isOver, { calls: 0, pending: 0, busy: 0 })
        if (kind === "map" || kind === "stream") {
          const isAnyLost = expected.includes("WorkerLost")
          if (Exit.isFailure(all)) assert.deepStrictEqual([isAnyLost, failures(all)[0]], [true, "WorkerLost"])
          else assert.deepStrictEqual(all.value, expected)
          return
        }
        assert(Exit.isSuccess(all), "it does not fail")
        const exits: Array<{ readonly index: number; readonly exit: Exit.Exit<unknown, unknown> }> =
          kind === "mapExit" ? all.value.map((exit, index) => ({ index, exit })) : all.value
        const inOrder =
          kind === "streamUnorderedExit" ? [...exits].sort((one, other) => one.index - other.index) : exits
        assert.deepStrictEqual(
          inOrder.map(({ exit, index }) => [index, Exit.isSuccess(exit) ? exit.value : failures(exit)[0]]),
          expected.map((value, index) => [index, value])
        )
        for (const { exit, index } of exits) {
          for (const reason of reasons(exit)) assert(reason._tag === "WorkerLost" && reason.indices.includes(index))
          if (retries < 0) assert.isAtMost(play.starts.get(index) ?? 0, 1, "at most once")
        }
      }).pipe(Effect.scoped, driven),
    runs(500)
  )
})

/** Whether the item had started too often, or once with "fail", when its worker was lost. */
const isLost = ({ charges, lostWith }: Play, index: number, retries: number): boolean =>
  retries < 0 ? lostWith.has(index) : (charges.get(index) ?? 0) > retries
