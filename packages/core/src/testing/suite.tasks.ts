/**
 * Tasks and hooks of `RuntimeSuite` that are or return Effects, loaded in the workers of the runtime under test. What
 * they see comes back as results, exit results and failures; `cells` are for the few cases that need shared memory.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { WorkerContext } from "../WorkerContext.ts"
import type { WorkerIdentity } from "../WorkerPoolError.ts"
import { type Journal, makeDefect, note, where } from "./suite.plain.tasks.ts"

// -----------------------------------------------------------------------------
// Values
// -----------------------------------------------------------------------------

/** Returns an Effect that waits. */
export const squareEffect = (n: number): Effect.Effect<number> => Effect.as(Effect.yieldNow, n * n)

/** Returns an Effect that is done already. */
export const squareExit = (n: number): Effect.Effect<number> => Exit.succeed(n * n)

/** Takes from 0 to 4 milliseconds, so that items do not end in the order in which they started. */
export const squareUnevenly = (n: number): Effect.Effect<number> => Effect.as(Effect.sleep((n * 7) % 5), n * n)

/** Says after `milliseconds` which worker runs it. */
export const whereAfter = (milliseconds: number, worker: WorkerContext): Effect.Effect<WorkerIdentity> =>
  Effect.as(Effect.sleep(milliseconds), where(undefined, worker))

/** How a value leaves a task: as it is, in what a task may return, or in a failure. */
export const ways = ["value", "promise", "effect", "exit", "error", "defect", "property"] as const

export type Way = (typeof ways)[number]

/** Gives a value back that way. */
export const giveBack = (way: Way, value: unknown): unknown => {
  switch (way) {
    case "value":
      return value
    case "promise":
      return Promise.resolve(value)
    case "effect":
      return Effect.as(Effect.yieldNow, value)
    case "exit":
      return Exit.succeed(value)
    case "error":
      return Effect.fail(value)
    case "defect":
      throw value
    case "property":
      return Effect.fail(Object.assign(new Error("with data"), { data: value }))
  }
}

/** A state for `describe`. */
export const openText = Effect.succeed("the state")

// -----------------------------------------------------------------------------
// A journal as the worker's state
// -----------------------------------------------------------------------------

type Journaled = WorkerContext<Journal>

const when = (journal: Journal, event: string): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const check = () => {
      if (!journal.events.includes(event)) return
      stop()
      resume(Effect.void)
    }
    const stop = journal.listen(check)
    check()
    return Effect.sync(stop)
  })

/** Completes when the event has been noted. */
export const waitFor = (event: string, worker: Journaled): Effect.Effect<string> =>
  Effect.as(when(worker.state, event), event)

/** Notes "start NAME", never ends, and notes "interrupted NAME" when it is interrupted. */
export const hold = (name: string, worker: Journaled): Effect.Effect<never> => {
  const { state } = worker
  return Effect.sync(() => state.note(`start ${name}`)).pipe(
    Effect.andThen(Effect.never),
    Effect.onInterrupt(() =>
      Effect.andThen(
        Effect.yieldNow,
        Effect.sync(() => state.note(`interrupted ${name}`))
      )
    )
  )
}

/** As `hold`, and notes what its signal and its worker say when it is interrupted. */
export const holdSignal = (name: string, worker: Journaled): Effect.Effect<never> => {
  const { signal, state } = worker
  signal.addEventListener("abort", () => state.note(`aborted ${name}`), { once: true })
  return Effect.onInterrupt(hold(name, worker), () =>
    Effect.sync(() => state.note(`signal ${signal.aborted}, interrupted ${worker.interrupted}`))
  )
}

/** Notes the event and returns it; for "after EVENT", returns that 10 milliseconds after EVENT has been noted. */
export const noteOrFollow = (event: string, worker: Journaled): Effect.Effect<string> =>
  event.startsWith("after ")
    ? Effect.as(Effect.andThen(when(worker.state, event.slice(6)), Effect.sleep(10)), event)
    : Effect.sync(() => note(event, worker))

/** Holds the item named `held`; any other fails once that one has started. */
export const holdOrFail = (held: string, name: string, worker: Journaled): Effect.Effect<never, Busy> =>
  held === name
    ? hold(name, worker)
    : Effect.andThen(when(worker.state, `start ${held}`), Effect.fail(new Busy({ resource: name })))

