import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as control from "../src/internal/wire/control.ts"
import type * as protocol from "../src/internal/wire/protocol.ts"
import { serve } from "../src/WorkerEntry.ts"
import { sharedNumbers } from "./sharedNumbers.ts"

/** A worker's side of a channel, in this thread; `control` is what both sides share. */
const serving = () => {
  const sent: Array<protocol.FromWorker> = []
  let tell: (message: protocol.ToWorker) => void = () => {}
  const numbers = sharedNumbers(1)
  serve({
    send: (message) => {
      sent.push(message as protocol.FromWorker)
    },
    receive: (handler) => {
      tell = handler
    },
    close: () => {},
    control: numbers
  })
  tell({ _tag: "Start", id: 0, generation: 1, tasksPerWorker: 1 })
  return { sent, tell, hooks: new control.HookNumbers(numbers) }
}

const runs = () => (globalThis as { servedHooksRuns?: number }).servedHooksRuns ?? 0

const source = "() => { globalThis.servedHooksRuns = (globalThis.servedHooksRuns ?? 0) + 1 }"

const define: protocol.ToWorker = { _tag: "Define", reference: 0, address: { _tag: "Inline", source } }

const init: protocol.ToWorker = { _tag: "Init", services: undefined, hook: 0, timeout: undefined }

describe("hooks in a remote worker", () => {
  it.live("L3 an init that is interrupted before it begins has not run, and has not succeeded", () =>
    Effect.gen(function* () {
      const { hooks, sent, tell } = serving()
      const before = runs()
      tell(define)
      // seen at once, and before the message that says the same
      hooks.interrupt()
      tell(init)
      yield* Effect.sleep(10)
      assert.strictEqual(runs(), before)
      assert.deepStrictEqual(sent.slice(1), [{ _tag: "Initialised", result: { _tag: "Interrupted" } }])
    })
  )

  it.live("L3 an init that is interrupted while it is loaded does not run any more", () =>
    Effect.gen(function* () {
      const { sent, tell } = serving()
      const before = runs()
      tell(define)
      tell(init)
      tell({ _tag: "InterruptInit" })
      yield* Effect.sleep(10)
      assert.strictEqual(runs(), before)
      assert.deepStrictEqual(sent.slice(1), [{ _tag: "Initialised", result: { _tag: "Interrupted" } }])
    })
  )

  it.live("L3 an init that nobody interrupts runs once", () =>
    Effect.gen(function* () {
      const { sent, tell } = serving()
      const before = runs()
      tell(define)
      tell(init)
      yield* Effect.sleep(10)
      assert.strictEqual(runs(), before + 1)
      assert.deepStrictEqual(sent.slice(1), [{ _tag: "Initialised", result: { _tag: "Success", value: undefined } }])
    })
  )
})
