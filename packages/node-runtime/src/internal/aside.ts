/**
 * A worker's second way to its pool: what is written to it has left this process when the call returns, so that neither
 * `process.exit` nor a SIGKILL loses it (O3).
 */
import { writeSync } from "node:fs"
import { asideFd } from "./descriptors.ts"
import { FrameWriter } from "./frames.ts"

/** How long a pool that reads nothing keeps a worker waiting, in milliseconds, where writing does not wait by itself. */
const longestWait = 1000

// tasks can replace it
const now = performance.now.bind(performance)

export class Aside {
  private readonly writer = new FrameWriter()
  /** Whether a frame could not be written whole: what came after it could not be read. */
  private isBroken = false

  /** Does nothing where the message cannot be written: it is sent by the channel too. */
  send(message: unknown): void {
    if (this.isBroken) return
    try {
      const { blocks, frame } = this.writer.write(message)
      for (const bytes of [frame, ...blocks]) this.write(bytes)
    } catch {
      this.isBroken = true
    }
  }

  private write(bytes: Buffer): void {
    const start = now()
    for (let written = 0; written < bytes.length;) {
      try {
        written += writeSync(asideFd, bytes, written)
      } catch (cause) {
        // a platform may have made the pipe one that does not wait
        if ((cause as NodeJS.ErrnoException).code !== "EAGAIN" || now() - start > longestWait) throw cause
        Atomics.wait(sleeping, 0, 0, 1)
      }
    }
  }
}

const sleeping = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
