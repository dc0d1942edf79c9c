/** How workers that are far away end, and what is said of them from afar. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Closed, Connection } from "../src/Channel.ts"
import { cellsOf } from "../src/internal/remote/remoteChunks.ts"
import * as remoteWorker from "../src/internal/remote/remoteWorker.ts"
import { Cell, numbers, phases } from "../src/internal/wire/control.ts"
import type * as protocol from "../src/internal/wire/protocol.ts"
import * as Portable from "../src/Portable.ts"
import * as WorkerPoolError from "../src/WorkerPoolError.ts"
import type { Chunk, Code, Loss, StartOptions, Worker } from "../src/WorkerRuntime.ts"
import { sharedNumbers } from "./sharedNumbers.ts"
import { reasons } from "./support.ts"

const task = Portable.make("test:farAwayEnds", "task", (n: number) => n) as unknown as Code

const chunkOf = (length: number, options: Partial<Chunk> = {}): Chunk => ({
  task,
  items: Array.from({ length }, (_, n) => n),
  index: (position) => position,
  timeout: undefined,
  discard: false,
  reportInterval: 0,
  context: Context.empty(),
  longerThan: Number.POSITIVE_INFINITY,
  // 12 milliseconds of work are 4 items ahead
  itemTime: 3,
  onSuccess() {},
  onSuccesses() {},
  onFailure() {},
  onTime() {},
  onLong() {},
  onEnd() {},
  ...options
})

/** A worker of which the test says what is heard, 5 milliseconds away there and back. */
class Scripted implements Connection {
  readonly control = Object.assign(sharedNumbers(cellsOf(1)), { lag: () => 5 })
  readonly sent: Array<protocol.ToWorker> = []
  readonly suspectAfter: number
  kills = 0
  hear: (message: unknown) => void = () => {}
  close: (closed: Closed) => void = () => {}
  unwant: () => void = () => {}

  constructor(suspectAfter = 60_000) {
    this.suspectAfter = suspectAfter
  }

  readonly kill = Effect.sync(() => void this.kills++)

  send(message: unknown): void {
    this.sent.push(message as protocol.ToWorker)
    if ((message as protocol.ToWorker)._tag === "Start") queueMicrotask(() => this.hear({ _tag: "Ready" }))
  }

  receive(handler: (message: unknown) => void): void {
    this.hear = handler
  }

  closed(handler: (closed: Closed) => void): void {
    this.close = handler
  }

  unwanted(handler: () => void): void {
    this.unwant = handler
  }

  setBusy(): void {}

  /** What the worker's numbers are when it has started so many items of its first chunk. */
  numbersAfter(started: number): ReadonlyArray<number> {
    const there = sharedNumbers(cellsOf(1))
    const cell = new Cell(there, cellsOf(1) - 1, 0)
    cell.open(100)
    cell.take()
    cell.enter(phases.loaded)
    for (let position = 0; position < started; position++) cell.claim(position)
    return Array.from({ length: numbers(cellsOf(1)) }, (_, index) => there.get(index))
  }

  /** What the worker's numbers are while it loads the module of its first chunk. */
  numbersLoading(): ReadonlyArray<number> {
    const there = sharedNumbers(cellsOf(1))
    const cell = new Cell(there, cellsOf(1) - 1, 0)
    cell.open(100)
    cell.take()
    cell.enter(phases.loading)
    return Array.from({ length: numbers(cellsOf(1)) }, (_, index) => there.get(index))
  }

  /** The worker's numbers are heard to be these. */
  hearNumbers(heard: ReadonlyArray<number>): void {
    for (const [index, value] of heard.entries()) this.control.set(index, value)
  }
}

const start = Effect.fnUntraced(function* (connection: Scripted, options: Partial<StartOptions> = {}) {
  const lost = yield* Deferred.make<Loss>()
  const told: Array<string> = []
  const worker = yield* remoteWorker.runtime({ name: "scripted", open: () => Effect.succeed(connection) }).start({
    worker: { id: 0, generation: 1 },
    tasksPerWorker: 1,
    services: undefined,
    startTimeout: 10_000,
    killAfter: 5,
    onLost: (loss) => {
      told.push("lost")
      Deferred.doneUnsafe(lost, Exit.succeed(loss))
    },
    onCondemned: () => void told.push("condemned"),
    onUnwanted: () => void told.push("unwanted"),
    ...options
  })
  return { worker, lost: Deferred.await(lost), isLost: Deferred.isDone(lost), told }
})

const untilKilled = Effect.fnUntraced(function* (connection: Scripted) {
  while (connection.kills === 0) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
})