/** Holds the item named `held`; any other succeeds once that one has started. */
export const holdOrEnd = (held: string, name: string, worker: Journaled): Effect.Effect<string> =>
  held === name ? hold(name, worker) : Effect.as(when(worker.state, `start ${held}`), name)

/** Holds "hold", fails "fail", and returns any other name at once. */
export const endFailOrHold = (name: string, worker: Journaled): Effect.Effect<string, Busy> | string =>
  name === "hold" ? hold(name, worker) : name === "fail" ? Effect.fail(new Busy({ resource: name })) : name

/** Waits until `parties` items have run at once; returns the most that ever did. */
export const meet = (parties: number, worker: Journaled): Effect.Effect<number> => {
  const { state } = worker
  return Effect.suspend(() => {
    if (state.enter() >= parties) state.note("met")
    return Effect.andThen(when(state, "met"), Effect.yieldNow)
  }).pipe(Effect.map(() => state.leave()))
}

/** Uses its own Scope, whose closing takes a while. */
export const useScope = Effect.fnUntraced(function* (name: string, worker: Journaled) {
  const { state } = worker
  state.note(`open ${name}`)
  yield* Effect.addFinalizer(() =>
    Effect.andThen(
      Effect.yieldNow,
      Effect.sync(() => state.note(`close ${name}`))
    )
  )
  return name
})

/** Succeeds, but its Scope cannot be closed. */
export const failToClose = (message: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.as(
    Effect.addFinalizer(() => Effect.die(new Error(message))),
    message
  )

// -----------------------------------------------------------------------------
// Failures
// -----------------------------------------------------------------------------

/** A failure with a tag, a field and a cause. */
export class Busy extends Data.TaggedError("Busy")<{
  readonly resource: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `${this.resource} is busy`
  }
}

/** Fails with a `Busy` that has a cause with a cause. */
export const reserve = (resource: string): Effect.Effect<never, Busy> =>
  Effect.fail(new Busy({ resource, cause: new RangeError("outer", { cause: new TypeError("inner") }) }))

/** Halves even numbers, and fails with others. */
export const halve = (n: number): Effect.Effect<number, { readonly _tag: "Odd"; readonly n: number }> =>
  n % 2 === 0 ? Effect.succeed(n / 2) : Effect.fail({ _tag: "Odd", n } as const)

/** Notes that it was called, then halves. */
export const noteAndHalve = (n: number, worker: Journaled): Effect.Effect<number, Busy> => {
  worker.state.note(String(n))
  return n % 2 === 0 ? Effect.succeed(n / 2) : Effect.fail(new Busy({ resource: String(n) }))
}

/** Fails and dies. */
export const failTwice = (message: string): Effect.Effect<never, Busy> =>
  Effect.failCause(
    Cause.fromReasons([Cause.makeFailReason(new Busy({ resource: message })), Cause.makeDieReason(makeDefect(message))])
  )

/** Returns a function, which cannot cross, for "function"; fails for "fail"; returns any other `kind`. */
export const endAs = (kind: string): Effect.Effect<never, Busy> | string =>
  kind === "function"
    ? ((() => kind) as unknown as string)
    : kind === "fail"
      ? Effect.fail(new Busy({ resource: kind }))
      : kind

/** Interrupts itself. */
export const interruptItself = (_: unknown): Effect.Effect<never> => Effect.interrupt

/** Dies unless the message is empty. */
export const die = (message: string): Effect.Effect<string> =>
  Effect.suspend(function dies() {
    return message === "" ? Effect.succeed("fine") : Effect.die(makeDefect(message))
  })

/** Dies with what is no error. */
export const dieWith = (defect: unknown): Effect.Effect<never> => Effect.die(defect)

/** Dies with what cannot cross. */
export const dieWithFunction = (_: unknown): Effect.Effect<never> => Effect.die({ f: () => 1 })

/** Fails with what cannot cross when it is asked to. */
export const failWithFunction = (asked: boolean): Effect.Effect<boolean, { readonly f: () => boolean }> =>
  asked ? Effect.fail({ f: () => asked }) : Effect.succeed(asked)

