/* oxlint-disable unicorn/no-thenable -- thenables of users' own are what this is about */
import { assert, describe, it } from "@effect/vitest"
import type { Channel } from "../src/Channel.ts"
import { ItemLoop } from "../src/internal/served/itemLoop.ts"
import { WorkerContextImpl } from "../src/internal/task/workerContext.ts"
import { Cell, phases } from "../src/internal/wire/control.ts"
import type * as protocol from "../src/internal/wire/protocol.ts"
import * as realTime from "../src/internal/task/realTime.ts"
import { sharedNumbers } from "./sharedNumbers.ts"
import { heldClock, macrotask } from "./utils/realTime.ts"

const clock = heldClock()

type Task = (item: number, worker: WorkerContextImpl) => unknown

/** A loop, and what it sends. */
class Bench {
  readonly control = sharedNumbers(4)
  readonly sent: Array<protocol.Results> = []
  readonly loop: ItemLoop
  private chunks = 0

  constructor(
    options: {
      readonly tasksPerWorker?: number
      readonly flushed?: Channel["flushed"]
      readonly runEffect?: () => () => void
    } = {}
  ) {
    const { flushed, runEffect = () => () => {}, tasksPerWorker = 1 } = options
    this.loop = new ItemLoop({
      self: { id: 0, generation: 1, state: undefined },
      sender: {
        send: (message) => void this.sent.push(structuredClone(message) as protocol.Results),
        sendPlain: (message) => void this.sent.push(structuredClone(message) as protocol.Results),
        check: (value) => void structuredClone(value)
      },
      observer: { add() {}, added() {}, chunkEnds() {} },
      flushed,
      stayAwake: undefined,
      runEffect
    })
    this.loop.tasksPerWorker = tasksPerWorker
  }

  /** Sends a chunk; returns the pool's end of its cell. */
  run(items: ReadonlyArray<number>, task: Task, options: Partial<protocol.Run> = {}): Cell {
    const chunk = this.chunks++
    const number = options.cell ?? chunk % 4
    const pool = new Cell(this.control, number, chunk)
    pool.open(items.length)
    const worker = new Cell(this.control, number, chunk)
    worker.take()
    worker.enter(phases.loaded)
    const run = {
      _tag: "Run",
      chunk,
      cell: number,
      task: 0,
      items,
      errors: [],
      encoded: false,
      timeout: undefined
    } as const
    const call = task as (item: unknown, worker: WorkerContextImpl) => unknown
    this.loop.add({ ...run, discard: false, reportInterval: 1, ...options }, { call, codecs: undefined }, worker)
    return pool
  }

  get values(): ReadonlyArray<unknown> {
    return this.sent.flatMap(({ values }) => values)
  }

  get hasEnded(): boolean {
    return this.sent.some(({ ended }) => ended)
  }
}

describe("a chunk's cell", () => {
  it("C4 an interruption set there stops before the next item, without a message", () => {
    const bench = new Bench()
    const started: Array<number> = []
    let pool: Cell
    const chunk = () => new Cell(bench.control, 0, 0)
    bench.run([1, 2, 3, 4], (n) => {
      pool = chunk()
      started.push(n)
      assert.strictEqual(pool.started, n)
      if (n === 2) pool.interrupt()
      return n
    })
    assert.deepStrictEqual(started, [1, 2])
    assert.deepStrictEqual(bench.values, [1, 2])
    assert.isTrue(bench.hasEnded)
    assert.strictEqual(pool!.started, 2, "an item that did not start does not count as started")
  })

  it("F2 says how many have started, of its own chunk only", () => {
    const bench = new Bench()
    const first = bench.run([1, 2, 3], (n) => n, { cell: 0 })
    assert.strictEqual(first.started, 3)
    const seen: Array<number | undefined> = []
    const second = bench.run([1, 2], (n) => seen.push(first.started, n), { cell: 0 })
    assert.strictEqual(second.started, 2)
    assert.strictEqual(first.started, 0)
    assert.deepStrictEqual(seen, [0, 1, 0, 2])
    assert.strictEqual(first.phase, phases.unseen)
    assert.strictEqual(second.phase, phases.loaded)
  })

  it("F2 without numbers nothing is known", () => {
    const cell = new Cell(undefined, -1, 0)
    cell.open(3)
    assert.isTrue(cell.claim(0))
    assert.deepStrictEqual([cell.started, cell.isKnown, cell.isInterrupted], [undefined, false, false])
  })
})

