import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type { Channel, Closed, Connection, Control } from "../src/Channel.ts"
import { cellsOf } from "../src/internal/remote/remoteChunks.ts"
import * as remoteWorker from "../src/internal/remote/remoteWorker.ts"
import { Cell } from "../src/internal/wire/control.ts"
import type * as protocol from "../src/internal/wire/protocol.ts"
import * as Portable from "../src/Portable.ts"
import { serve } from "../src/WorkerEntry.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import * as WorkerPoolError from "../src/WorkerPoolError.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"
import { sharedNumbers } from "./sharedNumbers.ts"
import { failures, reasons } from "./support.ts"

const tell = (handler: ((message: unknown) => void) | undefined, message: unknown) =>
  queueMicrotask(() => handler?.(message))

/** The pool's end of a channel, to a worker in this thread or to none; it says that it has closed as soon as it is killed. */
class FakeConnection implements Connection {
  readonly control: Control | undefined
  kills = 0
  private readonly early: Array<unknown> = []
  private readonly onSend: (message: protocol.ToWorker, connection: FakeConnection) => void
  private readonly onKill: () => void
  private onMessage: ((message: unknown) => void) | undefined = undefined
  private onClosed: ((closed: Closed) => void) | undefined = undefined
  private isClosed = false

  constructor(
    onSend: (message: protocol.ToWorker, connection: FakeConnection) => void,
    control: Control | undefined,
    onKill = () => {}
  ) {
    this.onSend = onSend
    this.onKill = onKill
    this.control = control
  }

  readonly kill = Effect.sync(() => {
    this.kills++
    this.onKill()
    this.close({ exitCode: 9 })
  })

  close(closed: Closed): void {
    if (this.isClosed) return
    this.isClosed = true
    this.onClosed?.(closed)
  }

  /** The pool gets a message from the worker. */
  hear(message: protocol.FromWorker): void {
    const cloned = structuredClone(message)
    if (this.onMessage === undefined) this.early.push(cloned)
    else tell(this.onMessage, cloned)
  }

  send(message: unknown): void {
    this.onSend(structuredClone(message) as protocol.ToWorker, this)
  }

  receive(handler: (message: unknown) => void): void {
    this.onMessage = handler
    for (const message of this.early) tell(handler, message)
  }

  closed(handler: (closed: Closed) => void): void {
    this.onClosed = handler
  }

  setBusy(): void {}
}

/** A connection to a worker that runs in this thread. */
const serving = (control: Control | undefined): FakeConnection => {
  let handle: ((message: unknown) => void) | undefined
  // what is killed has no timers either
  const onKill = () => handle?.({ _tag: "Stop" } satisfies protocol.ToWorker)
  const connection = new FakeConnection((message) => tell(handle, message), control, onKill)
  const channel: Channel = {
    send: (message) => connection.hear(message as protocol.FromWorker),
    receive: (handler) => {
      handle = handler
    },
    close: () => connection.close({ exitCode: 0 }),
    control
  }
  serve(channel)
  return connection
}

/** A connection to a worker that is ready, and neither answers nor ends. */
const silent = (onSend: (message: protocol.ToWorker, connection: FakeConnection) => void = () => {}) =>
  new FakeConnection(
    (message, connection) => {
      if (message._tag === "Start") connection.hear({ _tag: "Ready" })
      onSend(message, connection)
    },
    sharedNumbers(cellsOf(1))
  )

const start = (connection: Connection, options: Partial<WorkerRuntime.StartOptions> = {}) =>
  remoteWorker.runtime({ name: "fake", open: () => Effect.succeed(connection) }).start({
    worker: { id: 0, generation: 1 },
    tasksPerWorker: 1,
    services: undefined,
    startTimeout: 2_000,
    killAfter: 5,
    onLost: () => {},
    onCondemned: () => {},
    onUnwanted: () => {},
    ...options
  })

let names = 0

const portable = (value: unknown): WorkerRuntime.Code =>
  Portable.make("test:remoteWorker", `code${names++}`, value as () => unknown) as WorkerRuntime.Code

const hook = (code: WorkerRuntime.Code | undefined, timeout?: number): WorkerRuntime.Hook => ({ code, timeout })

const missing = Portable.module<any>(new URL("file:///nowhere/missing.js")).missing as WorkerRuntime.Code

const uncloneable = { f: () => {} }

const builds = portable(Layer.empty)

const bound = Portable.bind(
  Portable.make("test:remoteWorker", "bound", (_: unknown) => 1),
  uncloneable
) as unknown as WorkerRuntime.Code

/** How an init failed, and whose failure that was. */
const failureOf = (exit: Exit.Exit<void, WorkerRuntime.InitFailure>) => {
  assert(Exit.isFailure(exit))
  const { error, of } = Cause.squash(exit.cause) as WorkerRuntime.InitFailure
  return { of, error: error.reason._tag }
}

