/**
 * Real time, for what runs beside Effect or without it (T3).
 */

/** A macrotask, as soon as the platform can: messages that have arrived come first. */
export const defer: (f: () => void) => void =
  (globalThis as { readonly setImmediate?: (f: () => void) => void }).setImmediate ?? ((f) => setTimeout(f, 0))

/** What platforms take for a delay, in milliseconds, almost 25 days; they fire at once for a longer one. */
const longest = 2_147_483_647

export type Timer = ReturnType<typeof setTimeout> | undefined

/** Calls back after so many milliseconds; never, when that is longer than any platform waits. */
export const after = (millis: number, f: () => void): Timer => (millis > longest ? undefined : setTimeout(f, millis))

/** What takes less than that, in milliseconds, takes no longer than to wake a thread that has gone to sleep. */
export const brief = 0.1