describe("reporting", () => {
  it("F2 without a report interval sends each outcome before the next item starts", () => {
    const bench = new Bench()
    const sentAtStart: Array<number> = []
    bench.run([1, 2, 3, 4], (n) => (sentAtStart.push(bench.values.length), n), { reportInterval: 0 })
    assert.deepStrictEqual(sentAtStart, [0, 1, 2, 3])
    assert.deepStrictEqual(bench.values, [1, 2, 3, 4])
    assert.strictEqual(bench.sent.length, 4)
    assert.deepStrictEqual(
      bench.sent.map(({ ended }) => ended),
      [false, false, false, true]
    )
  })

  it("F2 it waits until an outcome has left, the last one of a chunk as well", async () => {
    const waiting: Array<() => void> = []
    const bench = new Bench({ flushed: (resume) => void waiting.push(resume) })
    const started: Array<number> = []
    const task: Task = (n) => (started.push(n), n)
    bench.run([1, 2], task, { reportInterval: 0 })
    bench.run([3, 4], task)
    for (const expected of [[1], [1, 2]]) {
      await macrotask()
      assert.deepStrictEqual(started, expected)
      assert.strictEqual(waiting.length, 1)
      waiting.shift()!()
    }
    await macrotask()
    // the second chunk does not report each
    assert.deepStrictEqual(started, [1, 2, 3, 4])
    assert.deepStrictEqual(bench.values, [1, 2, 3, 4])
  })

  it("F2 it takes new chunks and interruptions while it waits", async () => {
    const waiting: Array<() => void> = []
    const bench = new Bench({ flushed: (resume) => void waiting.push(resume) })
    bench.run([1, 2, 3], (n) => n, { reportInterval: 0 })
    bench.run([4], (n) => n)
    bench.loop.interrupt(0)
    assert.deepStrictEqual(bench.values, [1])
    waiting.shift()!()
    await macrotask()
    for (const resume of waiting.splice(0)) resume()
    assert.deepStrictEqual(bench.values, [1, 4])
    assert.strictEqual(bench.sent.filter(({ ended }) => ended).length, 2)
  })

  it("F2 100,000 items whose outcomes leave at once neither recurse nor keep messages out", async () => {
    const bench = new Bench({ flushed: (resume) => resume() })
    const items = Array.from({ length: 100_000 }, (_, n) => n)
    let started = 0
    let last = 0
    let most = 0
    const breathe = () => {
      most = Math.max(most, started - last)
      last = started
      if (started < items.length) realTime.defer(breathe)
    }
    realTime.defer(breathe)
    const task: Task = (n) => {
      started++
      clock.now += 0.01
      return n
    }
    bench.run(items, task, { reportInterval: 0 })
    while (bench.sent.length < items.length) await macrotask()
    assert.isTrue(bench.hasEnded)
    assert.strictEqual(bench.values.length, 100_000)
    // messages are let in after 10 milliseconds of items
    assert.approximately(most, 1000, 20)
  })

  it("F2 the same when they leave a little later", async () => {
    const bench = new Bench({ flushed: (resume) => queueMicrotask(resume) })
    const items = Array.from({ length: 20_000 }, (_, n) => n)
    let turns = 0
    const count = () => {
      turns++
      if (!bench.hasEnded) realTime.defer(count)
    }
    realTime.defer(count)
    bench.run(
      items,
      (n) => {
        clock.now += 0.002
        return n
      },
      { reportInterval: 0 }
    )
    while (!bench.hasEnded) await macrotask()
    // 40 milliseconds of items
    assert.isAtLeast(turns, 4)
    assert.deepStrictEqual(bench.values, items)
  })
})