describe("RemoteWorker.init", () => {
  const dies = portable(Layer.effectDiscard(Effect.die("no services")))
  const never = portable(Layer.effectDiscard(Effect.never))
  const nothing = portable(() => {})

  const cases: ReadonlyArray<
    readonly [
      what: string,
      services: WorkerRuntime.Code | undefined,
      init: WorkerRuntime.Code | undefined,
      of: WorkerRuntime.InitFailure["of"],
      error: string
    ]
  > = [
    ["services that fail", dies, nothing, "services", "InitFailed"],
    ["services that fail, without a hook", dies, undefined, "services", "InitFailed"],
    ["services that take too long", never, nothing, "services", "InitTimedOut"],
    ["services that cannot be loaded", missing, nothing, "services", "StartFailed"],
    ["services that are no Layer", nothing, nothing, "services", "StartFailed"],
    ["services whose bound value cannot cross", bound, nothing, "services", "NotSerializable"],
    ["a hook that fails", builds, portable(() => assert.fail("hook")), "init", "InitFailed"],
    ["a hook that fails, without services", undefined, portable(() => assert.fail("hook")), "init", "InitFailed"],
    ["a hook that takes too long", builds, portable(() => new Promise(() => {})), "init", "InitTimedOut"],
    ["a hook that cannot be loaded", builds, missing, "init", "StartFailed"],
    ["a hook whose bound value cannot cross", builds, bound, "init", "NotSerializable"]
  ]

  for (const [what, services, init, of, error] of cases) {
    it.live(`L10 ${what} is the failure of ${of}`, () =>
      Effect.gen(function* () {
        const worker = yield* start(serving(sharedNumbers(cellsOf(1))), { services })
        // as long as Effect takes to load, the time of what ends at once must not be over
        const timeout = error === "InitTimedOut" ? 1 : 2_000
        const exit = yield* Effect.exit(worker.init(hook(init, timeout)))
        assert.deepStrictEqual(failureOf(exit), { of, error })
      })
    )
  }

  const exits = portable((worker: { readonly signal: AbortSignal }) => {
    void worker
    return new Promise(() => {})
  })

  for (const [what, services, init, isShared, of] of [
    ["while services are built", never, nothing, true, "services"],
    ["while services are built, without a hook", never, undefined, true, "services"],
    ["while the hook runs", builds, exits, true, "init"],
    ["while the hook runs, without services", undefined, exits, true, "init"],
    ["while services are built, where numbers are told", never, nothing, false, "services"],
    ["while services are built, without a hook, where numbers are told", never, undefined, false, "services"]
  ] as const) {
    it.live(`L10 a worker that is lost ${what} is the failure of ${of}`, () =>
      Effect.gen(function* () {
        const control = sharedNumbers(cellsOf(1))
        const connection = serving(isShared ? control : undefined)
        const worker = yield* start(connection, { services })
        const initialising = yield* Effect.forkChild(worker.init(hook(init)))
        // until it is as far as it comes: the hook of these cases, like the services, never ends
        if (isShared && of === "init") {
          while (control.get(2) === 0) yield* Effect.promise(() => new Promise<void>((next) => setImmediate(next)))
        } else yield* Effect.yieldNow
        connection.close({ exitCode: 1 })
        assert.deepStrictEqual(failureOf(yield* Fiber.await(initialising)), { of, error: "WorkerLost" })
      })
    )
  }
})

