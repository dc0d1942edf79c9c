/** K13: what a worker may start where the pool's numbers arrive late, and what may run elsewhere. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Channel, Control } from "../src/Channel.ts"
import { Allowance, granted } from "../src/internal/remote/credit.ts"
import { GrantedCell } from "../src/internal/remote/grantedCell.ts"
import { KnownAddresses } from "../src/internal/remote/knownAddresses.ts"
import { Line } from "../src/internal/remote/line.ts"
import { cellsOf, RemoteChunks } from "../src/internal/remote/remoteChunks.ts"
import { ServedWorker } from "../src/internal/served/servedWorker.ts"
import { defer } from "../src/internal/task/realTime.ts"
import { numbers } from "../src/internal/wire/control.ts"
import type * as protocol from "../src/internal/wire/protocol.ts"
import * as Portable from "../src/Portable.ts"
import type { Chunk, Code } from "../src/WorkerRuntime.ts"
import { sharedNumbers } from "./sharedNumbers.ts"
import { integer, noise, oneOf, runs } from "./support.ts"

const macrotask = () => new Promise<void>((resolve) => defer(resolve))

/** A chunk, and what has become of its items. */
class Fate implements Chunk {
  readonly task: Code
  readonly items: ReadonlyArray<unknown>
  readonly timeout = undefined
  readonly discard = false
  readonly reportInterval: number
  readonly context = Context.empty()
  readonly longerThan = Number.POSITIVE_INFINITY
  itemTime: number | undefined
  /** How many items, the first ones, have not been taken back. */
  kept: number
  readonly reported = new Set<number>()
  ends = 0

  constructor(task: Code, items: ReadonlyArray<number>, itemTime: number | undefined, reportInterval: number) {
    this.task = task
    this.items = items
    this.itemTime = itemTime
    this.reportInterval = reportInterval
    this.kept = items.length
  }

  index = (position: number): number => position

  onSuccesses(position: number, values: ReadonlyArray<unknown>): void {
    values.forEach((value, n) => this.onSuccess(position + n, value))
  }

  onSuccess(position: number, value: unknown): void {
    assert.strictEqual(value, this.items[position])
    assert.isFalse(this.reported.has(position), "an outcome is told once")
    assert.isBelow(position, this.kept, "what has been taken back has no outcome here")
    assert.strictEqual(this.ends, 0, "nothing is heard of it after its end")
    this.reported.add(position)
  }

  onFailure(): void {
    assert.fail("nothing fails")
  }

  onTime(): void {}

  onLong(): void {}

  onEnd(failure?: unknown): void {
    assert.isUndefined(failure)
    this.ends++
  }
}

type Told = { readonly message: unknown } | { readonly index: number; readonly value: number }

/** Both ends of a worker, with what is on its way between them: it arrives when the test says so. */
class Distance {
  readonly chunks: RemoteChunks
  /** The items that have started, in order. */
  readonly started: Array<number> = []
  readonly task: Code
  /** The cells of the chunks that were sent; -1 for one that got none. */
  readonly cells: Array<number> = []
  stuck: string | undefined = undefined
  private readonly there: Control
  private readonly tasksPerWorker: number
  private readonly seen: Array<number> = []
  private readonly set = new Set<number>()
  private readonly toWorker: Array<Told> = []
  private readonly toPool: Array<{ readonly message: unknown } | { readonly numbers: ReadonlyArray<number> }> = []
  private handle: (message: unknown) => void = () => {}

