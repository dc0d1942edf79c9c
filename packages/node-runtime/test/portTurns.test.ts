import { Insights, Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { MessageChannel } from "node:worker_threads"
import { PortTurns } from "../src/internal/portTurns.ts"
import { bare } from "./support.ts"

const busy = (millis: number): void => {
  const end = performance.now() + millis
  while (performance.now() < end);
}

/** What two ports get whose messages take so long: at one of them, the next has arrived whenever one has been handled. */
const heard = (millis: number) =>
  Effect.callback<ReadonlyArray<string>>((resume) => {
    const [eager, other] = [new MessageChannel(), new MessageChannel()]
    const heard: Array<string> = []
    const hear = (message: unknown) => {
      heard.push(String(message))
      busy(millis)
      if (message === "other") resume(Effect.succeed(heard))
      else if (heard.length < 300) eager.port2.postMessage(`eager ${heard.length}`)
    }
    const ports = [eager, other].map(({ port1 }) => port1.on("message", new PortTurns().listener(hear)))
    eager.port2.postMessage("eager 0")
    other.port2.postMessage("other")
    return Effect.sync(() => {
      for (const port of ports) port.close()
    })
  })

describe("threads' ports", () => {
  it.live("C1 one whose messages take long to handle does not keep others unheard", () =>
    Effect.gen(function* () {
      const messages = yield* heard(7)
      assert.isBelow(messages.indexOf("other"), 5)
    })
  )

  it("C1 what waits for the port's next turn comes in order, after all that came before it", () => {
    const turns = new PortTurns()
    const heard: Array<unknown> = []
    const hear = turns.listener((message) => {
      heard.push(message)
      busy(7)
    })
    for (const message of [1, 2, 3, 4]) hear(message)
    assert.deepStrictEqual(heard, [1])
    return new Promise<void>((resolve) => {
      const look = () => {
        if (heard.length < 4) setImmediate(look)
        else resolve(assert.deepStrictEqual(heard, [1, 2, 3, 4]))
      }
      look()
    })
  })

  it("F1 what has arrived of a thread that has ended is handled before its end is told", () => {
    const turns = new PortTurns()
    const heard: Array<unknown> = []
    const hear = turns.listener((message) => {
      heard.push(message)
      busy(7)
    })
    for (const message of [1, 2, 3]) hear(message)
    turns.takeRest()
    assert.deepStrictEqual(heard, [1, 2, 3])
  })

  it.live("C1 a source that computes lets the pool hear of every worker", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 3, keepAlive: true })
      yield* pool.start
      const before = (yield* pool.insights).slots.map(({ times }) => times.startUp)
      // longer than workers need for an item: one of them has always answered
      const items = function* () {
        for (let n = 0; n < 60; n++) {
          busy(10)
          yield n
        }
      }
      yield* pool.map(
        items(),
        Portable.inline((n: number) => n)
      )
      const insights = yield* pool.insights
      // a worker whose first answer is not heard seems to start until then: for all of what the source computes
      for (const [n, { times }] of insights.slots.entries()) {
        assert.isBelow(times.startUp - before[n]!, 300, Insights.format(insights))
      }
    }).pipe(Effect.provide(NodeWorkerRuntime.layerThreads(bare)))
  )
})
