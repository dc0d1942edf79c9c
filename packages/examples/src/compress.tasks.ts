import type { WorkerContext } from "@effect-mpire/core/WorkerContext"
import * as fs from "node:fs"
import * as zlib from "node:zlib"

/** A worker's state: what it has done in its life. */
export interface Tally {
  files: number
  bytes: number
}

/** What a worker says of itself when it is released. */
export interface WorkerReport extends Readonly<Tally> {
  readonly id: number
  readonly generation: number
}

export interface Compressed {
  readonly bytesIn: number
  readonly output: Uint8Array
}

/** Reads and compresses one file: the same work in a worker and in the main thread. */
export const compressFile = (quality: number, path: string): Compressed => {
  const input = fs.readFileSync(path)
  const output = zlib.brotliCompressSync(input, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: quality } })
  // a Buffer may be a view of a larger one, all of which would be cloned
  return { bytesIn: input.byteLength, output: new Uint8Array(output) }
}

export const makeTally = (): Tally => ({ files: 0, bytes: 0 })

export const compress = (quality: number, path: string, worker: WorkerContext<Tally>): Compressed => {
  const compressed = compressFile(quality, path)
  worker.state.files += 1
  worker.state.bytes += compressed.bytesIn
  return compressed
}

export const reportTally = (worker: WorkerContext<Tally>): WorkerReport => ({
  id: worker.id,
  generation: worker.generation,
  ...worker.state
})
