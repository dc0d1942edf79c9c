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

  it("O3 the first goes at once, and others within ten milliseconds or before any other message", () => {
    const { observer, sender, sent } = makeEnd()
    observer.add(() => record(0), false)
    assert.deepStrictEqual(sent.map(linesOf), [[0]])
    observer.add(() => record(1), false)
    observer.add(() => record(2), false)
    assert.lengthOf(sent, 1)
    sender.observed?.()
    assert.deepStrictEqual(sent.map(linesOf), [[0], [1, 2]])
    assert.isUndefined(sender.observed)
    observer.add(() => record(3), false)
    clock.now += 10
    // no timer can fire while a task computes
    observer.add(() => record(4), false)
    assert.deepStrictEqual(sent.map(linesOf), [[0], [1, 2], [3, 4]])
    assert.deepStrictEqual(
      sent.map(({ first }) => first),
      [0, 1, 3]
    )
  })

  it.live("O3 those that nothing follows are sent by a timer", () =>
    Effect.callback<void>((resume) => {
      const { observer, sender, sent } = makeEnd()
      observer.add(() => record(0), false)
      observer.add(() => record(1), false)
      const { sendPlain } = sender
      sender.sendPlain = (message) => {
        sendPlain(message)
        assert.deepStrictEqual(sent.map(linesOf), [[0], [1]])
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

  it("O3 only some are kept for that while nothing leaves the worker", () => {
    const { aside, observer } = makeEnd()
    for (let n = 0; n < 2000; n++) observer.add(() => record(n), false)
    observer.add(() => record(2000), true)
    const lines = aside.flatMap(linesOf)
    assert.isAtMost(lines.length, 2001)
    assert.strictEqual(lines.at(-1), 2000)
    assert.strictEqual(aside[0]?.first, 2001 - lines.length)
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
