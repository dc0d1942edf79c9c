/**
 * Ends this process, and says at which operation it was, when its main thread is stuck: an endless loop cannot be told by
 * a timer of its own.
 */
import { Worker } from "node:worker_threads"

/** How long the main thread may be stuck, in milliseconds; machines may be busy. */
const longest = 120_000

/** Returns what is to be told of each operation that begins. */
export const watch = (seed: number): ((operation: number) => void) => {
  const beats = new Float64Array(new SharedArrayBuffer(16))
  const worker = new Worker(guard, { eval: true, workerData: { beats, longest, seed } })
  worker.unref()
  setInterval(() => {
    beats[0] = beats[0]! + 1
  }, 1000).unref()
  return (operation) => {
    beats[1] = operation
  }
}

const guard = `
  const { writeSync } = require("node:fs")
  const { beats, longest, seed } = require("node:worker_threads").workerData
  let last = -1
  setInterval(() => {
    if (beats[0] === last) {
      writeSync(2, "violation (seed " + seed + "): the main thread is stuck since operation " + beats[1] + "\\n")
      process.kill(process.pid, "SIGKILL")
    }
    last = beats[0]
  }, longest)
`