  constructor(tasksPerWorker: number, lag: number, killAfter?: number) {
    this.tasksPerWorker = tasksPerWorker
    this.there = sharedNumbers(cellsOf(tasksPerWorker))
    const channel: Channel = {
      send: (message) => void this.toPool.push({ message: structuredClone(message) }),
      receive: (handler) => {
        this.handle = handler
      },
      close: () => {},
      control: this.there
    }
    new ServedWorker(channel).serve()
    this.toPool.length = 0
    const control: Control = {
      get: (index) => this.seen[index] ?? 0,
      set: (index, value) => {
        this.seen[index] = value
        this.set.add(index)
        this.toWorker.push({ index, value })
      },
      lag: () => lag
    }
    const line = new Line({
      control,
      send: (message) => {
        if ((message as protocol.ToWorker)._tag === "Run") this.cells.push((message as protocol.Run).cell)
        this.toWorker.push({ message: structuredClone(message) })
      },
      receive() {},
      closed() {},
      kill: Effect.void,
      setBusy() {}
    })
    const options = {
      worker: { id: 0, generation: 1 },
      tasksPerWorker,
      services: undefined,
      startTimeout: undefined,
      killAfter,
      onLost() {},
      onCondemned() {},
      onUnwanted() {}
    }
    const stuck = (cause: Error) => {
      this.stuck = cause.message
    }
    this.chunks = new RemoteChunks(
      options,
      line,
      new KnownAddresses(line),
      { busyChange() {}, settled() {}, stuck },
      { chunkEnded() {}, itemEnded() {}, itemRuns() {} }
    )
    this.handle({ _tag: "Start", id: 0, generation: 1, tasksPerWorker })
    this.task = Portable.make("test:granting", `task${names++}`, (item: number) => {
      this.started.push(item)
      return tasksPerWorker === 1 ? item : Promise.resolve(item)
    })
  }

  /** The worker gets so many of the messages and numbers that are on their way to it, and does what it can. */
  async reachWorker(count = Number.POSITIVE_INFINITY): Promise<void> {
    for (const told of this.toWorker.splice(0, count)) {
      if ("message" in told) this.handle(told.message)
      else this.there.set(told.index, told.value)
    }
    for (let turn = 0; turn < 3; turn++) await macrotask()
  }

  /** The worker's numbers are sent on their way. */
  gather(): void {
    this.toPool.push({ numbers: this.finalNumbers })
  }

  /** The pool gets so many of the messages and numbers that are on their way to it. */
  reachPool(count = Number.POSITIVE_INFINITY): void {
    for (const told of this.toPool.splice(0, count)) {
      if ("numbers" in told) {
        told.numbers.forEach((value, index) => {
          if (!this.set.has(index)) this.seen[index] = value
        })
        continue
      }
      const message = told.message as protocol.FromWorker
      if (message._tag === "Results") this.chunks.results(message)
      else if (message._tag === "NotLoaded") this.chunks.notLoaded(message)
    }
  }

  get finalNumbers(): ReadonlyArray<number> {
    return Array.from({ length: numbers(cellsOf(this.tasksPerWorker)) }, (_, index) => this.there.get(index))
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 300 && this.chunks.size > 0; turn++) {
      await this.reachWorker()
      this.reachPool()
    }
    assert.strictEqual(this.chunks.size, 0, "all chunks end")
  }
}

let names = 0

/** Chunks whose items are numbered through. */
const chunksOf = (
  distance: Distance,
  lengths: ReadonlyArray<number>,
  itemTime: number | undefined,
  interval: number
) => {
  let first = 0
  return lengths.map((length) => {
    const items = Array.from({ length }, (_, n) => first + n)
    first += length
    return new Fate(distance.task, items, itemTime, interval)
  })
}

const startedOf = ({ started }: Distance, { items }: Fate) => items.filter((item) => started.includes(item as number))

const everything = {
  first: integer(1, 12),
  second: integer(1, 12),
  third: integer(0, 12),
  itemTime: oneOf(undefined, 0.001, 1, 5, 100),
  lag: oneOf(0, 1, 20),
  tasksPerWorker: oneOf(1, 1, 1, 3),
  interval: oneOf(0, 1),
  steps: integer(3, 30),
  seed: integer(0, 1_000_000),
  ending: oneOf("settles", "lost", "lost with numbers")
}

