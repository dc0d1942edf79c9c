import { afterEach, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as control from "../src/internal/wire/control.ts"
import * as failure from "../src/internal/wire/failure.ts"
import type * as protocol from "../src/internal/wire/protocol.ts"
import { serve } from "../src/WorkerEntry.ts"
import { sharedNumbers } from "./sharedNumbers.ts"

const stops: Array<() => void> = []

afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** A worker's side of a channel, in this thread, which ends with its test; `control` is what both sides share. */
const serving = () => {
  const sent: Array<protocol.FromWorker> = []
  let tell: (message: protocol.ToWorker) => void = () => {}
  let heard = () => {}
  const numbers = sharedNumbers(1)
  serve({
    send: (message) => {
      sent.push(structuredClone(message) as protocol.FromWorker)
      heard()
    },
    receive: (handler) => {
      tell = handler
    },
    close: () => {},
    control: numbers
  })
  tell({ _tag: "Start", id: 0, generation: 1, tasksPerWorker: 1 })
  stops.push(() => tell({ _tag: "Stop" }))
  /** Sends a message and waits for the reply. */
  const ask = (message: protocol.ToWorker) =>
    Effect.callback<protocol.FromWorker>((resume) => {
      heard = () => resume(Effect.succeed(sent.at(-1)!))
      tell(message)
    })
  return { ask, sent, tell, hooks: new control.HookNumbers(numbers) }
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
      assert.deepStrictEqual(sent.slice(1), [{ _tag: "Initialised", result: { _tag: "Interrupted" }, stage: "init" }])
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
      assert.deepStrictEqual(sent.slice(1), [{ _tag: "Initialised", result: { _tag: "Interrupted" }, stage: "init" }])
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
      assert.deepStrictEqual(sent.slice(1), [
        { _tag: "Initialised", result: { _tag: "Success", value: undefined }, stage: "init" }
      ])
    })
  )
})

describe("users' code in hooks of a remote worker", () => {
  const revoked = "(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy })()"
  const getter = (target: string, name: string) =>
    `Object.defineProperty(${target}, "${name}", { enumerable: true, get() { throw new Error("from a getter") } })`
  const moody = "(() => { let n = 0; return { get any() { if (n++ % 2 === 0) throw new Error('mood'); return 1 } } })()"

  /** The text of a hook, and what `init` and `exit` reply. */
  const cases: ReadonlyArray<readonly [what: string, source: string, init: string, exit: string]> = [
    ["throws an error whose message throws", `throw ${getter("new Error()", "message")}`, "Failure", "Failure"],
    ["throws an error whose stack throws", `throw ${getter("new Error()", "stack")}`, "Failure", "Failure"],
    ["throws an error whose name throws", `throw ${getter("new Error()", "name")}`, "Failure", "Failure"],
    ["throws an error whose cause throws", `throw ${getter("new Error()", "cause")}`, "Failure", "Failure"],
    ["throws an error whose own property throws", `throw ${getter("new Error()", "own")}`, "Failure", "Failure"],
    [
      "throws an error that changes its mind",
      `throw Object.assign(new Error(), { mood: ${moody} })`,
      "Failure",
      "Failure"
    ],
    ["throws a revoked Proxy", `throw ${revoked}`, "Failure", "Failure"],
    ["throws a function", `throw () => {}`, "Failure", "Failure"],
    ["rejects with a revoked Proxy", `return Promise.reject(${revoked})`, "Failure", "Failure"],
    ["returns a thenable whose getter throws", `return ${getter("{}", "then")}`, "Failure", "Failure"],
    ["returns a thenable that throws", `return { then() { throw ${revoked} } }`, "Failure", "Failure"],
    ["returns a thenable that calls back twice", `return { then(f) { f(1); f(2); throw 3 } }`, "Success", "Success"],
    ["returns a revoked Proxy", `return ${revoked}`, "Failure", "Failure"],
    ["returns a Promise of what cannot be read", `return (async () => [${revoked}])()`, "Success", "NotSerializable"],
    ["returns what has a getter that throws", `return ${getter("{}", "own")}`, "Success", "NotSerializable"],
    [
      "returns an error whose message throws",
      `return ${getter("new Error()", "message")}`,
      "Success",
      "NotSerializable"
    ]
  ]

  for (const [what, body, init, exit] of cases) {
    it.live(`F8 a hook that ${what} is replied to once, and the worker goes on`, () =>
      Effect.gen(function* () {
        const { ask, sent, tell } = serving()
        tell({ _tag: "Define", reference: 0, address: { _tag: "Inline", source: `() => { ${body} }` } })
        const replies: Array<protocol.FromWorker> = []
        replies.push(yield* ask({ _tag: "Init", services: undefined, hook: 0, timeout: undefined }))
        replies.push(yield* ask({ _tag: "Exit", hook: 0, timeout: undefined }))
        replies.push(yield* ask({ _tag: "Close" }))
        assert.deepStrictEqual(
          replies.map((reply) => [reply._tag, (reply as { readonly result: protocol.HookResult }).result._tag]),
          [
            ["Initialised", init],
            ["Exited", exit],
            ["Closed", "Success"]
          ]
        )
        assert.deepStrictEqual(sent.slice(1), replies)
        for (const reply of replies) {
          const { result } = reply as { readonly result: protocol.HookResult }
          if (!("cause" in result)) continue
          assert.instanceOf(failure.decode(result.cause), Error)
        }
      })
    )
  }
})
