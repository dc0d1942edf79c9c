import { assert, describe, it } from "@effect/vitest"
import { MessageChannel } from "node:worker_threads"
import type { Control } from "../src/Channel.ts"
import { ChunkWatch, type Overdue, type Watched, type WatchLimits } from "../src/internal/remote/chunkWatch.ts"
import { interval, Watch } from "../src/internal/remote/watch.ts"
import { Cell, phases } from "../src/internal/wire/control.ts"
import type { Chunk } from "../src/WorkerRuntime.ts"
import { sharedNumbers } from "./sharedNumbers.ts"

/** Until something is so, however busy the machine is. */
const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1))
}

/** A watch over chunks, and what it finds. */
class Bench {
  readonly control: Control | undefined
  readonly chunks: Array<Watched> = []
  readonly found: Array<Overdue> = []
  readonly watch: ChunkWatch

  constructor(limits: WatchLimits, isShared = true) {
    this.control = isShared ? sharedNumbers(4) : undefined
    this.watch = new ChunkWatch(
      limits,
      { chunks: () => this.chunks, abandoned: () => [], turns: () => 0, lag: () => 0 },
      (overdue) => {
        this.found.push(overdue)
        this.watch.stop()
      }
    )
  }

  /** A chunk as it was sent; the worker has its cell when it has taken it. */
  send(items: number, timeout?: number) {
    const number = this.chunks.length
    const cell = new Cell(this.control, number, number)
    cell.open(items)
    const watched: Watched = {
      chunk: { timeout, items: Array(items) } as unknown as Chunk,
      cell,
      stuck: undefined,
      interruptedAt: undefined,
      runningSince: timeout === undefined ? undefined : new Map(),
      seenStarted: 0
    }
    this.chunks.push(watched)
    this.watch.sent(watched)
    return { watched, worker: new Cell(this.control, number, number) }
  }

  /** Another of the same limits, later: when that has found something, this one would have. */
  async later(limits: WatchLimits): Promise<void> {
    const other = new Bench(limits)
    const { watched } = other.send(1)
    other.watch.interrupted(watched)
    await until(() => other.found.length > 0)
  }
}

const short: WatchLimits = { killAfter: 20, startTimeout: undefined }

describe("ChunkWatch", () => {
  it("C4 finds what goes on for killAfter after it was interrupted, and not what ends before", async () => {
    const bench = new Bench(short)
    const before = performance.now()
    const ending = bench.send(1)
    const going = bench.send(1)
    bench.watch.interrupted(ending.watched)
    bench.watch.interrupted(going.watched)
    bench.chunks.shift()
    await until(() => bench.found.length > 0)
    assert.isAtLeast(performance.now() - before, 19)
    assert.strictEqual(bench.found[0]!.chunk, going.watched.chunk)
    assert.strictEqual(bench.found[0]!.what, "interruption")
  })

  it('C4 "never" waits for it', async () => {
    const bench = new Bench({ ...short, killAfter: undefined })
    bench.watch.interrupted(bench.send(1, 1).watched)
    await bench.later(short)
    assert.deepStrictEqual(bench.found, [])
  })

  it("C4 a message that has arrived meanwhile comes before the look, however busy this thread was", async () => {
    const bench = new Bench(short)
    bench.watch.interrupted(bench.send(1).watched)
    const { port1, port2 } = new MessageChannel()
    port1.on("message", () => bench.chunks.splice(0))
    // timers come next, and messages after them
    setImmediate(() => {
      port2.postMessage("ended")
      const end = performance.now() + 2 * short.killAfter!
      while (performance.now() < end);
    })
    await bench.later(short)
    port1.close()
    assert.strictEqual(bench.chunks.length, 0)
    assert.deepStrictEqual(bench.found, [])
  })

  it("T2 finds items that are out of time by more than killAfter, by their positions", async () => {
    const bench = new Bench(short)
    const { watched, worker } = bench.send(3, 10)
    worker.take()
    worker.enter(phases.loaded)
    worker.claim(0)
    worker.claim(1)
    // the first has ended
    bench.watch.reported(watched, 0, 1)
    await until(() => bench.found.length > 0)
    const [{ chunk, positions, what }] = bench.found as [Overdue]
    assert.deepStrictEqual([what, positions, chunk === watched.chunk], ["timeout", [1], true])
  })

  it("T1 an item's time begins when it starts: those that have not started are not looked at", async () => {
    const bench = new Bench({ killAfter: 5, startTimeout: undefined })
    const { watched, worker } = bench.send(2, 5)
    worker.take()
    worker.enter(phases.loaded)
    await bench.later(short)
    assert.strictEqual(watched.runningSince!.size, 0)
    assert.deepStrictEqual(bench.found, [])
    bench.watch.stop()
  })

  it("T4 finds a module that does not load", async () => {
    const bench = new Bench({ killAfter: undefined, startTimeout: 20 })
    const { watched, worker } = bench.send(1)
    worker.take()
    worker.enter(phases.loading)
    await until(() => bench.found.length > 0)
    assert.deepStrictEqual([bench.found[0]!.what, bench.found[0]!.chunk === watched.chunk], ["loading", true])
    assert.include(bench.found[0]!.cause.message, "20 milliseconds")
  })

  it("T4 one that loads in time has no limit any more", async () => {
    const bench = new Bench({ killAfter: undefined, startTimeout: 20 })
    const { worker } = bench.send(1)
    worker.take()
    worker.enter(phases.loaded)
    await bench.later({ killAfter: 60, startTimeout: undefined })
    assert.deepStrictEqual(bench.found, [])
  })

  it("T4 a chunk that is not taken up waits for those that run, and no longer than startTimeout for nothing", async () => {
    const bench = new Bench({ killAfter: undefined, startTimeout: 20 })
    const first = bench.send(1)
    first.worker.take()
    first.worker.enter(phases.loaded)
    const second = bench.send(1)
    await bench.later({ killAfter: 60, startTimeout: undefined })
    assert.deepStrictEqual(bench.found, [])
    bench.chunks.shift()
    await until(() => bench.found.length > 0)
    assert.strictEqual(bench.found[0]!.chunk, second.watched.chunk)
    assert.strictEqual(bench.found[0]!.what, "interruption")
  })

  it("F5 it looks at nothing once it is stopped, nor where nothing is known", async () => {
    const limits = { killAfter: 5, startTimeout: 5 }
    const stopped = new Bench(limits)
    stopped.watch.interrupted(stopped.send(1, 1).watched)
    stopped.watch.stop()
    stopped.watch.sent(stopped.chunks[0]!)
    const blind = new Bench(limits, false)
    blind.send(1, 1)
    await stopped.later(short)
    assert.deepStrictEqual([...stopped.found, ...blind.found], [])
  })
})

describe("Watch", () => {
  it("T3 looks when it is to, earlier when it is told so, and again for as long as there is a reason", async () => {
    let looks = 0
    const watch = new Watch(() => (++looks < 3 ? 1 : undefined))
    watch.within(100_000)
    watch.within(1)
    await until(() => looks === 3)
    watch.stop()
    watch.within(0)
    // when another has looked that was told so later, this one would have
    let hasLooked = false
    const other = new Watch(() => void (hasLooked = true))
    other.within(1)
    await until(() => hasLooked)
    assert.strictEqual(looks, 3)
  })

  it("T2 looks often enough to be hardly late, and not too often", () => {
    assert.deepStrictEqual([0, 10, 100, 1000, 60_000].map(interval), [2, 2, 5, 50, 100])
  })
})