describe("a worker that is far away", () => {
  it.effect.prop(
    "K13 F2 C1 what has started and what has been taken back, or goes elsewhere when it is lost, never meet",
    everything,
    ({ ending, first, interval, itemTime, lag, second, seed, steps, tasksPerWorker, third }) =>
      Effect.promise(async () => {
        const distance = new Distance(tasksPerWorker, lag)
        const chunks = chunksOf(distance, [first, second, third], itemTime, interval)
        const interrupted = new Set<Fate>()
        const waiting = [...chunks]
        for (let step = 0; step < steps; step++) {
          const random = (salt: number) => noise(seed + salt, step)
          const chunk = chunks[random(1) % 3]!
          switch (random(2) % 8) {
            case 0:
            case 1: {
              const next = waiting.shift()
              if (next !== undefined) distance.chunks.run(next)
              break
            }
            case 2: {
              if (waiting.includes(chunk) || chunk.ends > 0 || interrupted.has(chunk)) break
              const items = random(3) % (chunk.items.length + 1)
              if (items < chunk.kept) chunk.kept = Math.min(chunk.kept, distance.chunks.limitTo(chunk, items))
              break
            }
            case 3: {
              if (waiting.includes(chunk) || chunk.ends > 0 || random(4) % 3 > 0) break
              interrupted.add(chunk)
              distance.chunks.interrupt(chunk)
              break
            }
            case 4:
              distance.gather()
              break
            case 5:
              distance.reachPool(1 + (random(5) % 3))
              break
            default:
              await distance.reachWorker(1 + (random(6) % 4))
          }
          for (const { items, kept } of chunks) {
            for (const item of items.slice(kept)) assert.isFalse(distance.started.includes(item as number), `${item}`)
          }
        }
        if (ending === "settles") {
          for (const chunk of waiting) distance.chunks.run(chunk)
          await distance.settle()
          for (const chunk of chunks) {
            assert.strictEqual(chunk.ends, 1)
            if (interrupted.has(chunk)) continue
            // what has no outcome goes elsewhere
            assert.deepStrictEqual(
              startedOf(distance, chunk),
              chunk.items.filter((_, n) => chunk.reported.has(n))
            )
          }
        } else {
          if (ending === "lost with numbers") distance.chunks.settle(distance.finalNumbers)
          const inHand = distance.chunks.forgetAll()
          const heldUp = distance.finalNumbers
          for (const chunk of chunks) {
            const hand = inHand.get(chunk)
            if (hand === undefined) continue
            const started = startedOf(distance, chunk)
            assert.isAtMost(started.length, hand.started)
            if (ending === "lost with numbers" && !interrupted.has(chunk)) {
              assert.strictEqual(hand.started, started.length, `${heldUp}`)
              assert.isUndefined(hand.exact)
            } else if (ending === "lost") assert.isFalse(hand.exact)
            // it may go on until it has heard of its end: it has been granted no more
            for (const item of chunk.items.slice(hand.started))
              assert.isFalse(distance.started.includes(item as number))
          }
          await distance.reachWorker()
          for (const [chunk, { started }] of inHand) {
            const begun = startedOf(distance, chunk as Fate).length
            if (ending === "lost") assert.isAtMost(begun, started)
          }
        }
        assert.strictEqual(new Set(distance.started).size, distance.started.length, "nothing starts twice")
      }),
    runs(400)
  )

  it.effect("K13 begins with one item of a task that has not been measured, and is granted more as results come", () =>
    Effect.promise(async () => {
      const distance = new Distance(1, 10)
      const [chunk] = chunksOf(distance, [20], undefined, 0)
      distance.chunks.run(chunk!)
      await distance.reachWorker()
      assert.strictEqual(distance.started.length, 1)
      assert.strictEqual(distance.chunks.granted(chunk!), 1)
      assert.isUndefined(distance.chunks.started(chunk!), "what is heard is a hint")
      chunk!.itemTime = 5
      distance.reachPool()
      await distance.reachWorker()
      // the one that runs, and 22 milliseconds of work
      assert.strictEqual(distance.started.length, 1 + 1 + Math.ceil(granted(10) / 5))
      await distance.settle()
      assert.strictEqual(chunk!.reported.size, 20)
    })
  )

  it.effect(
    "K13 C1 gives at once what it has not been granted, and at its end what it has, if it is asked in time",
    () =>
      Effect.promise(async () => {
        const distance = new Distance(1, 0)
        const [chunk, next] = chunksOf(distance, [20, 5], 1, 0)
        distance.chunks.run(chunk!)
        distance.chunks.run(next!)
        const may = 1 + granted(0)
        assert.strictEqual(distance.chunks.granted(chunk!), may)
        assert.strictEqual(distance.chunks.granted(next!), 0)
        // of the second, nothing can have started
        assert.strictEqual(distance.chunks.limitTo(next!, 0), 0)
        assert.strictEqual(next!.ends, 1)
        assert.strictEqual(distance.chunks.limitTo(chunk!, 10), 10)
        assert.strictEqual(distance.chunks.limitTo(chunk!, 1), may)
        await distance.settle()
        // both were on their way together: it has started one, and had not begun with the others
        assert.deepStrictEqual([distance.started.length, chunk!.reported.size, chunk!.ends], [may, may, 1])
      })
  )

  it.effect(
    "K13 F2 of a chunk without a cell nobody knows what has started but that it was granted, not even at its end",
    () =>
      Effect.promise(async () => {
        for (const areNumbersKnown of [false, true]) {
          const distance = new Distance(1, 10)
          const [last, ...others] = chunksOf(
            distance,
            Array.from({ length: cellsOf(1) + 1 }, () => 9),
            4,
            0
          )
          for (const chunk of others) distance.chunks.run(chunk)
          for (const chunk of others) distance.chunks.interrupt(chunk)
          distance.chunks.run(last!)
          assert.strictEqual(distance.cells.at(-1), -1)
          const may = 1 + Math.ceil(granted(10) / 4)
          assert.strictEqual(distance.chunks.granted(last!), may)
          assert.strictEqual(distance.chunks.limitTo(last!, 0), 9, "nothing comes back")
          await distance.reachWorker()
          assert.deepStrictEqual(distance.finalNumbers.slice(0, 4), [0, 0, 0, 0], "the hooks' numbers are theirs alone")
          if (areNumbersKnown) distance.chunks.settle(distance.finalNumbers)
          assert.strictEqual(distance.chunks.granted(last!), may)
          const hand = distance.chunks.forgetAll().get(last!)
          assert.deepInclude(hand, { started: may, exact: false })
          await distance.reachWorker()
          assert.deepStrictEqual(distance.finalNumbers.slice(0, 4), [0, 0, 0, 0])
          assert.deepStrictEqual(startedOf(distance, last!), last!.items.slice(0, may))
        }
      })
  )

  it.effect.prop(
    "K13 C1 however many chunks are taken back at once, each that it has at a time gets a cell",
    { tasksPerWorker: oneOf(1, 2, 33, 100), lag: oneOf(0, 10), kept: integer(0, 3), seed: integer(0, 1_000_000) },
    ({ kept, lag, seed, tasksPerWorker }) =>
      Effect.promise(async () => {
        const distance = new Distance(tasksPerWorker, lag)
        const most = Math.max(32, tasksPerWorker)
        const chunks = chunksOf(
          distance,
          Array.from({ length: 400 }, () => 1),
          1000,
          0
        )
        let open: Array<Fate> = []
        for (const [n, chunk] of chunks.entries()) {
          if (open.length === most) break
          distance.chunks.run(chunk)
          open.push(chunk)
          if (noise(seed, n) % 4 >= kept) distance.chunks.limitTo(chunk, 0)
          open = open.filter(({ ends }) => ends === 0)
        }
        assert.strictEqual(open.length, most, "more than these can be in hand only once some have ended")
        assert.notInclude(distance.cells, -1)
        await distance.settle()
      }),
    runs(30)
  )

  it.effect("C4 ends an interrupted chunk of which nothing is heard, and leaves the worker to what keeps it", () =>
    Effect.promise(async () => {
      const distance = new Distance(1, 1, 20)
      const [first, second] = chunksOf(distance, [1, 1], 0.1, 0)
      distance.chunks.run(first!)
      distance.chunks.run(second!)
      assert.strictEqual(distance.chunks.granted(second!), 1)
      distance.chunks.interrupt(second!)
      assert.strictEqual(second!.ends, 0, "it may have begun")
      while (second!.ends === 0) await macrotask()
      assert.isUndefined(distance.stuck)
      assert.strictEqual(first!.ends, 0)
      await distance.settle()
      assert.deepStrictEqual(distance.started, [0])
    })
  )

  it.effect("C4 T2 is killed for an item that it has been heard to have begun, and that does not yield", () =>
    Effect.promise(async () => {
      const distance = new Distance(3, 1, 5)
      const task = Portable.make("test:granting", `task${names++}`, () => new Promise(() => {})) as unknown as Code
      const chunk = new Fate(task, [0], 1, 0)
      distance.chunks.run(chunk)
      await distance.reachWorker()
      distance.gather()
      distance.reachPool()
      distance.chunks.interrupt(chunk)
      while (distance.stuck === undefined) await macrotask()
      assert.include(distance.stuck, "did not yield within 5 milliseconds")
      assert.strictEqual(chunk.ends, 0)
    })
  )
})

