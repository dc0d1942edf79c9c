/**
 * The tasks and hooks of `RuntimeSuite`, loaded in the workers of the runtime under test. What they see there comes back as
 * results, exit results and failures, because a worker may share no memory with its pool; `cells` are for the few cases
 * that cannot do without.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { WorkerContext } from "../WorkerContext.ts"
import type { WorkerIdentity } from "../WorkerPoolError.ts"

// -----------------------------------------------------------------------------
// Plain tasks
// -----------------------------------------------------------------------------

/** Returns a plain value. */
export const square = (n: number): number => n * n

/** Returns a Promise. */
export const squareLater = (n: number): Promise<number> => Promise.resolve().then(() => n * n)

/** Returns an Effect that waits. */
export const squareEffect = (n: number): Effect.Effect<number> => Effect.as(Effect.yieldNow, n * n)

/** Returns an Effect that is done already. */
export const squareExit = (n: number): Effect.Effect<number> => Exit.succeed(n * n)

/** Takes the longer the less it is behind others in the input. */
export const squareUnevenly = (n: number): Effect.Effect<number> => Effect.as(Effect.sleep((n * 7) % 5), n * n)

/** Returns what it is given. */
export const echo = (value: unknown): unknown => value

/** Says which worker has it. */
export const where = (_: unknown, worker: WorkerContext): WorkerIdentity => ({
  id: worker.id,
  generation: worker.generation
})

/** Says which worker has it, after a while. */
export const whereAfter = (milliseconds: number, worker: WorkerContext): Effect.Effect<WorkerIdentity> =>
  Effect.as(Effect.sleep(milliseconds), where(undefined, worker))

/** Says what it sees of its worker. */
export const describe = (_: unknown, worker: WorkerContext<string>) => ({
  id: worker.id,
  generation: worker.generation,
  state: worker.state,
  aborted: worker.signal.aborted,
  interrupted: worker.interrupted
})

/** A state for `describe`. */
export const openText = Effect.succeed("the state")

/** Changes what it is given. */
export const increment = (counter: { count: number }): number => ++counter.count

// -----------------------------------------------------------------------------
// A journal as the worker's state
// -----------------------------------------------------------------------------

/** What happened in a worker; its tasks can wait for it to happen. */
export class Journal {
  readonly events: Array<string> = []
  private readonly listeners = new Set<() => void>()
  private active = 0
  private peak = 0

  note(event: string): void {
    this.events.push(event)
    for (const listener of [...this.listeners]) listener()
  }

  /** Completes when the event has been noted. */
  when(event: string): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const listener = () => {
        if (!this.events.includes(event)) return
        this.listeners.delete(listener)
        resume(Effect.void)
      }
      this.listeners.add(listener)
      listener()
      return Effect.sync(() => {
        this.listeners.delete(listener)
      })
    })
  }

  /** Counts an item that runs; returns how many do. */
  enter(): number {
    this.active++
    this.peak = Math.max(this.peak, this.active)
    return this.active
  }

  /** An item that ran has ended; returns how many ran at once, at most. */
  leave(): number {
    this.active--
    return this.peak
  }
}

type Journaled = WorkerContext<Journal>

/** A hook: a new journal. */
export const openJournal = (): Journal => new Journal()

/** A hook: what the journal holds. */
export const closeJournal = (worker: Journaled): ReadonlyArray<string> => worker.state.events

/** What the journal holds. */
export const readJournal = (_: unknown, worker: Journaled): ReadonlyArray<string> => [...worker.state.events]

/** Notes an event, and returns it. */
export const note = (event: string, worker: Journaled): string => {
  worker.state.note(event)
  return event
}

/** Completes when the event has been noted. */
export const waitFor = (event: string, worker: Journaled): Effect.Effect<string> =>
  Effect.as(worker.state.when(event), event)

/** Notes "start NAME", never ends, and notes "interrupted NAME" when it is interrupted. */
export const hold = (name: string, worker: Journaled): Effect.Effect<never> => {
  const { state } = worker
  return Effect.sync(() => state.note(`start ${name}`)).pipe(
    Effect.andThen(Effect.never),
    Effect.onInterrupt(() => Effect.andThen(Effect.yieldNow, Effect.sync(() => state.note(`interrupted ${name}`))))
  )
}

/** A Promise that settles only when the task is told that nobody wants it any more. */
export const holdPromise = (name: string, worker: Journaled): Promise<string> => {
  const { signal, state } = worker
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      state.note(`aborted ${name}`)
      resolve(name)
    }, { once: true })
    state.note(`start ${name}`)
  })
}

