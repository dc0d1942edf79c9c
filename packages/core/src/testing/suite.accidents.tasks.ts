/**
 * Tasks and hooks of `RuntimeSuite` that harm their worker. Free of Effect, so that the workers which are started again
 * and again because of them start fast.
 *
 * @since 0.1.0
 */
import type { WorkerContext } from "../WorkerContext.ts"
import type { Journal } from "./suite.plain.tasks.ts"

/** The part of Node's `process` that every runtime offers whose workers can vanish. */
interface Process {
  readonly pid: number
  readonly exit: (code: number) => never
  readonly kill: (pid: number, signal: string) => void
}

const { process } = globalThis as unknown as { readonly process: Process }

type Journaled = WorkerContext<Journal>

const never = (): Promise<never> => new Promise(() => {})

// -----------------------------------------------------------------------------
// Workers that end
// -----------------------------------------------------------------------------

/** Ends the worker when `n` is `item`, and returns any other `n`. */
export const exitAt = (item: number, n: number): number => (n === item ? process.exit(3) : n)

/** Ends the first worker of a slot when `n` is `item`, and returns any other `n`. */
export const exitAtFirst = (item: number, n: number, worker: WorkerContext): number =>
  n === item && worker.generation === 1 ? process.exit(3) : n

/** Ends the worker after `milliseconds`, when the item is done already. */
export const exitAfter = (milliseconds: number): number => {
  setTimeout(() => process.exit(3), milliseconds)
  return milliseconds
}

/** Throws where nothing catches it, while the item runs, when `n` is `item`, and returns any other `n`. */
export const throwOutsideAt = (item: number, n: number): number | Promise<never> => {
  if (n !== item) return n
  setTimeout(() => {
    throw new RangeError("thrown outside")
  }, 0)
  return never()
}

/** An error that has its `_tag` from its class. */
class Tagged extends Error {
  get _tag(): string {
    return "Tagged"
  }
}

/** Throws an error where nothing catches it: one of a class with a `_tag`, or an AggregateError. */
export const throwOutside = (kind: "tagged" | "aggregate"): Promise<never> => {
  setTimeout(() => {
    throw kind === "tagged" ? new Tagged("thrown outside") : new AggregateError([new RangeError("one of them")])
  }, 0)
  return never()
}

/** Rejects where nothing catches it, while the item runs, when `n` is `item`, and returns any other `n`. */
export const rejectOutsideAt = (item: number, n: number): number | Promise<never> => {
  if (n !== item) return n
  void Promise.reject(new RangeError("rejected outside"))
  return never()
}

/** Throws where nothing catches it after `milliseconds`, when the item is done already. */
export const throwAfter = (milliseconds: number): number => {
  setTimeout(() => {
    throw new RangeError("thrown later")
  }, milliseconds)
  return milliseconds
}

/** Sends its process the signal when `n` is `item`, which then never ends, and returns any other `n`. */
export const signalAt = (signal: string, item: number, n: number): number | Promise<never> => {
  if (n !== item) return n
  process.kill(process.pid, signal)
  return never()
}

/** Sends its process the signal after `milliseconds`, when the item is done already. */
export const signalAfter = (signal: string, milliseconds: number): number => {
  setTimeout(() => process.kill(process.pid, signal), milliseconds)
  return milliseconds
}

// -----------------------------------------------------------------------------
// Items that do not end
// -----------------------------------------------------------------------------

/** Computes for ever. */
export const loop = (_?: unknown): never => {
  for (;;);
}

/** Computes for ever when `n` is `item`, and returns any other `n`. */
export const loopAt = (item: number, n: number): number => (n === item ? loop() : n)

/** A Promise that never settles, whatever its signal says. */
export const pend = (_: unknown): Promise<never> => never()

/** Blocks its worker as soon as the item is done, by computing for ever. */
export const loopLater = (n: number): number => loopAfter(0, n)

/** Blocks its worker so many milliseconds after the item is done. */
export const loopAfter = (delay: number, n: number): number => {
  setTimeout(loop, delay)
  return n
}

/** Computes until `interrupted` says that its result is unwanted. */
export const pollInterrupted = (_: unknown, worker: Journaled): void => {
  worker.state.note("start")
  while (!worker.interrupted);
  worker.state.note("end")
}

/** Computes until its signal is aborted. */
export const pollSignal = (_: unknown, worker: Journaled): void => {
  const { signal, state } = worker
  state.note("start")
  while (!signal.aborted);
  state.note("end")
}

/** Waits until its signal is aborted. */
export const awaitSignal = (_: unknown, worker: Journaled): Promise<void> => {
  const { signal, state } = worker
  state.note("start")
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      state.note("end")
      resolve()
    })
  })
}

/** Waits for ever. */
export const waitForEver = (_: unknown, worker: Journaled): Promise<never> => {
  worker.state.note("start")
  return never()
}

// -----------------------------------------------------------------------------
// Results and failures
// -----------------------------------------------------------------------------

/** Throws what it is given. */
export const throwIt = (value: unknown): never => {
  throw value as Error
}

/** A result of `bytes` bytes. */
export const fill = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(7)

// -----------------------------------------------------------------------------
// Hooks
// -----------------------------------------------------------------------------

/** Throws an error with the message bound to it. */
export const throwNamedOnOpen = (message: string): never => {
  throw new RangeError(message)
}

/** Throws in the first worker of a slot; in others, returns the generation. */
export const throwOnFirstOpen = (worker: WorkerContext<void>): number => {
  if (worker.generation === 1) throw new RangeError("the first time")
  return worker.generation
}

/** Never settles. */
export const pendOnOpen = never

/** Computes for ever. */
export const loopOnOpen = (): string => loop()

/** Ends the worker. */
export const exitOnOpen = (): string => process.exit(3)

/** Ends the first worker of a slot; in others, returns the generation. */
export const exitOnFirstOpen = (worker: WorkerContext<void>): number =>
  worker.generation === 1 ? process.exit(3) : worker.generation

/** Sends the process of the first worker of a slot the signal; in others, returns the generation. */
export const signalOnFirstOpen = (signal: string, worker: WorkerContext<void>): number | Promise<never> => {
  if (worker.generation > 1) return worker.generation
  process.kill(process.pid, signal)
  return never()
}

/** Does no harm, and returns a number. */
export const openNumber = (): number => 0

/** Never settles. */
export const pendOnClose = never

/** Computes for ever. */
export const loopOnClose = (): string => loop()

/** Ends the worker. */
export const exitOnClose = (): string => process.exit(3)

/** Ends the worker in the first slot. */
export const exitOnCloseOfFirst = (worker: WorkerContext): number => (worker.id === 0 ? process.exit(3) : worker.id)

/** Sends its process the signal. */
export const signalOnClose = (signal: string): Promise<never> => {
  process.kill(process.pid, signal)
  return never()
}

/** `bytes` bytes as an exit result. */
export const closeFilled = (bytes: number): Uint8Array => fill(bytes)

/** Ends the first worker of a slot when `n` is in the slice, and doubles the numbers of any other slice. */
export const exitInSliceAtFirst = (n: number, slice: Float64Array, worker: WorkerContext): Float64Array =>
  slice.includes(n) && worker.generation === 1 ? process.exit(3) : slice.map((x) => x * 2)

/** Computes for ever when `n` is in the slice. */
export const loopInSlice = (n: number, slice: Float64Array): Float64Array => {
  while (slice.includes(n));
  return slice
}
