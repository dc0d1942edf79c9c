/**
 * Real time, for what runs beside Effect or without it (T3).
 */

/** Calls back in a macrotask, as soon as the platform can: after messages that have arrived by now. */
export const defer: (f: () => void) => void =
  (globalThis as { readonly setImmediate?: (f: () => void) => void }).setImmediate ?? ((f) => setTimeout(f, 0))

/** The longest delay that platforms accept, in milliseconds (almost 25 days): timers with a longer one fire at once. */
const longest = 2_147_483_647

export type Timer = ReturnType<typeof setTimeout> | undefined

/** Calls back after `millis` milliseconds; never, when that is longer than platforms accept. */
export const after = (millis: number, f: () => void): Timer => (millis > longest ? undefined : setTimeout(f, millis))

/** What takes less than this, in milliseconds, is over before a thread that sleeps meanwhile could be woken. */
export const brief = 0.1