describe("Allowance", () => {
  it.prop(
    "K13 grants no less than before, no more than there is, what runs at once, and about two round trips of work; no lane waits",
    {
      tasksPerWorker: oneOf(1, 2, 3, 4, 10, 100),
      lag: oneOf(0, 0.2, 10, 80),
      itemTime: oneOf(undefined, 0, 0.001, 1, 7, 1000),
      lengths: oneOf(1, 5, 12, 60, 120),
      // how many outcomes come at once, at most
      outcomes: oneOf(1, 4, 50),
      seed: integer(0, 1_000_000)
    },
    ({ itemTime, lag, lengths, outcomes, seed, tasksPerWorker }) => {
      const cells = Array.from({ length: 4 }, (_, n) => {
        const cell = new GrantedCell(undefined, -1, n)
        cell.open(1 + (noise(seed, n) % lengths))
        return cell
      })
      for (let step = 0; step < 4 * lengths; step++) {
        const allowance = new Allowance(tasksPerWorker, lag)
        let outstanding = 0
        let isOver = false
        for (const cell of cells) {
          const to = allowance.grantOf(cell, itemTime)
          assert.isAtLeast(to, cell.granted)
          assert.isAtMost(to, cell.total)
          if (isOver) assert.strictEqual(to, cell.granted, "what comes later waits")
          cell.granted = to
          outstanding += cell.outstanding
          isOver ||= !cell.isComplete
        }
        const most = itemTime === undefined ? tasksPerWorker : tasksPerWorker + 4 + granted(lag) / itemTime
        assert.isAtMost(outstanding, most)
        const ahead = itemTime === undefined ? 0 : Math.ceil(granted(lag) / itemTime)
        if (cells.some((cell) => !cell.isComplete)) {
          // each lane has an item, and most of what is granted ahead is there: more is granted before they run out of that
          assert.isAtLeast(outstanding, tasksPerWorker + Math.floor((ahead * 3) / 4), "it does not starve")
        }
        const begun = cells.filter((cell) => cell.outstanding > 0)
        const cell = begun[noise(seed + 1, step) % begun.length]
        if (cell === undefined) break
        cell.noteReported(cell.reported, Math.min(cell.outstanding, 1 + (noise(seed + 2, step) % outcomes)))
      }
      assert.isTrue(cells.every(({ isComplete, outstanding }) => isComplete && outstanding === 0))
    },
    runs(300)
  )
})
