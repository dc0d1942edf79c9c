import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import type { Control } from "../src/Channel.ts"
import { Cell, numbers, phases } from "../src/internal/wire/control.ts"
import { integer, noise, runs } from "./support.ts"

const over = (shared: Int32Array): Control => ({
  get: (index) => shared[index]!,
  set: (index, value) => {
    shared[index] = value
  }
})

/** Numbers of which one side's writes wait in a store buffer, so that the other does not see them yet. */
const delayed = (shared: Int32Array): Control => {
  const buffer = new Map<number, number>()
  return {
    get: (index) => buffer.get(index) ?? shared[index]!,
    set: (index, value) => void buffer.set(index, value)
  }
}

class Suspended extends Error {}

/**
 * One of two sides that share numbers, run by one access to them at a time. For each step its program runs again from the
 * beginning: the accesses of the steps before are replayed from the log, and the one after them is made.
 */
class Side<S> {
  readonly program: (control: Control, seen: S) => void
  readonly start: () => S
  readonly log: ReadonlyArray<number>
  /** What the program has noted so far. */
  readonly seen: S
  readonly hasEnded: boolean

  constructor(program: Side<S>["program"], start: () => S, log: ReadonlyArray<number> = []) {
    this.program = program
    this.start = start
    this.log = log
    this.seen = start()
    let next = 0
    const replayed = () => {
      if (next === log.length) throw new Suspended()
      return log[next++]!
    }
    this.hasEnded = ends(() => program({ get: replayed, set: () => void replayed() }, this.seen))
  }

  /** The side after one more access. */
  step(shared: Int32Array): Side<S> {
    let next = 0
    let result = 0
    const step = (access: () => number) => {
      if (next < this.log.length) return this.log[next++]!
      result = access()
      throw new Suspended()
    }
    const control: Control = {
      get: (index) => step(() => shared[index]!),
      set: (index, value) => void step(() => (shared[index] = value))
    }
    ends(() => this.program(control, this.start()))
    return new Side(this.program, this.start, [...this.log, result])
  }
}

/** Runs a program; returns whether it ended, rather than being suspended. */
const ends = (run: () => void): boolean => {
  try {
    run()
    return true
  } catch (cause) {
    if (cause instanceof Suspended) return false
    throw cause
  }
}

/** The worker: takes the cell and claims items one after another, until one must not start. */
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

/** The pool: sets each of the limits that is less than what the worker has kept, as a chunk does. */
const pool = (items: number, limits: ReadonlyArray<number>) =>
  new Side<{ kept: number; limited: number }>(
    (control, seen) => {
      const cell = new Cell(control, 0, 7)
      for (const limit of limits) {
        if (limit >= seen.kept) continue
        seen.kept = cell.limitTo(limit)
        seen.limited++
      }
    },
    () => ({ kept: items, limited: 0 })
  )

/** The numbers as a chunk finds them when another one had the cell before, all of whose items have started. */
const used = (items: number): Int32Array => {
  const shared = new Int32Array(numbers(1))
  const control = over(shared)
  const before = new Cell(control, 0, 6)
  before.open(5)
  before.take()
  for (let position = 0; position < 5; position++) before.claim(position)
  new Cell(control, 0, 7).open(items)
  return shared
}

/** In every interleaving, no item that has started has been taken back. */
const check = (from: ReturnType<typeof worker>, to: ReturnType<typeof pool>): void =>
  assert.isAtMost(from.seen.started, to.seen.kept, `${from.log} / ${to.log}`)

describe("Cell", () => {
  it("F2 C1 in every interleaving of its steps, an item at or beyond what limitTo returned never starts", () => {
    const items = 2
    let schedules = 0
    const explore = (from: ReturnType<typeof worker>, to: ReturnType<typeof pool>, shared: Int32Array): void => {
      check(from, to)
      if (from.hasEnded && to.hasEnded) {
        schedules++
        // nothing but a limit may stop the worker
        if (to.seen.limited === 0) assert.strictEqual(from.seen.started, items)
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

  it("F2 C1 without sequential consistency an item can be started and taken back", () => {
    const shared = used(2)
    new Cell(over(shared), 0, 7).take()
    assert.isTrue(new Cell(delayed(shared), 0, 7).claim(0))
    assert.strictEqual(new Cell(delayed(shared), 0, 7).limitTo(0), 0)
  })

  it("F6 no more items have started than there are, and no fewer than none, whatever the worker's end has been set to", () => {
    const control = over(new Int32Array(numbers(1)))
    const here = new Cell(control, 0, 7)
    here.open(3)
    here.take()
    for (const [set, started] of [
      [2 ** 31 - 1, 3],
      [-1, 0],
      [-(2 ** 31), 0],
      [2, 2]
    ] as const) {
      control.set(7, set)
      assert.strictEqual(here.started, started)
      assert.strictEqual(here.limitTo(1), Math.max(1, started))
    }
  })

  it("F2 limitTo returns at least how many had started before it, and all items without a control", () => {
    const shared = used(4)
    const control = over(shared)
    const [here, there] = [new Cell(control, 0, 7), new Cell(control, 0, 7)]
    // the items that the last chunk started do not count for this one
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
