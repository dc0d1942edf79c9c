import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Observer } from "../src/internal/served/observer.ts"
import type { ObservedRecord } from "../src/internal/wire/observed.ts"
import type * as protocol from "../src/internal/wire/protocol.ts"
import { heldClock } from "./utils/realTime.ts"

const record = (n: number): ObservedRecord => ["Log", 0, 0, "Info", n, [n]]

const linesOf = ({ records }: protocol.Observed) => records.map((record) => (record as ReadonlyArray<unknown>)[4])

/** A worker's end whose messages stay in it until `flush` is called. */
const makeEnd = (options: { readonly cannotSend?: number } = {}) => {
  const sent: Array<protocol.Observed> = []
  const aside: Array<protocol.Observed> = []
  let waiting: Array<() => void> = []
  const sender = {
    observed: undefined as (() => void) | undefined,
    sendPlain: (message: protocol.FromWorker) => {
      if (message._tag !== "Observed") return
      if (linesOf(message).includes(options.cannotSend)) throw new Error("it cannot be cloned")
      sent.push(message)
    }
  }
  const channel = {
    flushed: (resume: () => void) => void waiting.push(resume),
    aside: (message: unknown) => void aside.push(message as protocol.Observed)
  }
  const flush = () => {
    const resumed = waiting
    waiting = []
    for (const resume of resumed) resume()
  }
  return { aside, channel, flush, observer: new Observer(sender, channel), sender, sent }
}