describe("a task's worker context", () => {
  it("C4 interrupted and the signal see the cell", () => {
    const bench = new Bench()
    const seen: Array<unknown> = []
    bench.run([1], (_, worker) => {
      const { signal } = worker
      let aborts = 0
      signal.addEventListener("abort", () => aborts++)
      seen.push(worker.interrupted, signal.aborted)
      signal.throwIfAborted()
      new Cell(bench.control, 0, 0).interrupt()
      seen.push(signal.aborted, worker.interrupted, aborts)
      assert.throws(() => signal.throwIfAborted())
      assert.strictEqual(worker.signal, signal)
    })
    assert.deepStrictEqual(seen, [false, false, true, true, 1])
  })

  it("C4 a signal that is made late is aborted already", () => {
    const source = { isInterrupted: true }
    const context = new WorkerContextImpl(0, 1, undefined, source)
    assert.isTrue(context.interrupted)
    assert.isTrue(context.signal.aborted)
    const unread = new WorkerContextImpl(0, 1, undefined, source)
    assert.throws(() => unread.signal.throwIfAborted())
  })

  it("T2 they see the item's deadline", () => {
    const bench = new Bench()
    bench.run(
      [1],
      (_, worker) => {
        const { signal } = worker
        assert.isFalse(worker.interrupted)
        clock.now += 3
        assert.deepStrictEqual([worker.interrupted, signal.aborted], [false, false])
        clock.now += 1
        assert.deepStrictEqual([worker.interrupted, signal.aborted], [true, true])
        return 1
      },
      { timeout: 3 }
    )
    assert.deepStrictEqual(
      bench.sent.flatMap(({ others }) => others),
      [[0, { _tag: "TimedOut" }]]
    )
  })

  it("C4 after the item's end they say nothing of a later chunk, nor of the time", () => {
    const bench = new Bench()
    const kept: Array<WorkerContextImpl> = []
    const signals: Array<AbortSignal> = []
    bench.run([1], (_, worker) => (kept.push(worker), signals.push(worker.signal)), { cell: 0, timeout: 1000 })
    bench.run(
      [1],
      () => {
        new Cell(bench.control, 0, 1).interrupt()
        assert.deepStrictEqual([kept[0]!.interrupted, signals[0]!.aborted], [false, false])
      },
      { cell: 0 }
    )
    const late = new WorkerContextImpl(0, 1, undefined, { isInterrupted: false }, clock.now - 1)
    late.end()
    assert.isFalse(late.interrupted)
  })

  it("F8 a listener that throws harms neither the others nor the worker", async () => {
    const uncaught: Array<unknown> = []
    const note = (error: unknown) => void uncaught.push(error)
    const before = process.listeners("uncaughtException")
    process.removeAllListeners("uncaughtException")
    process.on("uncaughtException", note)
    const seen: Array<string> = []
    const throwing = () => {
      seen.push("throwing")
      throw new Error("from a listener")
    }
    const removed = () => void seen.push("removed")
    const bench = new Bench({ tasksPerWorker: 2 })
    const wait: Task = (n, { signal }) =>
      new Promise((resolve) => {
        // oxlint-disable-next-line unicorn/prefer-add-event-listener -- one way to listen, next to the others
        signal.onabort = throwing
        assert.strictEqual(signal.onabort, throwing)
        signal.addEventListener("abort", throwing)
        signal.addEventListener("abort", throwing)
        signal.addEventListener("abort", { handleEvent: throwing }, { once: true })
        signal.addEventListener("abort", removed)
        signal.removeEventListener("abort", removed)
        signal.addEventListener("abort", function (this: unknown, { type }) {
          seen.push(`${type} ${this === signal}`)
          resolve(n)
        })
      })
    bench.run([1], wait)
    bench.loop.interrupt(0)
    for (let turn = 0; turn < 3; turn++) await macrotask()
    process.off("uncaughtException", note)
    for (const listener of before) process.on("uncaughtException", listener)
    assert.deepStrictEqual(uncaught, [])
    assert.deepStrictEqual(seen, ["throwing", "throwing", "throwing", "abort true"])
    assert.isTrue(bench.hasEnded)
  })

  it("C4 a message that comes to a waiting item aborts its signal, and nobody else's", async () => {
    const bench = new Bench({ tasksPerWorker: 2 })
    const aborted: Array<number> = []
    const wait: Task = (n, { signal }) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          aborted.push(n)
          resolve(n)
        })
      })
    bench.run([1], wait)
    bench.run([2], wait)
    bench.loop.interrupt(1)
    await macrotask()
    assert.deepStrictEqual(aborted, [2])
    bench.loop.interrupt(0)
    await macrotask()
    assert.deepStrictEqual(aborted, [2, 1])
    assert.strictEqual(bench.sent.filter(({ ended }) => ended).length, 2)
  })
})

