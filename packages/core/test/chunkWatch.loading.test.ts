/** What counts as the time in which a module has not loaded, by timers and a clock of the test's own. */
import { assert, describe, it } from "@effect/vitest"
import { ChunkWatch, type Overdue, type Watched } from "../src/internal/remote/chunkWatch.ts"
import { Loads } from "../src/internal/served/loads.ts"
import { Cell, phases, Turns, turnLength } from "../src/internal/wire/control.ts"
import type { Chunk } from "../src/WorkerRuntime.ts"
import { sharedNumbers } from "./sharedNumbers.ts"
import { heldTimers } from "./utils/realTime.ts"

/** Where the worker's count is among the numbers. */
const loadingTurns = 4

describe("ChunkWatch, of modules that load", () => {
  const time = heldTimers()

  /** A worker with these phases of its chunks, and what is found of it. */
  const watching = (...chunks: ReadonlyArray<keyof typeof phases>) => {
    const control = sharedNumbers(4)
    const turns = new Turns(control)
    const found: Array<Overdue> = []
    const abandoned: Array<Watched> = []
    const workers: Array<Cell> = []
    const watched = chunks.map((phase, number): Watched => {
      const cell = new Cell(control, number, number)
      cell.open(1)
      const worker = new Cell(control, number, number)
      worker.take()
      worker.enter(phases[phase])
      workers.push(worker)
      const chunk = { timeout: undefined, items: [number] } as unknown as Chunk
      return { chunk, cell, stuck: undefined, interruptedAt: undefined, runningSince: undefined, seenStarted: 0 }
    })
    const limits = { killAfter: 300, startTimeout: 1000 }
    const onOverdue = (overdue: Overdue) => void found.push(overdue)
    const watch = new ChunkWatch(
      limits,
      { chunks: () => watched, abandoned: () => abandoned, turns: () => turns.count, lag: () => 0 },
      onOverdue
    )
    for (const chunk of watched) watch.sent(chunk)
    /** How long it takes until something is found, in milliseconds; the worker turns while `isTurning` says so. */
    const until = async (isTurning: (millis: number) => boolean, most = 60_000): Promise<number | undefined> => {
      for (let millis = 0; millis < most; millis += turnLength / 2) {
        if (millis % turnLength === 0 && isTurning(millis)) turns.add()
        await time.pass(turnLength / 2)
        if (found.length > 0) return millis + turnLength / 2
      }
      watch.stop()
      return undefined
    }
    return { abandoned, control, found, until, watch, watched, workers }
  }

  const about = (millis: number | undefined, expected: number): void => {
    assert.isAtLeast(millis ?? 0, expected)
    assert.isAtMost(millis ?? Number.POSITIVE_INFINITY, expected + 2 * turnLength)
  }

  for (const [when, isTurning, isBlocked] of [
    ["its event loop stands still", () => false, true],
    ["its event loop turns", () => true, false],
    ["its event loop has stopped turning", (millis: number) => millis < 500, true],
    ["its event loop turns again", (millis: number) => millis > 500, false]
  ] as const) {
    it(`T4 nothing else runs there, and ${when}: startTimeout passes`, async () => {
      const { found, until, watched } = watching("loading")
      about(await until(isTurning), 1000)
      const [overdue] = found as [Overdue]
      assert.strictEqual(overdue.chunk, watched[0]!.chunk)
      assert.deepStrictEqual([overdue.what, overdue.isBlocked], ["loading", isBlocked])
    })
  }

  it("T4 an item that computes beside it may take its time; that passes as soon as none does", async () => {
    const { found, until } = watching("loaded", "loading")
    assert.isUndefined(await until(() => false))
    assert.deepStrictEqual(found, [])
    const ending = watching("loaded", "loading")
    const millis = await ending.until((millis) => {
      if (millis === 20_000) ending.watched.shift()
      return false
    })
    about(millis, 21_000)
    assert.deepStrictEqual(
      ending.found.map(({ chunk }) => chunk),
      ending.watched.map(({ chunk }) => chunk)
    )
  })

  it("T4 items that run beside it do not keep a module that does not load alive, while the event loop turns", async () => {
    const { found, until, watched } = watching("loaded", "loading")
    about(await until(() => true), 1000)
    assert.strictEqual(found[0]!.chunk, watched[1]!.chunk)
    assert.deepStrictEqual([found[0]!.what, found[0]!.isBlocked], ["loading", false])
    // by bursts: only the turns count
    const bursts = watching("loaded", "loading")
    about(await bursts.until((millis) => millis % 5000 < 500), 10_000)
  })

  it("T4 what a chunk has waited to be taken up is none of its module's time", async () => {
    const { found, until, workers } = watching("unseen")
    const millis = await until((millis) => {
      if (millis === 900) workers[0]!.enter(phases.loading)
      return false
    })
    about(millis, 1900)
    assert.strictEqual(found[0]!.what, "loading")
  })

  it("T4 neither is what this thread has computed for", async () => {
    const { found, until } = watching("loading")
    const millis = await until((millis) => {
      // it looks late, once
      if (millis === 500) time.clock.now += 60_000
      return false
    })
    about(millis, 1000)
    assert.strictEqual(found.length, 1)
  })

  it("T4 C4 a module that nobody waits for any more costs no item: its time passes while nothing else runs there", async () => {
    const { abandoned, found, until, watched } = watching("loading", "loaded")
    abandoned.push(watched.shift()!)
    const millis = await until((millis) => {
      if (millis === 20_000) watched.shift()
      return true
    })
    about(millis, 21_000)
    assert.strictEqual(found[0]!.chunk, abandoned[0]!.chunk)
    assert.strictEqual(found[0]!.what, "loading")
    // as soon as it has been loaded there is nothing more to look for
    const loaded = watching("loading", "loaded")
    const load = loaded.watched.shift()!
    loaded.abandoned.push(load)
    const never = await loaded.until((millis) => {
      if (millis === 500) loaded.abandoned.pop()
      if (millis === 900) loaded.watched.shift()
      return false
    }, 5000)
    assert.isUndefined(never)
    assert.strictEqual(time.waiting, 0)
  })

  it("C4 a module that nobody waits for keeps a worker that is to leave for killAfter, unless it has heard of that", async () => {
    for (const [isTurning, expected, what] of [
      [() => false, 300, "interruption"],
      // it has a module to wait for, which keeps nothing else
      [(millis: number) => millis === 200, 1000, "loading"]
    ] as const) {
      const { abandoned, found, until, watch, watched } = watching("loading")
      abandoned.push(watched.pop()!)
      watch.leave()
      about(await until(isTurning), expected)
      assert.deepStrictEqual(
        found.map((overdue) => [overdue.what, overdue.chunk]),
        [[what, abandoned[0]!.chunk]]
      )
      watch.stop()
    }
    // what is heard of it only later
    const late = watching("unseen")
    const chunk = late.watched.pop()!
    late.watch.leave()
    const millis = await late.until((millis) => {
      if (millis === 100) late.abandoned.push(chunk)
      if (millis === 100) late.workers[0]!.enter(phases.loading)
      return false
    })
    about(millis, 300)
    assert.strictEqual(late.found[0]!.what, "interruption")
    const { found, until, watch, watched } = watching("loaded")
    watch.leave()
    watched.pop()
    assert.isUndefined(await until(() => false, 5000))
    assert.deepStrictEqual(found, [])
  })

  it("T4 F6 turns that cannot be bring nothing about sooner than real time does", async () => {
    for (const told of [-5, 2 ** 31 - 1, -(2 ** 31)]) {
      const { control, until } = watching("loaded", "loading")
      const elapsed = await until((millis) => {
        control.set(loadingTurns, millis % 200 === 0 ? told : 0)
        return false
      })
      if (elapsed !== undefined) assert.isAtLeast(elapsed, 1000)
    }
  })
})