// -----------------------------------------------------------------------------
// Hooks
// -----------------------------------------------------------------------------

/** When a worker lived, by the Clock. */
export interface Life {
  readonly startedAt: number
  readonly exitedAt: number
}

/** Begins a life whose finalizers take 20 milliseconds. */
export const beginLife = Effect.gen(function* () {
  const startedAt = yield* Clock.currentTimeMillis
  yield* Effect.addFinalizer(() => Effect.sleep(20))
  return startedAt
})

/** Says when the life began, and when it ended, not counting its finalizers. */
export const endLife = (worker: WorkerContext<number>): Effect.Effect<Life> =>
  Effect.map(Clock.currentTimeMillis, (exitedAt) => ({ startedAt: worker.state, exitedAt }))

/** A hook that returns an Effect. */
export const openEffect = (worker: WorkerContext<void>): Effect.Effect<string> =>
  Effect.as(Effect.yieldNow, `worker ${worker.id}`)

/** A hook that returns an Effect. */
export const closeEffect = (worker: WorkerContext<string>): Effect.Effect<string> =>
  Effect.as(Effect.yieldNow, `${worker.state} closed`)

/** Forks a fiber that counts for as long as the worker lives. */
export const openTicking = Effect.gen(function* () {
  const state = { ticks: 0 }
  const tick = Effect.andThen(
    Effect.sleep(1),
    Effect.sync(() => state.ticks++)
  )
  yield* Effect.forkScoped(Effect.forever(tick))
  return state
})

/** Waits until that count has reached `n`. */
export const waitForTicks = (n: number, worker: WorkerContext<{ readonly ticks: number }>): Effect.Effect<boolean> =>
  Effect.suspend(() =>
    worker.state.ticks >= n ? Effect.succeed(true) : Effect.andThen(Effect.sleep(1), waitForTicks(n, worker))
  )

/** Fails. */
export const failToOpen = reserve("the port")

/** Never ends. */
export const openNever = Effect.never

/** Fails in the first slot. */
export const closeOrFail = (worker: WorkerContext): Effect.Effect<number, Busy> =>
  worker.id === 0 ? reserve("the door") : Effect.succeed(worker.id)

/** Never ends. */
export const closeNever = Effect.never

// -----------------------------------------------------------------------------
// Services
// -----------------------------------------------------------------------------

/** Counts its uses. */
export class Counter extends Context.Service<Counter, { readonly next: Effect.Effect<number> }>()(
  "@effect-mpire/core/testing/Counter"
) {}

/** A Counter that begins with 1. */
export const counter: Layer.Layer<Counter> = Layer.sync(Counter, () => {
  let count = 0
  return Counter.of({ next: Effect.sync(() => ++count) })
})

/** The next number of the worker's Counter. */
export const count = (_: unknown, worker: WorkerContext) =>
  Effect.gen(function* () {
    const counter = yield* Counter
    return { worker: worker.id, count: yield* counter.next }
  })

/** A hook that uses the Counter. */
export const openCount = Effect.gen(function* () {
  const counter = yield* Counter
  return yield* counter.next
})

/** A hook that uses the Counter. */
export const closeCount = () => openCount

/** Cannot be built. */
export const noCounter: Layer.Layer<Counter, Busy> = Layer.effect(Counter, reserve("the counter"))

/** Records what happens in its worker, to the very end. */
export class Ledger extends Context.Service<Ledger, { readonly events: Array<string> }>()(
  "@effect-mpire/core/testing/Ledger"
) {}

/** Its finalizer, the last of the worker's, dies with all events: so a pool learns them, wherever the worker is. */
export const ledger: Layer.Layer<Ledger> = Layer.effect(
  Ledger,
  Effect.gen(function* () {
    const events: Array<string> = []
    yield* Effect.addFinalizer(() => Effect.die(new Error(events.join(", "))))
    yield* Effect.addFinalizer(() => Effect.sync(() => events.push("services closed")))
    events.push("services built")
    return Ledger.of({ events })
  })
)

const enterInLedger = (event: string): Effect.Effect<void, never, Ledger> =>
  Effect.gen(function* () {
    const { events } = yield* Ledger
    // yields first: if anybody does not wait for this to end, the order of events shows it
    yield* Effect.yieldNow
    events.push(event)
  })