describe("users' code in the loop", () => {
  const thrown = new Error("thrown")
  const fail = (): never => {
    throw thrown
  }
  const thenable = (then: unknown) => ({ then })
  const effectLike = (more: object) => Object.assign(Object.create({ "~effect/Effect": {}, "~effect/Exit": {} }), more)

  /** What a task returns, and how its item ends: with a value, a defect, or NotSerializable. */
  const returned: ReadonlyArray<readonly [string, () => unknown, unknown]> = [
    ["a Proxy whose has throws", () => new Proxy({}, { has: fail }), thrown],
    ["a Proxy whose get throws", () => new Proxy({}, { get: fail }), "NotSerializable"],
    ["a `then` getter that throws", () => Object.defineProperty({}, "then", { get: fail }), thrown],
    ["a `then` that throws", () => thenable(fail), thrown],
    [
      "a `then` that calls back and throws",
      () =>
        thenable((resolve: (value: unknown) => void) => {
          resolve(1)
          fail()
        }),
      1
    ],
    [
      "a `then` that calls back twice, at once",
      () => thenable((resolve: (value: unknown) => void) => [resolve(1), resolve(2)]),
      1
    ],
    [
      "a `then` that calls back both ways, now and later",
      () =>
        thenable((resolve: (value: unknown) => void, reject: (defect: unknown) => void) => {
          queueMicrotask(() => resolve(2))
          reject(thrown)
          queueMicrotask(() => reject(thrown))
        }),
      thrown
    ],
    [
      "a Promise with a `then` of its own that calls back twice and throws",
      () =>
        Object.assign(Promise.resolve(), {
          then: (resolve: (value: unknown) => void) => {
            resolve(1)
            resolve(2)
            fail()
          }
        }),
      1
    ],
    [
      "a Promise whose constructor throws",
      () => Object.defineProperty(Promise.resolve(), "constructor", { get: fail }),
      thrown
    ],
    [
      "a Promise of what cannot be read",
      () => Promise.resolve(Object.defineProperty({}, "any", { get: fail, enumerable: true })),
      "NotSerializable"
    ],
    ["an Exit of no kind", () => effectLike({}), "NotSerializable"],
    [
      "an Exit whose kind throws",
      () => Object.defineProperty(effectLike({}), "_tag", { get: fail }),
      "NotSerializable"
    ],
    ["a failed Exit without a Cause", () => effectLike({ _tag: "Failure" }), "NotSerializable"],
    ["a failed Exit with a Cause of nonsense", () => effectLike({ _tag: "Failure", cause: { reasons: [1] } }), "any"],
    ["an Effect that cannot be run", () => Object.create({ "~effect/Effect": {} }), thrown]
  ]

  const outcomeAt = (sent: ReadonlyArray<protocol.Results>, position: number): unknown => {
    for (const { count, from, others, values } of sent) {
      if (position < from || position >= from + count) continue
      const other = others.find(([offset]) => from + offset === position)?.[1]
      if (other === undefined) return values[position - from]
      if (other._tag !== "Failure") return other._tag
      const [reason] = other.reasons
      if (reason?._tag !== "Die") return reason
      return reason.defect._tag === "Error" && reason.defect.message === thrown.message ? thrown : reason.defect
    }
    return "none"
  }

  for (const tasksPerWorker of [1, 3]) {
    for (const [what, make, expected] of returned) {
      it(`F8 ${what} ends its item alone, ${tasksPerWorker} at once`, async () => {
        const bench = new Bench({ tasksPerWorker, runEffect: fail })
        bench.run([1, 2, 3], (n) => (n === 2 ? make() : n * 10))
        bench.run([4], (n) => n)
        for (let turn = 0; turn < 5; turn++) await macrotask()
        assert.strictEqual(bench.sent.filter(({ ended }) => ended).length, 2)
        const sent = bench.sent.filter(({ chunk }) => chunk === 0)
        const all = [0, 1, 2].map((position) => outcomeAt(sent, position))
        assert.deepStrictEqual([all[0], all[2]], [10, 30])
        if (expected !== "any") assert.deepStrictEqual(all[1], expected)
        // it is not left running, nor does it count an item twice
        bench.run([5, 6, 7], (n) => Promise.resolve(n))
        for (let turn = 0; turn < 5; turn++) await macrotask()
        assert.deepStrictEqual(
          bench.sent.filter(({ chunk }) => chunk === 2).flatMap(({ values }) => values),
          [5, 6, 7]
        )
      })
    }
  }
})
