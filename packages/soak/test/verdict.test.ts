import { WorkerPoolError } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as Exit from "effect/Exit"
import { type Act, answer, type Item } from "../src/item.ts"
import type { Kind, Operation, SourceKind } from "../src/script.ts"
import { Reach } from "../src/sources.ts"
import { type Circumstances, judge } from "../src/verdict.ts"

const calm: Circumstances = {
  lost: 0,
  killed: 0,
  terminated: false,
  closed: false,
  maxPending: false,
  initFails: false,
  exitFails: false,
  inits: new Map(),
  exits: new Map(),
  mayLose: true,
  doomed: () => undefined
}

const items = (...acts: ReadonlyArray<Act>): ReadonlyArray<Item> =>
  acts.map((act, index) => ({ operation: 5, index, act, style: "effect", millis: 0 }))

const operation = (kind: Kind, of: ReadonlyArray<Item>): Operation => ({
  number: 5,
  kind,
  place: 0,
  interruptAfter: undefined,
  call: {
    items: of,
    source: "array",
    module: "effect",
    salt: undefined,
    options: {},
    init: undefined,
    exit: undefined,
    take: undefined,
    consumes: 0
  },
  size: 1,
  keepAlive: true
})

const fine = items("ok", "ok", "ok")
const answers = fine.map((item) => answer(item, 0))
const lost = WorkerPoolError.make(
  new WorkerPoolError.WorkerLost({
    worker: 0,
    generation: 1,
    exitCode: 1,
    signal: undefined,
    cause: undefined,
    indices: [0]
  })
)

const said = (
  kind: Kind,
  of: ReadonlyArray<Item>,
  exit: Exit.Exit<unknown, unknown>,
  results: ReadonlyArray<unknown>,
  around: Partial<Circumstances> = {}
) => judge({ operation: operation(kind, of), exit, results, source: new Reach() }, { ...calm, ...around }).join("\n")

describe("the verdict on an operation", () => {
  it("accepts what had to come of it", () => {
    assert.strictEqual(said("map", fine, Exit.void, answers), "")
    assert.strictEqual(said("mapUnordered", fine, Exit.void, answers.toReversed()), "")
    assert.strictEqual(said("map", fine, Exit.fail(lost), [], { lost: 1 }), "")
    assert.strictEqual(said("stream", fine, Exit.fail(lost), answers.slice(0, 2), { killed: 1 }), "")
    const failed = Exit.fail({ _tag: "SoakFailed", operation: 5, index: 1 })
    assert.strictEqual(said("map", items("ok", "fail"), failed, []), "")
  })

  it("finds what is wrong with it", () => {
    assert.include(said("map", fine, Exit.void, answers.toReversed()), "result 0 is that of item 2")
    assert.include(said("map", fine, Exit.void, answers.slice(1)), "it gave 2 results, not 3")
    assert.include(said("mapUnordered", fine, Exit.void, [answers[0], answers[0], answers[1]]), "has two results")
    assert.include(said("map", fine, Exit.void, [{ ...answers[0], value: 1 }, ...answers.slice(1)]), "item 0 gave")
    assert.include(said("map", fine, Exit.fail(lost), []), "it failed: WorkerPoolError")
    assert.include(said("map", fine, Exit.fail("?"), []), 'it failed: "?"')
    assert.include(said("map", fine, Exit.die("?"), []), 'it died: "?"')
    assert.include(said("map", fine, Exit.interrupt(), []), "interrupted by nobody")
    assert.include(said("map", items("ok", "fail"), Exit.void, answers.slice(0, 2)), "though it is to fail")
    assert.include(said("forEach", items("ok", "exit"), Exit.void, []), "though item 1 could not")
    assert.include(said("mapExit", fine, Exit.void, [{ index: 0, exit: Exit.die("?") }]), "it died")
    const lossless = said("map", fine, Exit.fail(lost), [], { lost: 1, mayLose: false })
    assert.include(lossless, "it failed: WorkerPoolError")
    const wrong = Exit.fail({ _tag: "SoakFailed", operation: 5, index: 0 })
    assert.include(said("map", items("ok", "fail"), wrong, []), "it failed")
  })

  it("L10 accepts the failure of hooks that the call may keep, and of no others", () => {
    const failed = (operation: number) =>
      Exit.fail(
        WorkerPoolError.make(
          new WorkerPoolError.InitFailed({ worker: 0, generation: 1, cause: new Error(`hostile init ${operation}`) })
        )
      )
    const inits = new Map([[9, { module: "plain", millis: 0, fate: "fails" } as const]])
    assert.strictEqual(said("run", items("ok"), failed(9), [], { inits }), "")
    assert.include(said("run", items("ok"), failed(8), [], { inits }), "it failed: WorkerPoolError init failed")
    assert.include(said("run", items("ok"), failed(9), [], { initFails: true }), "it failed: WorkerPoolError")
    assert.include(said("run", items("ok"), Exit.fail(lost), [], { lost: 1, doomed: () => 8, inits }), "it failed")
    assert.strictEqual(said("run", items("ok"), Exit.fail(lost), [], { lost: 1, doomed: () => 9, inits }), "")
  })

  it("F8 accepts that an item fails by what it does to whoever looks at it, and nothing else", () => {
    const died = Exit.die(new Error("planned 5 1"))
    assert.strictEqual(said("map", items("ok", "thenGetter"), died, []), "")
    assert.include(said("map", items("ok", "thenTwice"), died, []), "it died")
    assert.include(said("map", items("ok", "revoked"), died, []), "it died")
    assert.include(said("map", items("ok", "thenThrows"), Exit.void, answers.slice(0, 2)), "though it is to thenThrows")
    const of = (source: SourceKind) => ({
      ...operation("map", fine),
      call: { ...operation("map", fine).call!, source }
    })
    const reach = Object.assign(new Reach(), { hasInterrupted: true, returns: 2, late: 1, pulls: 3 })
    const problems = judge({ operation: of("interrupts"), exit: Exit.void, results: answers, source: reach }, calm)
    assert.deepStrictEqual(problems, [
      "it was not interrupted, though its source interrupted it",
      "its source was told 2 times that no more is wanted",
      "its source was pulled 1 times after no more was wanted"
    ])
    const told = judge(
      { operation: of("throwsUndefined"), exit: Exit.void, results: answers, source: new Reach() },
      calm
    )
    assert.include(told.join("\n"), "though its source failed")
  })
})
