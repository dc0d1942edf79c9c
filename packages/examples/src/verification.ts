import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { Buffer } from "node:buffer"
import * as zlib from "node:zlib"
import type { Compressed, WorkerReport } from "./compress.tasks.ts"

export class VerificationFailed extends Data.TaggedError("VerificationFailed")<{ readonly message: string }> {}

const fail = (message: string) => Effect.fail(new VerificationFailed({ message }))

/** A worker's output is the same as the serial pass's, and decompresses to what went in. */
export const output = (
  path: string,
  input: Uint8Array,
  serial: Compressed | undefined,
  pooled: Compressed | undefined
): Effect.Effect<void, VerificationFailed> => {
  if (serial === undefined || pooled === undefined) return fail(`${path}: there is no output`)
  if (!Buffer.from(serial.output).equals(pooled.output)) return fail(`${path}: the output is not the serial pass's`)
  return Effect.try({
    try: () => zlib.brotliDecompressSync(pooled.output),
    catch: (cause) => new VerificationFailed({ message: `${path}: the output does not decompress: ${String(cause)}` })
  }).pipe(
    Effect.flatMap((decompressed) =>
      decompressed.equals(input) ? Effect.void : fail(`${path}: the output does not decompress to the file`)
    )
  )
}

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((total, n) => total + n, 0)

/** Every worker that lived reported once, and between them they had each file of each round. */
export const reports = (
  workers: number,
  rounds: ReadonlyArray<{ readonly files: number; readonly bytesIn: number }>,
  reports: ReadonlyArray<WorkerReport>
): Effect.Effect<void, VerificationFailed> =>
  reports.length === workers &&
  new Set(reports.map(({ generation, id }) => `${id}/${generation}`)).size === workers &&
  sum(reports.map(({ files }) => files)) === sum(rounds.map(({ files }) => files)) &&
  sum(reports.map(({ bytes }) => bytes)) === sum(rounds.map(({ bytesIn }) => bytesIn))
    ? Effect.void
    : fail(`${workers} workers did ${JSON.stringify(rounds)}, and reported ${JSON.stringify(reports)}`)
