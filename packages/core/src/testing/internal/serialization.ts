/** S1: what crosses arrives as what it was; and `Portable.bind` and `Portable.inline`. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Portable from "../../Portable.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import * as schemas from "../suite.schemas.ts"
import { type Busy, type Way, ways } from "../suite.tasks.ts"
import * as assert from "./assert.ts"
import { type Case, plain, tasks } from "./case.ts"

/** JSON texts, such as those that a server is sent, of what looks like a thing of Effect's or of the language's. */
const lookalikes: ReadonlyArray<readonly [what: string, text: string]> = [
  ["an Effect", '{"~effect/Effect":1}'],
  [
    "a failed Exit",
    '{"~effect/Effect":{},"~effect/Exit":{},"_tag":"Failure","cause":{"reasons":[{"_tag":"Fail","error":1}]}}'
  ],
  ["a failed Exit without a Cause", '{"~effect/Effect":{},"~effect/Exit":{},"_tag":"Failure"}'],
  ["an Exit that succeeded", '{"~effect/Effect":{},"~effect/Exit":{},"_tag":"Success","value":1}'],
  ["an Exit alone", '[{"~effect/Exit":{},"_tag":"Success","value":1}]'],
  ["a Layer or a Stream", '{"~effect/Layer":{},"~effect/Stream":{},"build":1}'],
  ["a Promise", '{"then":{},"catch":1}'],
  ["a value with an Equal", '{"~effect/Equal":1,"~effect/Hash":{},"in":[{"~effect/Equal":null}]}'],
  [
    "something of ours",
    '{"~effect-mpire/Portable":{},"~effect-mpire/WorkerPoolError":{},"reason":{"_tag":"PoolClosed"}}'
  ],
  ["a prototype", '{"__proto__":{"message":"not mine"},"constructor":1,"toString":2}']
]

/** What an Exit carries that a value took that way. */
const carriedBy = (way: Way, exit: Exit.Exit<unknown, unknown>): unknown => {
  if (Exit.isSuccess(exit)) return exit.value
  const [reason] = exit.cause.reasons
  if (reason === undefined || Cause.isInterruptReason(reason)) return exit
  const failure = Cause.isFailReason(reason) ? reason.error : reason.defect
  return way === "property" ? (failure as { readonly data?: unknown }).data : failure
}

