/**
 * Time given to what other threads and processes do. A timer alone would not tell how much of it they had: where this thread
 * has computed, or the machine has stood still, it fires before what has arrived meanwhile is read (O4, F5).
 */
import { clearTimeout, setImmediate, setTimeout } from "./timers.ts"

// tasks and tests can replace it
const now = performance.now.bind(performance)

/** How late a look may be, in milliseconds, and for how long one that is later is put off. */
const mostLate = 100
const putOff = 100

/**
 * Calls `look` in `millis` milliseconds, after what has arrived until then has been handled. Where that is late it is put off,
 * once. Keeps the process running meanwhile if `keepsRunning`. Returns how to call it off.
 */
export const after = (
  millis: number,
  look: () => void,
  { keepsRunning }: { readonly keepsRunning: boolean }
): (() => void) => {
  let isOff = false
  let timer: NodeJS.Timeout
  const wait = (time: number, mayPutOff: boolean) => {
    const due = now() + time
    timer = setTimeout(() => {
      const isLate = now() - due > mostLate
      // the event loop reads what has arrived between its timers and this
      setImmediate(() => {
        if (isOff) return
        if (isLate && mayPutOff) wait(putOff, false)
        else look()
      })
    }, time)
    if (!keepsRunning) timer.unref()
  }
  wait(millis, true)
  return () => {
    isOff = true
    clearTimeout(timer)
  }
}