describe("Loads", () => {
  const time = heldTimers()

  it("T4 counts turns of the event loop while something loads, and sets no timer otherwise", async () => {
    const control = sharedNumbers(1)
    const turns = new Turns(control)
    const loads = new Loads(turns)
    assert.strictEqual(time.waiting, 0)
    loads.begin(1)
    loads.begin(2)
    assert.strictEqual(time.waiting, 1)
    for (let n = 0; n < 5; n++) await time.pass(turnLength)
    assert.strictEqual(turns.count, 5)
    loads.end(1)
    await time.pass(turnLength)
    assert.strictEqual(turns.count, 6)
    loads.end(2)
    assert.strictEqual(time.waiting, 0)
    loads.turned()
    assert.strictEqual(turns.count, 6)
    loads.begin(3)
    loads.turned()
    assert.strictEqual(turns.count, 7)
    loads.stop()
    loads.begin(4)
    loads.begin(5)
    assert.strictEqual(time.waiting, 0)
  })

  it("C4 K13 keeps what is said of a chunk meanwhile", () => {
    const loads = new Loads(new Turns(sharedNumbers(1)))
    loads.begin(1)
    loads.begin(2)
    const grant = { _tag: "Grant", chunk: 1, items: 3, last: false } as const
    loads.grant(grant)
    loads.grant({ ...grant, chunk: 7 })
    loads.interrupt(2)
    loads.interrupt(7)
    assert.deepStrictEqual(loads.end(1), { isWanted: true, granted: [grant] })
    assert.deepStrictEqual(loads.end(2), { isWanted: false, granted: [] })
    assert.deepStrictEqual(loads.end(7), { isWanted: false, granted: [] })
  })
})
