/**
 * Tasks and hooks of `RuntimeSuite` that need no Effect, so that workers which run only these start fast. They are
 * loaded in the workers of the runtime under test, which may share no memory with the pool: what they see comes back as
 * results, exit results and failures.
 *
 * @since 0.1.0
 */
import type { WorkerContext } from "../WorkerContext.ts"
import type { WorkerIdentity } from "../WorkerPoolError.ts"

// -----------------------------------------------------------------------------
// Values and Promises
// -----------------------------------------------------------------------------

/** Returns a plain value. */
export const square = (n: number): number => n * n

/** Returns a Promise. */
export const squareLater = (n: number): Promise<number> => Promise.resolve().then(() => n * n)

/** Computes for that many milliseconds. */
export const compute = (milliseconds: number): number => {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
  return milliseconds
}

/** Returns what it is given. */
export const echo = (value: unknown): unknown => value

/** Says which worker runs it. */
export const where = (_: unknown, worker: WorkerContext): WorkerIdentity => ({
  id: worker.id,
  generation: worker.generation
})

/** Says what it sees of its worker. */
export const describe = (_: unknown, worker: WorkerContext<string>) => ({
  id: worker.id,
  generation: worker.generation,
  state: worker.state,
  aborted: worker.signal.aborted,
  interrupted: worker.interrupted
})

/** Changes the object that it is given. */
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

  /** Calls back at every event from now on, until the returned function is called. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Counts an item that begins to run; returns how many run now. */
  enter(): number {
    this.active++
    this.peak = Math.max(this.peak, this.active)
    return this.active
  }

  /** Counts an item that has ended; returns the most that have ever run at once. */
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

/** A Promise that settles only when its signal says that the result is unwanted. */
export const holdPromise = (name: string, worker: Journaled): Promise<string> => {
  const { signal, state } = worker
  return new Promise((resolve) => {
    signal.addEventListener(
      "abort",
      () => {
        state.note(`aborted ${name}`)
        resolve(name)
      },
      { once: true }
    )
    state.note(`start ${name}`)
  })
}

// -----------------------------------------------------------------------------
// Failures
// -----------------------------------------------------------------------------

/** An error of a class of its own, with a property of its own. */
export const makeDefect = (message: string): Error => Object.assign(new RangeError(message), { code: "E_RANGE" })

/** Returns an error. */
export const returnError = (message: string): Error =>
  Object.assign(new RangeError(message, { cause: new TypeError("inner") }), { _tag: "Returned", code: 7 })

/** What a task sees of an error that it is given. */
export const lookAt = (error: Error): ReadonlyArray<unknown> => [error instanceof Error, error.name, { ...error }]

/** Returns an error, as an exit hook. */
export const closeWithError = (): Error => makeDefect("closed")

const shared = Object.assign(new Error("shared"), { data: { n: 1 } })

/** Throws the same error each time. */
export const throwShared = (_: unknown): never => {
  throw shared
}

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

/** Returns a function, which cannot cross, when it is asked to. */
export const returnFunction = (asked: boolean): unknown => (asked ? () => asked : asked)

// -----------------------------------------------------------------------------
// Hooks
// -----------------------------------------------------------------------------

/** A state that says which hook made it. */
export const openNamed = (name: string): string => name

/** Says which hook made the state, and that this one, `name`, ended it. */
export const closeNamed = (name: string, worker: WorkerContext<string>): string => `${worker.state} to ${name}`

/** A hook that returns a Promise. */
export const openPromise = (worker: WorkerContext<void>): Promise<string> =>
  Promise.resolve().then(() => `worker ${worker.id}`)

/** A hook that returns a Promise. */
export const closePromise = (worker: WorkerContext<string>): Promise<string> =>
  Promise.resolve().then(() => `${worker.state} closed`)

/** The state of the worker. */
export const readState = (_: unknown, worker: WorkerContext<unknown>): unknown => worker.state

/** What somebody's text was parsed to. */
interface Data {
  readonly [key: string]: string
}