/** Notes how it learns that it is interrupted. */
export const holdSignal = (name: string, worker: Journaled): Effect.Effect<never> => {
  const { signal, state } = worker
  signal.addEventListener("abort", () => state.note(`aborted ${name}`), { once: true })
  return Effect.onInterrupt(
    hold(name, worker),
    () => Effect.sync(() => state.note(`signal ${signal.aborted}, interrupted ${worker.interrupted}`))
  )
}

/** Waits for an event and notes another; either may be left out. */
export const relay = (
  step: { readonly name: string; readonly after?: string; readonly note?: string },
  worker: Journaled
): Effect.Effect<string> => {
  const { state } = worker
  return Effect.as(
    Effect.andThen(
      step.after === undefined ? Effect.void : state.when(step.after),
      Effect.sync(() => step.note === undefined ? undefined : state.note(step.note))
    ),
    step.name
  )
}

/** Holds the item of that name; any other fails once that one has started. */
export const holdOrFail = (held: string, name: string, worker: Journaled): Effect.Effect<never, Busy> =>
  held === name
    ? hold(name, worker)
    : Effect.andThen(worker.state.when(`start ${held}`), Effect.fail(new Busy({ resource: name })))

/** Holds the item of that name; any other succeeds once that one has started. */
export const holdOrEnd = (held: string, name: string, worker: Journaled): Effect.Effect<string> =>
  held === name ? hold(name, worker) : Effect.as(worker.state.when(`start ${held}`), name)

/** Waits for as many as that to run at once; returns how many did, at most. */
export const meet = (parties: number, worker: Journaled): Effect.Effect<number> => {
  const { state } = worker
  return Effect.suspend(() => {
    if (state.enter() >= parties) state.note("met")
    return Effect.andThen(state.when("met"), Effect.yieldNow)
  }).pipe(Effect.map(() => state.leave()))
}

/** Uses its own Scope, whose closing takes a while. */
export const useScope = Effect.fnUntraced(function*(name: string, worker: Journaled) {
  const { state } = worker
  state.note(`open ${name}`)
  yield* Effect.addFinalizer(() =>
    Effect.andThen(Effect.yieldNow, Effect.sync(() => state.note(`close ${name}`)))
  )
  return name
})