const values: ReadonlyArray<Case> = [
  {
    rule: "S1",
    name: "brings what structured clone carries",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const items: ReadonlyArray<unknown> = [
        undefined,
        null,
        "",
        0,
        -0.5,
        Number.NaN,
        12n,
        { a: [1, { b: "two" }], c: undefined },
        new Map([["one", { n: 1 }]]),
        new Set([1, 2]),
        new Date(7),
        new Uint8Array([1, 2, 3])
      ]
      const echoed = yield* pool.map(items, plain.echo, { chunkSize: 5 })
      for (const [index, item] of items.entries()) yield* assert.equal(echoed[index], item, `item ${index}`)
    })
  },
  ...lookalikes.map(([what, text]): Case => ({
    rule: "S1",
    name: `takes data for data that looks like ${what}, whatever way it takes`,
    effect: Effect.gen(function* () {
      const make = (): { readonly [key: string]: string } => JSON.parse(text)
      const arrivesAsSent = (value: unknown, way: string) => assert.equal(JSON.stringify(value), text, way)
      const pool = yield* WorkerPool.make({
        size: 1,
        keepAlive: true,
        init: Portable.bind(plain.openBound, make()),
        exit: plain.closeWithState
      })
      for (const way of ways) {
        const task = Portable.bind(tasks.giveBack, way)
        // a neighbour, because what one item does may be taken for what its chunk does
        const exits = yield* pool.mapExit([make(), make()], task, { chunkSize: 2 })
        yield* assert.equal(exits.length, 2, `${way}: results`)
        for (const exit of exits) yield* arrivesAsSent(carriedBy(way, exit), way)
        yield* arrivesAsSent(carriedBy(way, yield* Effect.exit(pool.run(task, make()))), `${way} of a run`)
      }
      yield* arrivesAsSent(yield* pool.run(Portable.bind(plain.bound, make()), 1), "bound")
      yield* arrivesAsSent(yield* pool.run(plain.readState, 1), "state")
      // the same hook once more, whose value is asked whether it equals the one that is current
      const again = { init: Portable.bind(plain.openBound, make()) }
      const [state] = yield* pool.map([1], plain.readState, again)
      yield* arrivesAsSent(state, "state of another call")
      yield* pool.stop
      const [result] = yield* pool.exitResults
      yield* arrivesAsSent(result, "exit result")
    })
  })),
  {
    rule: "S1",
    name: "gives a task a copy",
    needs: ["cloning"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const counter = { count: 1 }
      yield* assert.equal(yield* pool.map([counter, counter], plain.increment), [2, 2])
      yield* assert.equal(counter, { count: 1 }, "the caller's own")
    })
  },
  {
    rule: "S1",
    name: "gives the caller a copy of what a task threw",
    needs: ["cloning"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const thrown = Effect.map(
        assert.failure(pool.run(plain.throwShared, 1)),
        (cause) => Cause.squash(cause) as Error & { readonly data: { n: number } }
      )
      const first = yield* thrown
      first.data.n = 2
      yield* assert.equal((yield* thrown).data.n, 1)
    })
  },
  {
    rule: "S1",
    name: "keeps an error's name, message, stack, cause, tag and own properties",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const caught = pool.map(["the door"], tasks.reserve).pipe(Effect.catchTag("Busy", Effect.succeed))
      const busy: Busy | Array<never> = yield* caught
      const error = yield* assert.isError(busy)
      yield* assert.equal(error.name, "Busy", "name")
      yield* assert.equal(error.message, "the door is busy", "message")
      yield* assert.equal((error as Busy).resource, "the door", "resource")
      yield* assert.includes(error.stack, "suite.tasks", "stack")
      const outer = yield* assert.isError(error.cause)
      yield* assert.equal([outer.name, outer.message], ["RangeError", "outer"])
      yield* assert.isTrue(outer instanceof RangeError, "a RangeError")
      const inner = yield* assert.isError(outer.cause)
      yield* assert.equal([inner.name, inner.message], ["TypeError", "inner"])
    })
  },
  {
    rule: "S1",
    name: "keeps all of that of an error that is a result",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const error = yield* assert.isError(yield* pool.run(plain.returnError, "returned"))
      yield* assert.equal([error.name, error.message], ["RangeError", "returned"])
      const { _tag, code } = error as Error & { readonly _tag?: unknown; readonly code?: unknown }
      yield* assert.equal({ _tag, code }, { _tag: "Returned", code: 7 }, "own properties")
      yield* assert.equal((yield* assert.isError(error.cause)).message, "inner", "message of the cause")
    })
  },
  {
    rule: "S1",
    name: "keeps an error's name and own properties when it is an item, or what exit returned",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, exit: plain.closeWithError })
      const items = [Object.assign(new RangeError("first"), { code: "E_RANGE" }), new TypeError("second")]
      yield* assert.equal(yield* pool.map(items, plain.lookAt), [
        [true, "RangeError", { code: "E_RANGE" }],
        [true, "TypeError", {}]
      ])
      const [result] = yield* pool.exitResults
      const error = yield* assert.isError(result)
      yield* assert.equal([error.name, error.message, { ...error }], ["RangeError", "closed", { code: "E_RANGE" }])
    })
  },
  {
    rule: "S1",
    name: "brings all reasons of a failure",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const cause = yield* assert.failure(pool.run(tasks.failTwice, "both"))
      yield* assert.equal(
        cause.reasons.map((reason) => reason._tag),
        ["Fail", "Die"]
      )
      const failure = cause.reasons.find(Cause.isFailReason)?.error
      yield* assert.equal((failure as Busy).resource, "both", "resource")
      const defect = yield* assert.isError(cause.reasons.find(Cause.isDieReason)?.defect)
      yield* assert.equal([defect.name, defect.message], ["RangeError", "both"])
    })
  },
  {
    rule: "S1",
    name: "brings the interruption of an item that interrupted itself",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const [exit] = yield* pool.mapExit([1], tasks.interruptItself)
      const isInterrupted = exit !== undefined && Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
      yield* assert.isTrue(isInterrupted, "an interruption", exit)
    })
  },
  {
    rule: "S1",
    name: "round-trips Options by Schema",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      yield* assert.equal(yield* pool.map([4, 5], schemas.half), [Option.some(2), Option.none()])
    })
  },
  {
    rule: "S1",
    name: "round-trips classes by Schema, in both directions",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const mirrored = yield* pool.run(schemas.mirror, new schemas.Point({ x: 3, y: 4 }))
      yield* assert.isTrue(mirrored instanceof schemas.Point, "a Point", mirrored)
      yield* assert.equal([mirrored.x, mirrored.y, mirrored.length], [4, 3, 5])
    })
  },
  {
    rule: "S1",
    name: "round-trips tagged errors by Schema, with what is in them",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const far = new schemas.Point({ x: 30, y: 40 })
      const cause = yield* assert.failure(pool.map([far], schemas.mirror))
      const error = Cause.squash(cause)
      yield* assert.isTrue(error instanceof schemas.TooFar, "a TooFar", error)
      const { point } = error as schemas.TooFar
      yield* assert.isTrue(point instanceof schemas.Point, "a Point", point)
      yield* assert.equal(point.length, 50, "length")
    })
  },
  {
    rule: "F4",
    name: "marks an input that its Schema rejects, and its neighbours are unharmed",
    needs: ["cloning"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const exits = yield* pool.mapExit([2, "three" as unknown as number, 4], schemas.half)
      const { direction, index } = yield* assert.exitFailsWith(exits[1], "NotSerializable")
      yield* assert.equal<unknown>({ direction, index }, { direction: "input", index: 1 })
      const neighbours = [exits[0], exits[2]]
      yield* assert.equal<unknown>(neighbours, [Exit.succeed(Option.some(1)), Exit.succeed(Option.some(2))])
    })
  },
  {
    rule: "S2",
    name: "moves a transferable input instead of copying it",
    needs: ["transfer"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const bytes = new Uint8Array(16)
      yield* assert.equal(yield* pool.map([bytes], schemas.countBytes), [16])
      yield* assert.equal(bytes.length, 0, "what is left here")
    })
  },
  {
    rule: "S1",
    name: "moves a transferable result instead of copying it",
    needs: ["transfer"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      yield* assert.equal((yield* pool.run(schemas.giveBytes, 16)).length, 16)
      yield* assert.equal([...(yield* pool.run(schemas.giveBytes, 0))], [0], "what is left there")
    })
  }
]