/** A hook: the bound value is the state. */
export const openBound = (value: Data): Data => value

/** A hook: the state is the exit result. */
export const closeWithState = (worker: WorkerContext<Data>): Data => worker.state

/** Throws. */
export const throwOnOpen = (): never => {
  throw makeDefect("no port")
}

/** Rejects. */
export const rejectOnOpen = (): Promise<never> => Promise.reject(makeDefect("no port"))

/** An init hook that does no harm. */
export const openNothing = (): string => ""

/** Throws. */
export const throwOnClose = (): string => {
  throw makeDefect("no door")
}

/** An exit hook that does no harm. */
export const closeQuietly = (): string => "closed"

/** An exit hook with a result that cannot cross. */
export const closeWithFunction = (): unknown => () => true

// -----------------------------------------------------------------------------
// Bound values
// -----------------------------------------------------------------------------

/** Adds a bound amount. */
export const add = (bound: { readonly amount: number }, n: number): number => bound.amount + n

/** Returns the bound value. */
export const bound = (value: unknown, _: unknown): unknown => value

/** Returns all that it is given, in order. */
export const list = (first: string, second: string, item: string, worker: WorkerContext): ReadonlyArray<unknown> => [
  first,
  second,
  item,
  worker.id
]

/** Counts in a bound value. */
export const countBound = (bound: { count: number }): number => ++bound.count

/** Reads one of the bound numbers, and counts in the bound value how often that was done. */
export const readBound = (bound: { readonly numbers: Int32Array; reads: number }, index: number) => {
  bound.reads++
  return { number: bound.numbers[index], reads: bound.reads }
}

// -----------------------------------------------------------------------------
// Slices of arrays
// -----------------------------------------------------------------------------

/** Twice each number: a result as long as the slice. */
export const doubleAll = (slice: Float64Array): Float64Array => slice.map((x) => x * 2)

/** The same, in memory that the worker keeps. */
export const doubleInState = (slice: Float64Array, worker: WorkerContext<Float64Array>): Float64Array => {
  const kept = worker.state.subarray(0, slice.length)
  kept.set(slice)
  for (const [index, x] of kept.entries()) kept[index] = x * 2
  return kept
}

/** A hook: memory for `doubleInState`. */
export const openNumbers = (): Float64Array => new Float64Array(100)

/** Returns the memory that the worker keeps, whatever the slice. */
export const giveState = (_: Float64Array, worker: WorkerContext<Float64Array>): Float64Array => worker.state

/** The even numbers: a result that may be shorter than the slice. */
export const evenOnly = (slice: Int32Array): Int32Array => slice.filter((n) => n % 2 === 0)

/** Half of each number: a result of another type, by a Promise. */
export const toFloats = (slice: Int32Array): Promise<Float32Array> =>
  Promise.resolve().then(() => Float32Array.from(slice, (n) => n / 2))

/** One number for each slice. */
export const sum = (slice: Float64Array): Float64Array => Float64Array.of(slice.reduce((sum, x) => sum + x, 0))

/** The worker's generation, for each slice. */
export const generationOf = (_: Uint8Array, worker: WorkerContext): Uint32Array => Uint32Array.of(worker.generation)

/** Overwrites the slice, and returns no elements. */
export const fillWithOnes = (slice: Int32Array): Int32Array => slice.fill(1).subarray(0, 0)

/** Sets the slice's first element when it begins, and ends once somebody else has set the second. */
export const meetInMemory = async (slice: Int32Array): Promise<Int32Array> => {
  Atomics.store(slice, 0, 1)
  while (Atomics.load(slice, 1) === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  return Int32Array.of(Atomics.load(slice, 1))
}

/** Returns an array of another type when `n` is in the slice. */
export const changeTypeAt = (n: number, slice: Int32Array): Int32Array | Float64Array =>
  slice.includes(n) ? new Float64Array(slice) : slice

/** Returns no array when `n` is in the slice. */
export const noArrayAt = (n: number, slice: Int32Array): Int32Array | string => (slice.includes(n) ? "none" : slice)