/** A hook with two finalizers. */
export const openLedger = Effect.gen(function* () {
  const context = yield* Effect.context<Ledger>()
  const onClose = (event: string) => Effect.addFinalizer(() => Effect.provideContext(enterInLedger(event), context))
  yield* enterInLedger("init")
  yield* onClose("first finalizer")
  yield* onClose("second finalizer")
})

/** Enters an item in the Ledger. */
export const useLedger = (item: string) => enterInLedger(item)

/** Enters `exit` in the Ledger. */
export const closeLedger = enterInLedger("exit")

// -----------------------------------------------------------------------------
// Shared memory
// -----------------------------------------------------------------------------

/** Numbers that a pool and its workers share. */
export const cells = (memory: SharedArrayBuffer): Int32Array => new Int32Array(memory)

/** A hook: counts live workers in cell 0, and keeps in cell 1 the most that have lived at once. */
export const openCounted = Effect.fnUntraced(function* (memory: SharedArrayBuffer) {
  const living = cells(memory)
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const now = Atomics.add(living, 0, 1) + 1
      if (now > Atomics.load(living, 1)) Atomics.store(living, 1, now)
    }),
    () =>
      Effect.andThen(
        Effect.yieldNow,
        Effect.sync(() => Atomics.sub(living, 0, 1))
      )
  )
})

const countIn = (memory: SharedArrayBuffer, cell: number): Effect.Effect<number> =>
  Effect.sync(() => Atomics.add(cells(memory), cell, 1))

/** A hook that fails, with a finalizer that counts in cell 0. */
export const failToOpenCounted = Effect.fnUntraced(function* (memory: SharedArrayBuffer) {
  yield* Effect.addFinalizer(() => countIn(memory, 0))
  return yield* failToOpen
})

/** A hook that never ends: cell 1 counts its starts, cell 0 its finalizers. */
export const openCountedNever = Effect.fnUntraced(function* (memory: SharedArrayBuffer) {
  yield* Effect.addFinalizer(() => countIn(memory, 0))
  yield* countIn(memory, 1)
  return yield* Effect.never
})

/** A hook with a finalizer that counts in cell 0. */
export const openFinalized = Effect.fnUntraced(function* (memory: SharedArrayBuffer) {
  yield* Effect.addFinalizer(() => countIn(memory, 0))
})

/** A hook: counts in cell 1 that it ran. */
export const closeCounted = (memory: SharedArrayBuffer): Effect.Effect<number> => countIn(memory, 1)

/** A hook: counts in cell 1 that it ran, and fails. */
export const failToCloseCounted = (memory: SharedArrayBuffer): Effect.Effect<never, Busy> =>
  Effect.andThen(countIn(memory, 1), failToOpen)

/** Counts its starts in cell 0, never ends, and counts its interruptions in cell 1. */
export const holdCounted = (memory: SharedArrayBuffer): Effect.Effect<never> =>
  Effect.onInterrupt(Effect.andThen(countIn(memory, 0), Effect.never), () => countIn(memory, 1))

// -----------------------------------------------------------------------------
// What does not end
// -----------------------------------------------------------------------------

/** Never ends, and cannot be interrupted. */
export const neverEnd = (_: unknown): Effect.Effect<never> => Effect.uninterruptible(Effect.never)

/** Has a finalizer that computes for ever. */
export const openLooping = Effect.addFinalizer(() =>
  Effect.sync(() => {
    for (;;);
  })
)

// -----------------------------------------------------------------------------
// Slices of arrays
// -----------------------------------------------------------------------------

/** Squares the numbers of a slice, and fails when `n` is among them. */
export const squareAllBut = (n: number, slice: Float64Array): Effect.Effect<Float64Array, Busy> =>
  slice.includes(n)
    ? Effect.fail(new Busy({ resource: String(n) }))
    : Effect.map(Effect.yieldNow, () => slice.map((x) => x * x))

/** Never ends when `n` is in the slice. */
export const holdSlice = (n: number, slice: Float64Array): Effect.Effect<Float64Array> =>
  slice.includes(n) ? Effect.never : Effect.succeed(slice)
