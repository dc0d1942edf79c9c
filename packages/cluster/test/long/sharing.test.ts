/** Several drivers, each a process, on one runner. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { eventually, secret, startRunner } from "../runners.ts"

interface SharerOptions {
  readonly address: string
  readonly size: number
  /** How long an `init` takes, in milliseconds. */
  readonly init: number
  readonly items: number
  /** How long an item takes. */
  readonly millis: number
  /** In milliseconds. */
  readonly roomTimeout: number
}

class Sharer {
  readonly child: ChildProcess
  readonly lines: Array<{ readonly text: string; readonly at: number }> = []
  /** When it ended, and with which code. */
  ended: { readonly at: number; readonly code: number | null } | undefined = undefined

  constructor(child: ChildProcess) {
    this.child = child
    createInterface(child.stdout!).on("line", (text) => this.lines.push({ text, at: performance.now() }))
    child.once("close", (code) => {
      this.ended = { at: performance.now(), code }
    })
  }

  count(text: string): number {
    return this.lines.filter((line) => line.text.startsWith(text)).length
  }

  /** How many of its workers take items. */
  get ready(): number {
    // a worker that was asked back before it took items is none of these
    return this.count("WorkerInitialised") - this.count("WorkerReleased")
  }

  get results(): unknown {
    const last = this.lines.find(({ text }) => text.startsWith("results "))
    return last === undefined ? undefined : JSON.parse(last.text.slice("results ".length))
  }
}

const program = fileURLToPath(new URL("../fixtures/sharer.ts", import.meta.url))

/** Starts a driver; the Scope kills it. */
const startSharer = (options: SharerOptions): Effect.Effect<Sharer, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const settings = JSON.stringify({ ...options, secret })
      return new Sharer(spawn(process.execPath, [program, settings], { stdio: ["ignore", "pipe", "inherit"] }))
    }),
    ({ child }) => Effect.sync(() => void child.kill("SIGKILL"))
  )

/** A runner's default, in milliseconds. */
const minTenure = 10_000

/**
 * What a turn takes beyond what the model counts, in milliseconds, on a machine on which six processes start at once: ending a
 * worker, telling of it, connecting and starting a thread, twice.
 */
const overhead = 5_000

const until = (isSo: () => boolean) => eventually(Effect.sync(isSo))

describe("drivers that share a runner", () => {
  /** Accident: there are more drivers than slots. */
  it.live("K6 K7 five of them on four slots with long `init`s take turns, and none gives up", () =>
    Effect.gen(function* () {
      const runner = yield* startRunner({ slots: 4, secret, minTenure: 200 })
      const work = { address: runner.address, size: 4, init: 1000, millis: 50, roomTimeout: 15_000 }
      const others: Array<Sharer> = []
      for (let n = 0; n < 4; n++) {
        const sharer = yield* startSharer({ ...work, items: 100_000 })
        others.push(sharer)
        yield* until(() => sharer.ready > 0)
      }
      // these never end by themselves, so that what it gets is what they were asked for
      const fifth = yield* startSharer({ ...work, items: 100 })
      yield* until(() => fifth.ended !== undefined)
      assert.strictEqual(fifth.ended!.code, 0)
      assert.deepStrictEqual(
        fifth.results,
        Array.from({ length: 100 }, (_, n) => n * n)
      )
      // it has been asked for its worker too, in its turn
      assert.isAbove(fifth.count("WorkerInitialised"), 1)
      const done = others.map((sharer) => sharer.count("item"))
      yield* until(() => others.every((sharer, n) => sharer.count("item") > done[n]!))
      assert.isTrue(others.every(({ ended }) => ended === undefined))
    })
  )

  /** Accident: there are more drivers than slots, and their `init`s take 30 seconds. */
  it.live(
    "K6 K7 five of them on four slots go on, each of them within two `init`s, a tenure and an item, and none gives up",
    () =>
      Effect.gen(function* () {
        const runner = yield* startRunner({ slots: 4, secret })
        const work = { init: 30_000, items: 100_000, millis: 500, roomTimeout: 30_000 }
        /**
         * What the model says (K6): whoever has no worker gets the slot of one that has just been granted, at worst. That one is
         * left alone for its `init` and, from then on, for the longer of `minTenure` and as long as its `init` took; its item ends;
         * and then there is another `init`.
         */
        const bound = work.init + Math.max(minTenure, work.init) + work.millis + work.init
        const sharers: Array<Sharer> = []
        for (let n = 0; n < 5; n++) sharers.push(yield* startSharer({ ...work, address: runner.address, size: 4 }))
        const isHere = ({ lines }: Sharer) => lines.some(({ text }) => text === "here")
        yield* until(() => sharers.every(isHere))
        const end = performance.now() + 2 * bound
        const isOver = ({ lines }: Sharer) => lines.some(({ at, text }) => at > end && text.startsWith("item"))
        while (!sharers.every((sharer) => sharer.ended !== undefined || isOver(sharer))) yield* Effect.sleep(100)
        const gaps = sharers.map(({ ended, lines }) => {
          assert.isUndefined(ended)
          const times = lines.filter(({ text }) => text === "here" || text.startsWith("item")).map(({ at }) => at)
          return Math.max(...times.slice(1).map((at, n) => at - times[n]!))
        })
        assert.isAtMost(Math.max(...gaps), bound + overhead, `milliseconds: ${gaps.map(Math.round).join(", ")}`)
        // each has been asked for a worker, and has had another
        for (const sharer of sharers) assert.isAbove(sharer.count("WorkerInitialised"), 1)
      }),
    400_000
  )

  /** Accident: a driver dies that shares a runner with another. */
  it.live("K6 when one of two ends, the other has all slots within a second of an `init` of 100 ms", () =>
    Effect.gen(function* () {
      const runner = yield* startRunner({ slots: 4, secret, minTenure: 200 })
      const work = { address: runner.address, size: 4, init: 100, items: 100_000, millis: 20, roomTimeout: 30_000 }
      const first = yield* startSharer(work)
      yield* until(() => first.ready === 4)
      const second = yield* startSharer(work)
      yield* until(() => second.ready === 2 && first.ready === 2)
      // an attempt that finds no room is told to nobody
      const begun = second.count("WorkerStarting")
      assert.strictEqual(begun, 2)
      yield* Effect.sync(() => first.child.kill("SIGKILL"))
      yield* until(() => second.ready === 4)
      const at = second.lines.findLast(({ text }) => text === "WorkerInitialised")!.at
      assert.isBelow(at - first.ended!.at, 1000)
    })
  )
})
