import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import type { Control } from "../src/Channel.ts"
import { Cell, numbers, phases } from "../src/internal/wire/control.ts"
import { integer, noise, runs } from "./support.ts"

class Suspended extends Error {}

/**
 * One of two sides that share numbers. It is run again from its beginning for each step, and sees again what it has seen,
 * so that it goes on by one access to the numbers at a time.
 */
class Side<S> {
  readonly program: (control: Control, seen: S) => void
  readonly start: () => S
  readonly log: ReadonlyArray<number>
  /** What it has done by now. */
  readonly seen: S
  readonly hasEnded: boolean

  constructor(program: Side<S>["program"], start: () => S, log: ReadonlyArray<number> = []) {
    this.program = program
    this.start = start
    this.log = log
    this.seen = start()
    let at = 0
    const replayed = () => {
      if (at === log.length) throw new Suspended()
      return log[at++]!
    }
    this.hasEnded = catches(() => program({ get: replayed, set: () => void replayed() }, this.seen))
  }

  /** The side after one more access. */
  step(shared: Int32Array): Side<S> {
    let at = 0
    let value = 0
    const next = (access: () => number) => {
      if (at < this.log.length) return this.log[at++]!
      value = access()
      throw new Suspended()
    }
    const control = {
      get: (place: number) => next(() => shared[place]!),
      set: (place: number, to: number) => void next(() => (shared[place] = to))
    }
    catches(() => this.program(control, this.start()))
    return new Side(this.program, this.start, [...this.log, value])
  }
}

/** Whether it came to its end. */
const catches = (run: () => void): boolean => {
  try {
    run()
    return true
  } catch (cause) {
    if (cause instanceof Suspended) return false
    throw cause
  }
}

/** Takes the cell over and claims items one after another, until one must not start. */
const worker = (items: number) =>
  new Side<{ started: number }>(
    (control, seen) => {
      const cell = new Cell(control, 0, 7)
      cell.take()
      cell.enter(phases.loaded)
      for (let position = 0; position < items; position++) {
        if (!cell.claim(position)) return
        seen.started = position + 1
      }
    },
    () => ({ started: 0 })
  )

/** What the pool may do: keep fewer items than it has kept, by one of these limits each, and at last none if it says so. */
const pool = (items: number, limits: ReadonlyArray<number>) =>
  new Side<{ kept: number; keeps: number }>(
    (control, seen) => {
      const cell = new Cell(control, 0, 7)
      for (const limit of limits) {
        if (limit >= seen.kept) continue
        seen.kept = cell.limitTo(limit)
        seen.keeps++
      }
    },
    () => ({ kept: items, keeps: 0 })
  )

/** The numbers as a chunk finds them: another has had its cell, and all of its items have started. */
const used = (items: number): Int32Array => {
  const shared = new Int32Array(numbers(1))
  const control: Control = { get: (place) => shared[place]!, set: (place, value) => void (shared[place] = value) }
  const before = new Cell(control, 0, 6)
  before.open(5)
  before.take()
  for (let position = 0; position < 5; position++) before.claim(position)
  new Cell(control, 0, 7).open(items)
  return shared
}

/** Whatever the order in which the two go on: nothing starts that was taken back, nothing that has started is. */
const check = (from: ReturnType<typeof worker>, to: ReturnType<typeof pool>): void =>
  assert.isAtMost(from.seen.started, to.seen.kept, `${from.log} / ${to.log}`)

describe("Cell", () => {
  it("F2 C1 in every interleaving of its steps, an item at or beyond what keep returned never starts", () => {
    const items = 2
    let schedules = 0
    const explore = (from: ReturnType<typeof worker>, to: ReturnType<typeof pool>, shared: Int32Array): void => {
      check(from, to)
      if (from.hasEnded && to.hasEnded) {
        schedules++
        // all that was kept starts, or comes back by the chunk's end: nothing else may have stopped the worker
        if (to.seen.keeps === 0) assert.strictEqual(from.seen.started, items)
        return
      }
      for (const side of [0, 1]) {
        if ((side === 0 ? from : to).hasEnded) continue
        const copy = shared.slice()
        if (side === 0) explore(from.step(copy), to, copy)
        else explore(from, to.step(copy), copy)
      }
    }
    for (const limits of [[0], [1], [1, 0]]) explore(worker(items), pool(items, limits), used(items))
    assert.isAbove(schedules, 1000)
  })

  it.prop(
    "F2 C1 the same with more items and limits, in random orders; what has started is always less than what is kept",
    {
      items: integer(1, 8),
      limits: Arbitrary.array(integer(0, 8), { minLength: 1, maxLength: 6 }),
      seed: integer(0, 1_000_000)
    },
    ({ items, limits, seed }) => {
      const shared = used(items)
      let [from, to] = [worker(items), pool(items, limits)]
      for (let step = 0; !from.hasEnded || !to.hasEnded; step++) {
        const isWorker = noise(seed, step) % 5 < 1 + (seed % 4)
        if (to.hasEnded || (isWorker && !from.hasEnded)) from = from.step(shared)
        else to = to.step(shared)
        check(from, to)
      }
      // it stops no earlier than the last limit says
      assert.isAtLeast(from.seen.started, Math.min(items, ...limits))
    },
    runs(300)
  )

  it("F2 keep returns at least what had started before it, and where nothing is known all", () => {
    const shared = used(4)
    const control: Control = { get: (place) => shared[place]!, set: (place, value) => void (shared[place] = value) }
    const [here, there] = [new Cell(control, 0, 7), new Cell(control, 0, 7)]
    // what the chunk before had started is not taken for this one's
    assert.strictEqual(here.limitTo(3), 3)
    there.take()
    assert.deepStrictEqual([there.claim(0), there.claim(1)], [true, true])
    assert.strictEqual(here.limitTo(1), 2)
    assert.isFalse(there.claim(2))
    assert.strictEqual(here.limitTo(0), 2)
    here.interrupt()
    assert.isTrue(there.isInterrupted)
    assert.isFalse(there.claim(2))
    assert.strictEqual(new Cell(undefined, -1, 0).limitTo(4), 4)
  })
})