describe("a worker that is given up", () => {
  const nothing = portable(() => {})

  it.live("T4 while it starts is StartFailed because of its time, not of its end", () =>
    Effect.gen(function* () {
      const lost: Array<WorkerRuntime.Loss> = []
      const connection = new FakeConnection(() => {}, undefined)
      const exit = yield* Effect.exit(start(connection, { startTimeout: 5, onLost: (loss) => lost.push(loss) }))
      assert.deepStrictEqual(failures(exit), ["StartFailed"])
      assert.include(String((reasons(exit)[0] as { cause: unknown }).cause), "within 5 milliseconds")
      assert.deepStrictEqual([connection.kills, lost.map(({ killed }) => killed)], [1, [true]])
    })
  )

  it.live("T2 in init is InitTimedOut, and in exit is ExitTimedOut, not WorkerLost", () =>
    Effect.gen(function* () {
      for (const name of ["init", "exit"] as const) {
        const lost: Array<WorkerRuntime.Loss> = []
        const connection = silent()
        const worker = yield* start(connection, { onLost: (loss) => lost.push(loss) })
        const exit: Exit.Exit<unknown, unknown> = yield* Effect.exit(
          name === "init"
            ? Effect.mapError(worker.init(hook(nothing, 5)), ({ error }) => error)
            : worker.exit(hook(nothing, 5))
        )
        assert.deepStrictEqual(failures(exit), [name === "init" ? "InitTimedOut" : "ExitTimedOut"])
        assert.strictEqual(connection.kills, 1)
        assert.deepStrictEqual(
          lost.map(({ closed, killed }) => [killed, closed.exitCode]),
          [[true, undefined]]
        )
      }
    })
  )

  /** Starts the first item of a chunk, and says nothing more. */
  const begin = (message: protocol.ToWorker, { control }: FakeConnection) => {
    if (message._tag !== "Run") return
    const cell = new Cell(control, message.cell, message.chunk)
    cell.take()
    cell.enter(2)
    cell.claim(0)
  }

  it.live("T2 for an item is TaskTimedOut, not WorkerLost, where the channel closes as it is killed", () =>
    Effect.gen(function* () {
      const connections: Array<FakeConnection> = []
      const open = Effect.sync(() => {
        const connection = silent(begin)
        connections.push(connection)
        return connection
      })
      const pool = yield* Effect.provide(
        WorkerPool.make({ size: 1, killAfter: 5 }),
        WorkerRuntime.layerChannel({ name: "fake", open: () => open })
      )
      const task = Portable.make("test:remoteWorker", "item", (n: number) => n)
      const exit = yield* Effect.exit(pool.map([1], task, { timeout: 5 }))
      assert.deepStrictEqual(failures(exit), ["TaskTimedOut"])
      assert.deepInclude(yield* pool.stats, { killed: 1, lost: 0 })
      assert.strictEqual(connections[0]!.kills, 1)
    })
  )

  it.live("F1 tells once what it had in hand", () =>
    Effect.gen(function* () {
      const lost: Array<WorkerRuntime.Loss> = []
      const isLost = yield* Effect.forkChild(
        Effect.callback<void>((resume) => {
          const check = () => (lost.length > 0 ? resume(Effect.void) : setImmediate(check))
          check()
        })
      )
      const worker = yield* start(silent(begin), { onLost: (loss) => lost.push(loss) })
      const chunk = {
        task: portable((n: number) => n),
        items: [1, 2],
        index: (position: number) => position,
        timeout: 5,
        discard: false,
        reportInterval: 0,
        context: Context.empty()
      } as unknown as WorkerRuntime.Chunk
      worker.run(chunk)
      yield* Fiber.join(isLost)
      assert.strictEqual(lost.length, 1)
      assert.isTrue(lost[0]!.killed)
      assert.deepStrictEqual(lost[0]!.inHand.get(chunk), {
        started: 1,
        timedOut: [0],
        moved: false,
        failure: undefined
      })
      yield* lost[0]!.ended
    })
  )

  it.live("C10 when the pool kills it, a close that is told at once is no loss, and its chunks end once", () =>
    Effect.gen(function* () {
      let ends = 0
      const worker = yield* start(silent(begin), { onLost: () => assert.fail("it is not lost") })
      const chunk = {
        task: portable((n: number) => n),
        items: [1],
        index: (position: number) => position,
        timeout: undefined,
        discard: false,
        reportInterval: 0,
        context: Context.empty(),
        onEnd: () => void ends++
      } as unknown as WorkerRuntime.Chunk
      worker.run(chunk)
      yield* worker.kill
      assert.strictEqual(ends, 1)
    })
  )

  it.live(
    "K6 O2 its connection is told that `init` has ended, once, and not when it failed; that it has a place comes first",
    () =>
      Effect.gen(function* () {
        for (const [code, ends] of [
          [undefined, true],
          [portable(() => 1), true],
          [portable(() => Effect.fail("no")), false]
        ] as const) {
          const told: Array<string> = []
          const connection = Object.assign(serving(sharedNumbers(cellsOf(1))), {
            initialised: () => void told.push("initialised")
          })
          const worker = yield* start(connection, { onPlaced: () => void told.push("placed") })
          assert.deepStrictEqual(told, ["placed"])
          const exit = yield* Effect.exit(worker.init(hook(code)))
          assert.strictEqual(Exit.isSuccess(exit), ends)
          assert.deepStrictEqual(told, ends ? ["placed", "initialised"] : ["placed"])
        }
      }).pipe(Effect.scoped)
  )

  it.effect("F3 F8 a platform that throws as it opens a channel is StartFailed", () =>
    Effect.gen(function* () {
      for (const open of [() => assert.fail("opened"), () => Effect.die(new Error("opened"))]) {
        const { start } = remoteWorker.runtime({ name: "fake", open })
        const options = { worker: { id: 0, generation: 1 }, tasksPerWorker: 1 } as WorkerRuntime.StartOptions
        const exit = yield* Effect.exit(Effect.scoped(start(options)))
        const [reason] = reasons(exit)
        assert(reason instanceof WorkerPoolError.StartFailed)
        assert.include(String(reason.cause), "opened")
      }
    })
  )
})

