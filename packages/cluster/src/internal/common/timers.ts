/** Real time, as Node offered it when the library was loaded: what tests install later stands still (T5). */
import * as timers from "node:timers"

export const { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } = timers

/** Milliseconds of this machine's monotonic clock. */
export const now: () => number = performance.now.bind(performance)
