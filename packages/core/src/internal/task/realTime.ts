/**
 * Real time, for what runs beside Effect or without it (T3): what the platform offered when the library was loaded. Tests
 * install timers of their own later, which stand still, and a task can break its worker's (T5, F6).
 */

const { clearTimeout, MessageChannel: Messages, performance, setTimeout } = globalThis

const { setImmediate } = globalThis as { readonly setImmediate?: (f: () => void) => void }

/**
 * What `now` reads and `after` waits by; a test of what depends on them can put others in their place. Browsers refuse their
 * own functions as methods of anything else.
 */
export const clock: { now: () => number; setTimeout: (f: () => void, millis: number) => Timer } = {
  now: performance.now.bind(performance),
  setTimeout: (f, millis) => setTimeout(f, millis)
}

/** Milliseconds since some moment in the past; never goes back. */
export const now = (): number => clock.now()

/** The wall clock, in milliseconds since 1970. */
export const wallClock: () => number = Date.now

/**
 * As `setImmediate`, for browsers, which have none, and let a timer that a timer has set wait for 4 milliseconds. A port is
 * made when it is first needed, because one that listens can keep a process running elsewhere.
 */
const deferByMessage = (): ((f: () => void) => void) => {
  if (typeof Messages !== "function") return (f) => setTimeout(f, 0)
  const { port1, port2 } = new Messages()
  const waiting: Array<() => void> = []
  port1.addEventListener("message", () => waiting.shift()?.())
  port1.start()
  return (f) => {
    waiting.push(f)
    port2.postMessage(undefined)
  }
}

let byMessage: ((f: () => void) => void) | undefined

/** Calls back in a macrotask, as soon as the platform can: after messages that have arrived by now. */
export const defer: (f: () => void) => void =
  setImmediate === undefined ? (f) => (byMessage ??= deferByMessage())(f) : (f) => setImmediate(f)

/** The longest delay that platforms accept, in milliseconds (almost 25 days): timers with a longer one fire at once. */
const longest = 2_147_483_647

/** How long a thread's event loop has been busy, and has had nothing to do, in milliseconds. */
export interface Utilization {
  readonly active: number
  readonly idle: number
}

const { eventLoopUtilization } = performance as { readonly eventLoopUtilization?: () => Utilization | undefined }

/** How busy this thread has been since it began; `undefined` where the platform does not tell. */
export const utilization = (): Utilization | undefined => eventLoopUtilization?.call(performance)

export type Timer = ReturnType<typeof setTimeout> | undefined

/** Calls back after `millis` milliseconds; never, when that is longer than platforms accept. */
export const after = (millis: number, f: () => void): Timer =>
  millis > longest ? undefined : clock.setTimeout(f, millis)

/** As `after`, but does not keep the process running. */
export const afterIfRunning = (millis: number, f: () => void): Timer => {
  const timer = after(millis, f)
  ;(timer as { readonly unref?: () => void } | undefined)?.unref?.()
  return timer
}

export const cancel = (timer: Timer): void => clearTimeout(timer)

/** What takes less than this, in milliseconds, is over before a thread that sleeps meanwhile could be woken. */
export const brief = 0.1
