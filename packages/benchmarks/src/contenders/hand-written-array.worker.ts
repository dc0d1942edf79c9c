/** Takes slices until none is left, the next one from shared memory, and answers when it has done its last. */
import { parentPort } from "node:worker_threads"
import { wavesInto } from "../tasks/array.tasks.ts"

interface Job {
  readonly input: Float64Array
  readonly output: Float64Array
  readonly counter: Int32Array
  readonly length: number
}

parentPort!.on("message", ({ counter, input, length, output }: Job) => {
  for (let from = Atomics.add(counter, 0, length); from < input.length; from = Atomics.add(counter, 0, length)) {
    wavesInto(input, output, from, Math.min(from + length, input.length))
  }
  parentPort!.postMessage("done")
})
