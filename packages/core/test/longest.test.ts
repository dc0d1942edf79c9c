import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import { ItemLoop } from "../src/internal/served/itemLoop.ts"
import { Cell } from "../src/internal/wire/control.ts"
import { Longest, type Timed } from "../src/internal/wire/longest.ts"
import type * as protocol from "../src/internal/wire/protocol.ts"
import { isFromWorker } from "../src/internal/wire/wellFormed.ts"
import { integer, optional, runs } from "./support.ts"
import { heldClock, macrotask } from "./utils/realTime.ts"

const clock = heldClock()

/** A worker's loop; time passes where its tasks let it. */
class Bench {
  readonly sent: Array<protocol.Results> = []
  readonly waiting: Array<() => void> = []
  private readonly loop: ItemLoop
  private chunks = 0

  /** A report takes `sending` milliseconds. */
  constructor(tasksPerWorker = 1, sending = 0) {
    const send = (message: protocol.FromWorker) => {
      this.sent.push(message as protocol.Results)
      clock.now += sending
    }
    this.loop = new ItemLoop({
      self: { id: 0, generation: 1, state: undefined },
      sender: { send, sendPlain: send, check: () => {} },
      flushed: undefined,
      stayAwake: undefined,
      observer: { add() {}, added() {}, chunkEnds() {} },
      runEffect: () => () => {}
    })
    this.loop.tasksPerWorker = tasksPerWorker
  }

  run(items: ReadonlyArray<number>, task: (millis: number) => unknown, options: Partial<protocol.Run> = {}): void {
    const chunk = this.chunks++
    const run: protocol.Run = {
      _tag: "Run",
      chunk,
      cell: -1,
      task: 0,
      items,
      errors: [],
      encoded: false,
      timeout: undefined,
      discard: false,
      reportInterval: 50,
      longerThan: 0,
      ...options
    }
    this.loop.add(run, { call: task as never, codecs: undefined }, new Cell(undefined, -1, chunk))
  }

  /** Lets it go on until all chunks have ended: after some time it lets messages in. */
  async end(): Promise<void> {
    while (this.sent.filter(({ ended }) => ended).length < this.chunks) await macrotask()
  }

  /** What it has told, by chunk. */
  long(chunk: number): ReadonlyArray<Timed> {
    return this.sent.filter((message) => message.chunk === chunk).flatMap(({ long }) => long ?? [])
  }
}

const spin = (millis: number): number => {
  clock.now += millis
  return millis
}

const inOrder = (long: ReadonlyArray<Timed>) => long.toSorted((one, other) => other[2] - one[2])

describe("Longest", () => {
  it.prop(
    "O1 keeps the five longest, and says what another one has to exceed",
    { all: Arbitrary.array(integer(0, 50), { minLength: 0, maxLength: 40 }), least: integer(0, 30) },
    ({ all, least }) => {
      const longest = new Longest<number>(least)
      for (const millis of all) if (millis > longest.threshold) longest.add(millis, millis)
      const expected = all
        .filter((millis) => millis > least)
        .toSorted((one, other) => other - one)
        .slice(0, 5)
      assert.deepStrictEqual(longest.values, expected)
      assert.strictEqual(longest.threshold, expected[4] ?? least)
    },
    runs(300)
  )
})