const portables: ReadonlyArray<Case> = [
  {
    rule: "S1",
    name: "gives a task the value bound to it",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const addTen = Portable.bind(plain.add, { amount: 10 })
      yield* assert.equal(yield* pool.map([1, 2], addTen), [11, 12])
      yield* assert.equal(yield* pool.run(addTen, 3), 13)
      yield* assert.equal(yield* pool.run(Portable.bind(plain.add, { amount: 20 }), 3), 23)
      const listed = Portable.bind(Portable.bind(plain.list, "first"), "second")
      yield* assert.equal(yield* pool.run(listed, "item"), ["first", "second", "item", 0])
    })
  },
  {
    rule: "S1",
    name: "gives a task with Schemas the value bound to it",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const points = [new schemas.Point({ x: 1, y: 2 }), new schemas.Point({ x: 30, y: 40 })]
      const moved = yield* pool.map(points, Portable.bind(schemas.move, { x: 5 }))
      yield* assert.equal(moved, [Option.some(new schemas.Point({ x: 6, y: 2 })), Option.none()])
    })
  },
  {
    rule: "S1",
    name: "gives hooks the values bound to them, and their successors too",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({
        size: 1,
        lifespan: 1,
        init: Portable.bind(plain.openNamed, "in"),
        exit: Portable.bind(plain.closeNamed, "out")
      })
      yield* assert.equal(yield* pool.map([1, 2], plain.readState), ["in", "in"])
      yield* assert.equal(yield* pool.exitResults, ["in to out", "in to out"], "exit results")
    })
  },
  {
    rule: "S1",
    name: "sends a bound value once per worker, for several calls at once too",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, tasksPerWorker: 3 })
      const counting = Portable.bind(plain.countBound, { count: 0 })
      const counts = yield* Effect.all([pool.run(counting, 1), pool.run(counting, 2), pool.run(counting, 3)], {
        concurrency: "unbounded"
      })
      yield* assert.equal(
        [...counts].sort((left, right) => left - right),
        [1, 2, 3]
      )
      yield* assert.equal(yield* pool.map([4, 5], counting), [4, 5])
    })
  },
  {
    rule: "S1",
    name: "sends a bound value as it is then, and to a new worker again",
    needs: ["cloning"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const bound = { count: 0 }
      const counting = Portable.bind(plain.countBound, bound)
      yield* assert.equal(yield* pool.run(counting, 1), 1)
      bound.count = 10
      yield* assert.equal(yield* pool.run(counting, 2), 2)
      yield* pool.restart
      yield* assert.equal(yield* pool.run(counting, 3), 11)
    })
  },
  {
    rule: "S1",
    name: "shares a SharedArrayBuffer that is bound",
    needs: ["sharedMemory"],
    effect: Effect.gen(function* () {
      const memory = new SharedArrayBuffer(8)
      const pool = yield* WorkerPool.make({ size: 2 })
      yield* pool.map([1, 2, 3, 4], Portable.bind(tasks.closeCounted, memory), { chunkSize: 1 })
      yield* assert.equal(Atomics.load(new Int32Array(memory), 1), 4, "count")
    })
  },
  {
    rule: "S1",
    name: "lets tasks see what is written to a bound SharedArrayBuffer later, though it crosses once per worker",
    needs: ["sharedMemory"],
    effect: Effect.gen(function* () {
      const numbers = new Int32Array(new SharedArrayBuffer(8))
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const reading = Portable.bind(plain.readBound, { numbers, reads: 0 })
      yield* assert.equal(yield* pool.run(reading, 1), { number: 0, reads: 1 })
      Atomics.store(numbers, 1, 7)
      yield* assert.equal(yield* pool.run(reading, 1), { number: 7, reads: 2 })
    })
  },
  {
    rule: "S1",
    name: "finds what Portable.make registered: functions, Effects and Layers",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, services: schemas.greeting, init: schemas.openGreeting })
      yield* assert.equal(yield* pool.map(["you", "me"], schemas.greet), [
        "hello and hello, you",
        "hello and hello, me"
      ])
    })
  },
  {
    rule: "S1",
    name: "makes an inline function anew in the worker",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const where = Portable.inline((n: number, worker: { readonly id: number }) => ({ n: n * 2, id: worker.id }))
      yield* assert.equal(yield* pool.map([1, 2], where), [
        { n: 2, id: 0 },
        { n: 4, id: 0 }
      ])
      const add = Portable.bind(
        Portable.inline((amount: number, n: number) => Promise.resolve(amount + n)),
        10
      )
      yield* assert.equal(yield* pool.run(add, 1), 11)
    })
  },
  {
    rule: "S1",
    name: "makes inline hooks anew in the worker",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({
        size: 1,
        init: Portable.inline(() => "inline"),
        exit: Portable.inline((worker: { readonly state: string }) => `${worker.state} closed`)
      })
      yield* assert.equal(yield* pool.map([1], plain.readState), ["inline"])
      yield* assert.equal(yield* pool.exitResults, ["inline closed"], "exit results")
    })
  }
]

export const cases: ReadonlyArray<Case> = [...values, ...portables]