/** A worker that is being killed for its second item, of which it has been heard that it has begun. */
const stuck = Effect.fnUntraced(function* (connection: Scripted, length = 4) {
  const { isLost, lost, told, worker } = yield* start(connection)
  const chunk = chunkOf(length)
  worker.run(chunk)
  connection.hearNumbers(connection.numbersAfter(2))
  worker.interrupt(chunk)
  yield* untilKilled(connection)
  return { chunk, isLost, lost, told, worker }
})

/** What a worker may be killed for, its first two items being under way, and how it comes to that. */
const reasonsToKill = {
  interruption: (connection: Scripted, worker: Worker, chunk: Chunk) => {
    connection.hearNumbers(connection.numbersAfter(2))
    worker.interrupt(chunk)
  },
  timeout: (connection: Scripted) => connection.hearNumbers(connection.numbersAfter(2)),
  loading: (connection: Scripted) => connection.hearNumbers(connection.numbersLoading())
}

describe("a worker that is far away and does not yield", () => {
  it.live("K13 C4 is given nothing more, and what it had started is known by its end", () =>
    Effect.gen(function* () {
      const connection = new Scripted()
      const { chunk, lost, told, worker } = yield* stuck(connection)
      assert.deepStrictEqual(told, ["condemned"])
      assert.strictEqual(worker.granted?.(chunk), 4)
      connection.close({ signal: "SIGKILL", numbers: connection.numbersAfter(3) })
      const loss = yield* lost
      assert.isTrue(loss.killed)
      assert.deepStrictEqual(loss.inHand.get(chunk), { started: 3, timedOut: [], moved: false, failure: undefined })
      assert.deepStrictEqual(told, ["condemned", "lost"])
    }).pipe(Effect.scoped)
  )

  it.live("K13 is waited for no longer than its connection says; then all that it was granted counts as started", () =>
    Effect.gen(function* () {
      const connection = new Scripted(20)
      const { chunk, lost } = yield* stuck(connection, 9)
      const { inHand } = yield* lost
      assert.deepInclude(inHand.get(chunk), { started: 5, exact: false })
      // what comes later is no news
      connection.close({ numbers: connection.numbersAfter(2) })
    }).pipe(Effect.scoped)
  )

  for (const [what, begin] of Object.entries(reasonsToKill)) {
    for (const [how, isExternal] of [
      ["its end is heard of", false],
      ["nothing is heard any more", false],
      ["it sends what is none of the protocol's", false],
      ["its runner is lost", true]
    ] as const) {
      it.live(`K4 F2 T2 T4 C4 is told as killed for its ${what} when ${how}, and what is to blame is known`, () =>
        Effect.gen(function* () {
          const connection = new Scripted(how === "nothing is heard any more" ? 20 : 60_000)
          const { lost, worker } = yield* start(connection, { startTimeout: 30 })
          const chunk = chunkOf(4, { timeout: what === "timeout" ? 5 : undefined })
          worker.run(chunk)
          begin(connection, worker, chunk)
          yield* untilKilled(connection)
          const runnerLost = new Error("the machine is gone")
          if (isExternal) connection.close({ external: true, cause: runnerLost })
          else if (how === "its end is heard of") connection.close({ signal: "SIGKILL" })
          else if (how !== "nothing is heard any more") connection.hear("garbage")
          const { closed, inHand, killed } = yield* lost
          assert.isTrue(killed)
          assert.strictEqual(connection.kills, 1)
          assert.strictEqual(closed.external === true, isExternal)
          if (isExternal) assert.strictEqual(closed.cause, runnerLost)
          else assert.match(String(closed.cause), /within \d+ milliseconds/)
          const { failure, timedOut } = inHand.get(chunk)!
          assert.strictEqual(failure?.reason._tag, what === "loading" && !isExternal ? "StartFailed" : undefined)
          // that its time is over is so whatever became of its runner
          assert.deepStrictEqual(timedOut, what === "timeout" ? [0, 1] : [])
        }).pipe(Effect.scoped)
      )
    }
  }

  it.live("K13 F5 is not waited for when the pool has killed it, or has closed", () =>
    Effect.gen(function* () {
      const connection = new Scripted(20)
      const { isLost, told } = yield* Effect.scoped(
        Effect.gen(function* () {
          const ends = yield* stuck(connection)
          yield* ends.worker.kill
          return ends
        })
      )
      yield* Effect.sleep(60)
      assert.deepStrictEqual(told, ["condemned"])
      assert.isFalse(yield* isLost)
    })
  )
})

