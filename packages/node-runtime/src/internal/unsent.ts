/**
 * What a thread has printed and not yet handed over: Node sends it a batch at a time, each when the one before has been read,
 * and a thread that is ended loses the rest (O4).
 */
import type { Readable } from "node:stream"
import type { Worker } from "node:worker_threads"
import type { Output } from "./ending.ts"
import type { Taking } from "./output.ts"

/** For how long nothing of it may arrive until it is given up, in milliseconds: a batch of a million lines takes seconds. */
const patience = 5000

/** A stream, with what it sends by what was written to it. */
interface Sender {
  _writev?: (chunks: ReadonlyArray<unknown>, done: (error?: Error | null) => void) => void
}

/** In the thread: keeps the number of batches that are on their way where the other end sees it, however busy this one is. */
export const track = (batches: Int32Array): void => {
  for (const stream of [process.stdout, process.stderr] as ReadonlyArray<unknown> as ReadonlyArray<Sender>) {
    const send = stream._writev
    // Bun and Deno print by other ways
    if (typeof send !== "function") continue
    stream._writev = (chunks, done) => {
      Atomics.add(batches, 0, 1)
      Reflect.apply(send, stream, [
        chunks,
        (error?: Error | null) => {
          // sends the next batch, before this one is counted off: in between it would seem that there is none
          done(error)
          Atomics.sub(batches, 0, 1)
        }
      ])
    }
  }
}

/**
 * At the other end: what it prints is read as fast as it comes once the thread has been told to end, whatever the pace of who
 * reads this process's output, for which it waits here.
 */
export const ofThread = (thread: Worker, batches: Int32Array, taking: Taking): Output => {
  let last = 0
  const isUnderWay = () => Atomics.load(batches, 0) > 0
  const taken = taking.take(thread, isUnderWay)
  return {
    letFlow: () => {
      last = performance.now()
      for (const name of ["stdout", "stderr"] as const) {
        // Bun has none where nobody reads them
        const from: Readable | null = thread[name]
        from?.on("data", () => {
          last = performance.now()
        })
        if (taking.reads[name]) continue
        // Node's own way makes the thread wait
        const to = process[name]
        from
          ?.unpipe(to)
          .on("data", (piece: Uint8Array) => to.write(piece))
          .resume()
      }
      taken.letFlow()
    },
    isComing: () => isUnderWay() && performance.now() - last < patience
  }
}