describe("a worker's records", () => {
  const clock = heldClock()

  it("O3 the first ones go at once, and others within ten milliseconds or before any other message", () => {
    const { observer, sender, sent } = makeEnd()
    // a task may compute from here on, or hang
    for (let n = 0; n < 4; n++) observer.add(() => record(n), false)
    const first = [[0], [1], [2], [3]]
    assert.deepStrictEqual(sent.map(linesOf), first)
    observer.add(() => record(4), false)
    observer.add(() => record(5), false)
    assert.lengthOf(sent, 4)
    sender.observed?.()
    assert.deepStrictEqual(sent.map(linesOf), [...first, [4, 5]])
    assert.isUndefined(sender.observed)
    observer.add(() => record(6), false)
    assert.lengthOf(sent, 5)
    clock.now += 10
    // no timer can fire while a task computes
    observer.add(() => record(7), false)
    observer.add(() => record(8), false)
    assert.deepStrictEqual(sent.map(linesOf), [...first, [4, 5], [6, 7], [8]])
    assert.deepStrictEqual(
      sent.map(({ first }) => first),
      [0, 1, 2, 3, 4, 6, 8]
    )
  })

  it("O3 few go at once, however long a task goes on", () => {
    const { observer, sent } = makeEnd()
    for (let n = 0; n < 10_000; n++) {
      clock.now += 0.1
      observer.add(() => record(n), false)
    }
    assert.isAtMost(sent.length, 4 * 101)
    assert.isAtLeast(sent.length, 100)
  })

  it.live("O3 those that nothing follows are sent by a timer", () =>
    Effect.callback<void>((resume) => {
      const { observer, sender, sent } = makeEnd()
      for (let n = 0; n < 5; n++) observer.add(() => record(n), false)
      const { sendPlain } = sender
      sender.sendPlain = (message) => {
        sendPlain(message)
        assert.deepStrictEqual(sent.map(linesOf), [[0], [1], [2], [3], [4]])
        resume(Effect.void)
      }
    })
  )

  it("O3 an urgent one goes aside, with those before it that may be in the worker still, and by the channel too", () => {
    const { aside, flush, observer, sent } = makeEnd()
    observer.add(() => record(0), false)
    flush()
    observer.add(() => record(1), false)
    observer.add(() => record(2), true)
    assert.deepStrictEqual(aside.map(linesOf), [[1, 2]])
    assert.strictEqual(aside[0]?.first, 1)
    assert.deepStrictEqual(sent.flatMap(linesOf), [0, 1, 2])
    // what has gone aside is in the worker no more
    observer.add(() => record(3), true)
    assert.deepStrictEqual(aside.map(linesOf), [[1, 2], [3]])
  })

  it("O3 what has not left a worker that ends goes aside", () => {
    const { aside, observer, sender } = makeEnd()
    observer.add(() => record(0), false)
    observer.add(() => record(1), false)
    observer.ending()
    assert.deepStrictEqual(aside.map(linesOf), [[0, 1]])
    observer.add(() => record(2), false)
    sender.observed?.()
    observer.ending()
    assert.deepStrictEqual(aside.map(linesOf), [[0, 1], [2]])
    observer.ending()
    assert.lengthOf(aside, 2)
  })

  it("O3 all go aside, in order, however many there are that have not left the worker, and few are kept for that", () => {
    const { aside, observer, sent } = makeEnd()
    for (let n = 0; n < 20_000; n++) {
      // nothing leaves while a task computes
      clock.now += 0.1
      observer.add(() => record(n), false)
      if (n % 1000 === 0) assert.isAtMost(sent.flatMap(linesOf).length - aside.flatMap(linesOf).length, 1200)
    }
    observer.add(() => record(20_000), true)
    const all = Array.from({ length: 20_001 }, (_, n) => n)
    assert.deepStrictEqual(aside.flatMap(linesOf), all)
    assert.deepStrictEqual(sent.flatMap(linesOf), all)
    for (const message of aside) assert.strictEqual(message.first, linesOf(message)[0])
  })

  it("O3 what is large counts as many lines", () => {
    const { aside, observer } = makeEnd()
    const spans = (n: number): ObservedRecord => ({ _tag: "Spans", chunk: 0, position: n, rows: Array(12_000).fill(0) })
    for (let n = 0; n < 10; n++) {
      clock.now += 10
      observer.add(() => spans(n), false)
    }
    assert.isAtLeast(aside.flatMap(({ records }) => records).length, 8)
  })

  it("O3 one that cannot be told is left out, and it alone, also when something else is being sent", () => {
    const { observer, sender, sent } = makeEnd()
    for (let n = 0; n < 5; n++) observer.add(() => record(n), false)
    observer.add(() => {
      throw new Error("it cannot be read")
    }, false)
    observer.add(() => record(5), false)
    sender.observed?.()
    observer.add(() => record(6), true)
    assert.deepStrictEqual(sent.map(linesOf), [[0], [1], [2], [3], [4, 5], [6]])
    assert.deepStrictEqual(
      sent.map(({ first }) => first),
      [0, 1, 2, 3, 4, 6]
    )
  })

  it("O3 what is told later is told once: with a chunk's end, the worker's, or by itself; with chunks' ends once a second", () => {
    const { observer, sender, sent } = makeEnd()
    const told = () => {
      sender.observed?.()
      return sent.splice(0).flatMap(linesOf)
    }
    observer.addLater(() => record(0), 1000)
    assert.deepStrictEqual(told(), [])
    observer.chunkEnds()
    observer.chunkEnds()
    observer.tellLater()
    assert.deepStrictEqual(told(), [0])
    observer.addLater(() => record(1), 1000)
    observer.chunkEnds()
    assert.deepStrictEqual(told(), [])
    clock.now += 1000
    observer.chunkEnds()
    assert.deepStrictEqual(told(), [1])
    observer.addLater(() => record(2), 1000)
    observer.tellLater()
    assert.deepStrictEqual(told(), [2])
    observer.addLater(() => record(3), 1000)
    observer.closing()
    assert.deepStrictEqual(sent.flatMap(linesOf), [3])
    observer.addLater(() => record(4), 1000)
    observer.ending()
    assert.deepStrictEqual(sent.flatMap(linesOf), [3, 4])
  })

  it("O3 one that cannot be sent is left out, and no other", () => {
    const { observer, sender, sent } = makeEnd({ cannotSend: 2 })
    observer.add(() => record(0), false)
    for (const n of [1, 2, 3]) observer.add(() => record(n), false)
    sender.observed?.()
    assert.deepStrictEqual(sent.flatMap(linesOf), [0, 1, 3])
    assert.deepStrictEqual(
      sent.map(({ first }) => first),
      [0, 1, 3]
    )
  })
})