describe("the end of a worker that is far away", () => {
  it.live("K13 F2 says by its numbers what had started; without them, that all may have which was granted", () =>
    Effect.gen(function* () {
      for (const started of [undefined, 0, 2]) {
        const connection = new Scripted()
        const { lost, worker } = yield* start(connection)
        const [chunk, next] = [chunkOf(9), chunkOf(3)]
        worker.run(chunk)
        worker.run(next)
        // what has been heard of it does not count
        connection.hearNumbers(connection.numbersAfter(1))
        connection.close(
          started === undefined ? { exitCode: 1 } : { exitCode: 1, numbers: connection.numbersAfter(started) }
        )
        const { inHand } = yield* lost
        const hand = { timedOut: [], moved: false, failure: undefined }
        assert.deepStrictEqual(
          inHand.get(chunk),
          started === undefined ? { ...hand, started: 5, exact: false } : { ...hand, started }
        )
        assert.strictEqual(inHand.get(next)?.started, 0)
      }
    }).pipe(Effect.scoped)
  )

  it.live("K4 F3 blames the module that was being loaded, unless its runner was lost", () =>
    Effect.gen(function* () {
      for (const external of [false, true]) {
        const connection = new Scripted()
        const { lost, worker } = yield* start(connection)
        const chunk = chunkOf(2)
        worker.run(chunk)
        const there = sharedNumbers(cellsOf(1))
        const cell = new Cell(there, cellsOf(1) - 1, 0)
        cell.take()
        cell.enter(phases.loading)
        const atEnd = Array.from({ length: numbers(cellsOf(1)) }, (_, index) => there.get(index))
        connection.close({ external, numbers: atEnd })
        const { inHand, mayBeLeftBehind } = yield* lost
        assert.isFalse(mayBeLeftBehind)
        const { failure } = inHand.get(chunk)!
        assert.strictEqual(failure?.reason._tag, external ? undefined : "StartFailed")
      }
    }).pipe(Effect.scoped)
  )

  it.live("K4 before it is ready, is no failure to start when its runner was lost", () =>
    Effect.gen(function* () {
      for (const external of [false, true]) {
        const connection = new Scripted()
        connection.receive = () => queueMicrotask(() => connection.close({ external }))
        const exit = yield* Effect.exit(start(connection))
        assert.strictEqual(reasons(exit)[0]?._tag, external ? "WorkerLost" : "StartFailed")
      }
    }).pipe(Effect.scoped)
  )

  it.live("F6 a message that is none of the protocol's ends it at once", () =>
    Effect.gen(function* () {
      const connection = new Scripted()
      const { lost, told, worker } = yield* start(connection)
      const chunk = chunkOf(2)
      worker.run(chunk)
      connection.hear("garbage")
      const { inHand, killed } = yield* lost
      assert.deepStrictEqual([killed, told, connection.kills], [false, ["lost"], 1])
      assert.deepInclude(inHand.get(chunk), { started: 2, exact: false })
    }).pipe(Effect.scoped)
  )
})

describe("what is said of a worker from afar", () => {
  it.live("K7 that its place is wanted back reaches the pool, as long as it is in use", () =>
    Effect.gen(function* () {
      const connection = new Scripted()
      const { told, worker } = yield* start(connection)
      connection.unwant()
      assert.deepStrictEqual(told, ["unwanted"])
      yield* worker.kill
      connection.unwant()
      assert.deepStrictEqual(told, ["unwanted"])
    }).pipe(Effect.scoped)
  )

  it.live("K7 that there is no room is told as it is, and all else that opening fails with as StartFailed", () =>
    Effect.gen(function* () {
      const unavailable = new WorkerPoolError.Unavailable({
        cause: new WorkerPoolError.Unreachable({ addresses: ["a:1", "b:2"], cause: new Error("refused") }),
        giveUp: false
      })
      const startWith = (error: unknown) =>
        remoteWorker.runtime({ name: "none", open: () => Effect.fail(error) }).start({
          worker: { id: 0, generation: 1 },
          tasksPerWorker: 1,
          services: undefined,
          startTimeout: undefined,
          killAfter: undefined,
          onLost() {},
          onCondemned() {},
          onUnwanted() {}
        })
      const exit = yield* Effect.exit(startWith(unavailable))
      assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) === unavailable)
      const text = "No runner could be reached (tried a:1, b:2): refused"
      assert.strictEqual(unavailable.message, `There is no place for a worker now: ${text}`)
      assert.strictEqual(reasons(yield* Effect.exit(startWith("no")))[0]?._tag, "StartFailed")
    }).pipe(Effect.scoped)
  )
})