/** Succeeds, but its Scope cannot be closed. */
export const failToClose = (message: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.as(Effect.addFinalizer(() => Effect.die(new Error(message))), message)

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

/** An error of a class of its own, with a property of its own. */
const makeDefect = (message: string): Error => Object.assign(new RangeError(message), { code: "E_RANGE" })

/** Throws unless the message is empty. */
export const explode = (message: string): string => {
  if (message === "") return "fine"
  throw makeDefect(message)
}

/** Rejects unless the message is empty. */
export const reject = (message: string): Promise<string> =>
  Promise.resolve().then(function rejects() {
    if (message === "") return "fine"
    throw makeDefect(message)
  })

/** Dies unless the message is empty. */
export const die = (message: string): Effect.Effect<string> =>
  Effect.suspend(function dies() {
    return message === "" ? Effect.succeed("fine") : Effect.die(makeDefect(message))
  })

/** Dies with what is no error. */
export const dieWith = (defect: unknown): Effect.Effect<never> => Effect.die(defect)

/** Dies with what cannot cross. */
export const dieWithFunction = (_: unknown): Effect.Effect<never> => Effect.die({ f: () => 1 })

/** Returns what cannot cross when it is asked to. */
export const returnFunction = (asked: boolean): boolean | (() => boolean) => asked ? () => asked : asked

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
export const beginLife = Effect.gen(function*() {
  const startedAt = yield* Clock.currentTimeMillis
  yield* Effect.addFinalizer(() => Effect.sleep(20))
  return startedAt
})

/** When the life began, and when it ended but for its finalizers. */
export const endLife = (worker: WorkerContext<number>): Effect.Effect<Life> =>
  Effect.map(Clock.currentTimeMillis, (exitedAt) => ({ startedAt: worker.state, exitedAt }))

/** A state that says which hook made it. */
export const openNamed = (name: string): string => name

/** Says which hook made the state, and which ended it. */
export const closeNamed = (name: string, worker: WorkerContext<string>): string => `${worker.state} to ${name}`

/** A hook that returns a Promise. */
export const openPromise = (worker: WorkerContext<void>): Promise<string> =>
  Promise.resolve().then(() => `worker ${worker.id}`)

/** A hook that returns a Promise. */
export const closePromise = (worker: WorkerContext<string>): Promise<string> =>
  Promise.resolve().then(() => `${worker.state} closed`)

/** A hook that returns an Effect. */
export const openEffect = (worker: WorkerContext<void>): Effect.Effect<string> =>
  Effect.as(Effect.yieldNow, `worker ${worker.id}`)

/** A hook that returns an Effect. */
export const closeEffect = (worker: WorkerContext<string>): Effect.Effect<string> =>
  Effect.as(Effect.yieldNow, `${worker.state} closed`)

/** The state of the worker. */
export const readState = (_: unknown, worker: WorkerContext<unknown>): unknown => worker.state

/** Fails. */
export const failToOpen = reserve("the port")

/** Throws. */
export const throwOnOpen = (): never => {
  throw makeDefect("no port")
}

/** Rejects. */
export const rejectOnOpen = (): Promise<never> => Promise.reject(makeDefect("no port"))

/** Does nothing. */
export const openNothing = (): string => ""

/** Never ends. */
export const openNever = Effect.never

/** Fails in the first slot. */
export const closeOrFail = (worker: WorkerContext): Effect.Effect<number, Busy> =>
  worker.id === 0 ? reserve("the door") : Effect.succeed(worker.id)

/** Throws. */
export const throwOnClose = (): string => {
  throw makeDefect("no door")
}

/** Does not throw. */
export const closeQuietly = (): string => "closed"

/** Never ends. */
export const closeNever = Effect.never

/** An exit hook with a result that cannot cross. */
export const closeWithFunction = () => () => true

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
  Effect.gen(function*() {
    const counter = yield* Counter
    return { worker: worker.id, count: yield* counter.next }
  })

/** A hook that uses the Counter. */
export const openCount = Effect.gen(function*() {
  const counter = yield* Counter
  return yield* counter.next
})

/** A hook that uses the Counter. */
export const closeCount = () => openCount

/** Cannot be built. */
export const noCounter: Layer.Layer<Counter, Busy> = Layer.effect(Counter, reserve("the counter"))

/** Remembers what happened for longer than anything else in its worker. */
export class Ledger extends Context.Service<Ledger, { readonly events: Array<string> }>()(
  "@effect-mpire/core/testing/Ledger"
) {}

/** The last finalizer of its worker dies with all that has happened: so a pool learns of it, wherever the worker is. */
export const ledger: Layer.Layer<Ledger> = Layer.effect(
  Ledger,
  Effect.gen(function*() {
    const events: Array<string> = []
    yield* Effect.addFinalizer(() => Effect.die(new Error(events.join(", "))))
    yield* Effect.addFinalizer(() => Effect.sync(() => events.push("services closed")))
    events.push("services built")
    return Ledger.of({ events })
  })
)

const enterInLedger = (event: string): Effect.Effect<void, never, Ledger> =>
  Effect.gen(function*() {
    const { events } = yield* Ledger
    // whatever does not wait for this to end comes before it
    yield* Effect.yieldNow
    events.push(event)
  })

/** A hook with two finalizers. */
export const openLedger = Effect.gen(function*() {
  const context = yield* Effect.context<Ledger>()
  const onClose = (event: string) =>
    Effect.addFinalizer(() => Effect.provideContext(enterInLedger(event), context))
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

/** A hook: counts in cell 0 who lives; cell 1 keeps the most who did. */
export const openCounted = Effect.fnUntraced(function*(memory: SharedArrayBuffer) {
  const living = cells(memory)
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const now = Atomics.add(living, 0, 1) + 1
      if (now > Atomics.load(living, 1)) Atomics.store(living, 1, now)
    }),
    () => Effect.andThen(Effect.yieldNow, Effect.sync(() => Atomics.sub(living, 0, 1)))
  )
})

const countIn = (memory: SharedArrayBuffer, cell: number): Effect.Effect<number> =>
  Effect.sync(() => Atomics.add(cells(memory), cell, 1))

/** A hook that fails, with a finalizer that counts in cell 0. */
export const failToOpenCounted = Effect.fnUntraced(function*(memory: SharedArrayBuffer) {
  yield* Effect.addFinalizer(() => countIn(memory, 0))
  return yield* failToOpen
})

/** A hook that never ends: cell 1 counts its starts, cell 0 its finalizers. */
export const openCountedNever = Effect.fnUntraced(function*(memory: SharedArrayBuffer) {
  yield* Effect.addFinalizer(() => countIn(memory, 0))
  yield* countIn(memory, 1)
  return yield* Effect.never
})

/** A hook with a finalizer that counts in cell 0. */
export const openFinalized = Effect.fnUntraced(function*(memory: SharedArrayBuffer) {
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
// Bound values
// -----------------------------------------------------------------------------

/** Adds a bound amount. */
export const add = (bound: { readonly amount: number }, n: number): number => bound.amount + n

/** All that it is given, in order. */
export const list = (first: string, second: string, item: string, worker: WorkerContext): ReadonlyArray<unknown> => [
  first,
  second,
  item,
  worker.id
]

/** Counts in a bound value. */
export const countBound = (bound: { count: number }): number => ++bound.count