describe("a worker whose modules are elsewhere", () => {
  const exported = () => "from elsewhere"
  Portable.make("test:elsewhere/there", "exported", exported)
  const { exported: task } = Portable.module<{ readonly exported: () => string }>("test:elsewhere/here")

  /** A pool over a worker in this thread, with more of a platform's own in its connection. */
  const poolWith = (more: Partial<Connection>, options: WorkerPool.Options<any, any, any> = { size: 1 }) =>
    Effect.provide(
      WorkerPool.make({ ...options, startTimeout: 100 }),
      WorkerRuntime.layerChannel({
        name: "fake",
        open: (_, controls) => Effect.sync(() => Object.assign(serving(sharedNumbers(controls)), more))
      })
    )

  it.live("K10 is told where, once for each module, and loads it from there", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const pool = yield* poolWith(
        {
          locate: (url) => {
            asked.push(url)
            return Effect.delay(Effect.succeed(url.replace(/here$/, "there")), 5)
          }
        },
        { size: 1, keepAlive: true, init: task }
      )
      const again = Portable.module<{ readonly exported: () => string }>("test:elsewhere/here").exported
      assert.deepStrictEqual(yield* pool.map([1, 2], task), ["from elsewhere", "from elsewhere"])
      assert.deepStrictEqual(yield* pool.map([1], again), ["from elsewhere"])
      assert.deepStrictEqual(asked, ["test:elsewhere/here"])
    })
  )

  /** How a platform refuses a module, and what the failure then says as its cause. */
  const refusals: ReadonlyArray<readonly [how: string, why: unknown, cause: RegExp]> = [
    ["an error", new Error("not there"), /not there/],
    ["what cannot be cloned", Object.assign(new Error("odd"), { f: () => {} }), /odd/],
    ["a text", "away", /away/]
  ]

  for (const [how, why, cause] of refusals) {
    it.live(`K10 F7 is StartFailed with the module and its cause where that is refused by ${how}`, () =>
      Effect.gen(function* () {
        const pool = yield* poolWith({ locate: () => Effect.fail(why) })
        const [reason] = reasons(yield* Effect.exit(pool.run(task, undefined)))
        assert(reason instanceof WorkerPoolError.StartFailed)
        assert.strictEqual(reason.module, "test:elsewhere/here")
        assert.match(String(reason.cause), cause)
      })
    )
  }

  it.live("K10 T4 is waited for no longer than startTimeout where nobody answers", () =>
    Effect.gen(function* () {
      let interrupted = 0
      const locate = () =>
        Effect.onInterrupt(Effect.never, () =>
          Effect.sync(() => {
            interrupted++
          })
        )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const pool = yield* poolWith({ locate })
          const [reason] = reasons(yield* Effect.exit(pool.run(task, undefined)))
          assert(reason instanceof WorkerPoolError.StartFailed)
          assert.match(String(reason.cause), /did not load within 100 milliseconds/)
        })
      )
      assert.strictEqual(interrupted, 1)
    })
  )

  it.live("K10 is sent no source where that is refused, and fails with why", () =>
    Effect.gen(function* () {
      const pool = yield* poolWith({ refuseInline: () => new Error("no sources") })
      const add = Portable.inline((a: number, b: number) => a + b)
      for (const exit of [
        yield* Effect.exit(pool.run(Portable.bind(add, 1), 2)),
        yield* Effect.exit(pool.map([1], Portable.bind(add, 1)))
      ]) {
        const [reason] = reasons(exit)
        assert(reason instanceof WorkerPoolError.StartFailed)
        assert.match(String(reason.cause), /no sources/)
      }
    })
  )

  it.live("K10 what tells it code can go another way than the rest, in the same order", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const connection = serving(sharedNumbers(cellsOf(1)))
      const sendCode = (message: unknown) => {
        told.push((message as protocol.ToWorker)._tag)
        connection.send(message)
      }
      const pool = yield* Effect.provide(
        WorkerPool.make({ size: 1 }),
        WorkerRuntime.layerChannel({
          name: "fake",
          open: () => Effect.succeed(Object.assign(connection, { sendCode }))
        })
      )
      const add = Portable.inline((a: number, b: number) => a + b)
      assert.deepStrictEqual(yield* pool.map([1, 2], Portable.bind(add, 10)), [11, 12])
      // the function, and the value with it
      assert.deepStrictEqual(told, ["Define", "Define"])
    })
  )
})