describe("the item loop", () => {
  it.effect.prop(
    "O1 tells the five longest items of a chunk, or groups of short ones that hold them",
    {
      items: Arbitrary.array(integer(0, 12), { minLength: 1, maxLength: 120 }),
      longerThan: integer(0, 3),
      timeout: optional(integer(1000, 2000)),
      reportInterval: integer(0, 30),
      sending: integer(0, 500)
    },
    ({ items: sizes, longerThan, reportInterval, sending, timeout }) =>
      Effect.promise(async () => {
        // from less than a microsecond to some milliseconds
        const items = sizes.map((size) => 2 ** size / 1000)
        const bench = new Bench(1, sending)
        bench.run(items, spin, { longerThan, timeout, reportInterval: timeout === undefined ? reportInterval : 0 })
        await bench.end()
        const long = inOrder(bench.long(0))
        const told = new Set<number>()
        for (const [position, many, millis] of long) {
          assert.isAtMost(many, 16)
          assert.isAbove(millis, longerThan)
          // those that are named took just that long
          const named = items.slice(position, position + many)
          assert.strictEqual(named.length, many)
          const took = named.reduce((sum, item) => sum + item, 0)
          // an outcome that is reported by itself is a part of its item
          if (reportInterval > 0 && timeout === undefined) assert.closeTo(millis, took, 1e-6)
          else assert.isAtLeast(millis, took - 1e-6)
          for (let n = 0; n < many; n++) told.add(position + n)
        }
        // each of the five longest is named, alone or in its group
        const sorted = items
          .map((millis, position) => ({ millis, position }))
          .toSorted((one, other) => other.millis - one.millis)
        const fifth = long[4]?.[2] ?? longerThan
        for (const { millis, position } of sorted.slice(0, 5))
          if (millis > fifth + 1e-6) assert.isTrue(told.has(position))
      }),
    runs(300)
  )

  it("O1 names a long item among short ones, if only as one of its group", async () => {
    const bench = new Bench()
    bench.run(
      Array.from({ length: 64 }, (_, n) => (n === 40 ? 300 : 0.001)),
      spin
    )
    await bench.end()
    const [position, many, millis] = inOrder(bench.long(0))[0]!
    assert.closeTo(millis, 300, 0.1)
    assert.isAtMost(position, 40)
    assert.isAbove(position + many, 40)
    // items of a millisecond are looked at one by one
    const slow = new Bench()
    slow.run(
      Array.from({ length: 64 }, (_, n) => (n === 40 ? 300 : 1)),
      spin
    )
    await slow.end()
    assert.deepStrictEqual(inOrder(slow.long(0))[0], [40, 1, 300])
  })

  it("O1 tells an item that waits when it ends, and each of several at once", async () => {
    const bench = new Bench(20)
    const wait = (millis: number) => new Promise<number>((resolve) => bench.waiting.push(() => resolve(millis)))
    bench.run([10, 300, 20], wait)
    clock.now += 10
    bench.waiting[0]!()
    await macrotask()
    clock.now += 10
    bench.waiting[2]!()
    await macrotask()
    clock.now += 280
    bench.waiting[1]!()
    await macrotask()
    assert.deepStrictEqual(inOrder(bench.long(0)), [
      [1, 1, 300],
      [2, 1, 20],
      [0, 1, 10]
    ])
  })

  it("O1 an item that waits is not charged with the short ones before it", async () => {
    const bench = new Bench(4)
    const wait = (millis: number) => new Promise<number>((resolve) => bench.waiting.push(() => resolve(millis)))
    bench.run([0.001, 0.001, 0.001, 200, -1, 0.001], (millis) => (millis < 0 ? wait(millis) : spin(millis)))
    while (bench.waiting.length === 0) await macrotask()
    clock.now += 30
    bench.waiting[0]!()
    await bench.end()
    const long = inOrder(bench.long(0))
    // the group that had the long one in it, and then the one that waited
    assert.closeTo(long[0]![2], 200, 0.1)
    assert.isAbove(long[0]![1], 1)
    const [, many, millis] = long.find(([position]) => position === 4)!
    assert.strictEqual(many, 1)
    assert.closeTo(millis, 30, 0.1)
  })

  it("O1 an item after some that wait is not timed with them, though these begin fast", async () => {
    const bench = new Bench(8)
    const wait = () => new Promise<number>((resolve) => bench.waiting.push(() => resolve(0)))
    const task = (millis: number) => {
      spin(Math.max(0.001, millis))
      return millis < 0 ? wait() : millis
    }
    bench.run([-1, -1, 200, -1, -1, -1, 300], task)
    while (bench.waiting.length < 5) await macrotask()
    for (const end of bench.waiting) end()
    await bench.end()
    const long = bench.long(0).filter(([position]) => [2, 6].includes(position))
    assert.deepStrictEqual(
      long.map(([position, many, millis]) => [position, many, Math.round(millis)]),
      [
        [2, 1, 200],
        [6, 1, 300]
      ]
    )
    assert.isTrue(bench.long(0).every(([, many]) => many === 1))
  })

  it("O1 neither the report before an item nor the end of the chunk before it is a part of its time", async () => {
    const bench = new Bench(1, 500)
    bench.run([20, 40, 20, 20], spin, { reportInterval: 10 })
    bench.run([5, 7], spin)
    await bench.end()
    assert.deepStrictEqual(inOrder(bench.long(0)), [
      [1, 1, 40],
      [0, 1, 20],
      [2, 1, 20],
      [3, 1, 20]
    ])
    assert.deepStrictEqual(inOrder(bench.long(1)), [
      [1, 1, 7],
      [0, 1, 5]
    ])
  })

  it("O1 tells only what takes longer than the pool wants to know, and nothing where it does not", async () => {
    const bench = new Bench()
    bench.run([1, 5, 9, 3], spin, { longerThan: 4, reportInterval: 1 })
    await bench.end()
    assert.deepStrictEqual(bench.long(0), [
      [1, 1, 5],
      [2, 1, 9]
    ])
    bench.run([100, 200], spin, { longerThan: undefined })
    await bench.end()
    assert.deepStrictEqual(bench.long(1), [])
    assert.isFalse(bench.sent.some((message) => "long" in message && message.chunk === 1))
  })

  it("O1 tells each once, however many reports a chunk takes", async () => {
    const bench = new Bench()
    bench.run([9, 8, 7, 6, 5, 4, 3, 10], spin, { reportInterval: 1 })
    await bench.end()
    assert.deepStrictEqual(
      bench.long(0).map(([position]) => position),
      [0, 1, 2, 3, 4, 7]
    )
  })
})

describe("what a worker says took long", () => {
  const results = { _tag: "Results", chunk: 0, from: 0, count: 1, millis: 1, values: [1], others: [], ended: true }

  it("F6 O1 is a position, a number of items and a time", () => {
    assert.isTrue(isFromWorker({ ...results, long: [[0, 1, 3.5]] }))
    assert.isTrue(isFromWorker({ ...results, long: undefined }))
    for (const long of [3, {}, [3], [[0, 1]], [[-1, 1, 1]], [[0, 0, 1]], [[0, 1, "1"]], [[0.5, 1, 1]]]) {
      assert.isFalse(isFromWorker({ ...results, long }), JSON.stringify(long))
    }
  })
})
