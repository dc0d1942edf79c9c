/**
 * Real time, as Node offered it when the library was loaded: tests install timers of their own later, which stand still,
 * and a task can break its worker's (T5, F6).
 */
import * as timers from "node:timers"

export const { clearTimeout, setImmediate, setTimeout } = timers
