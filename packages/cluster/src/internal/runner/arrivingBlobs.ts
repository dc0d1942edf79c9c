/**
 * What a driver sends a worker by its name: from the runner's cache, or else from the driver (K10).
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { BlobMismatch } from "../../ClusterError.ts"
import { ProtocolError } from "../frames/frame.ts"
import type { Link } from "../link/link.ts"
import type * as words from "../link/words.ts"
import type { Blobs } from "../modules/blobs.ts"

/** What is being fetched. */
interface Arriving {
  readonly bytes: Buffer
  filled: number
  readonly done: () => void
}

/** One worker's: there is one at a time, because what comes after it waits. */
export class ArrivingBlobs {
  private readonly link: Link
  private readonly blobs: Blobs
  private readonly maxSize: number
  private arriving: Arriving | undefined = undefined

  constructor(link: Link, blobs: Blobs, maxSize: number) {
    this.link = link
    this.blobs = blobs
    this.maxSize = maxSize
  }

  /** Throws when it has more bytes than a message may have. */
  check({ size }: words.Blob): void {
    if (size > this.maxSize) throw new ProtocolError(`A value of ${size} bytes was named, and may have ${this.maxSize}`)
  }

  /** The bytes, which nobody may change. */
  get(blob: words.Blob): Effect.Effect<Uint8Array, BlobMismatch | ProtocolError, Scope.Scope> {
    return this.blobs.get(blob.sha256, this.fetch(blob))
  }

  /** Some of the bytes that were asked for. Throws when none were. */
  piece(bytes: Buffer): void {
    const { arriving } = this
    if (arriving === undefined || bytes.length > arriving.bytes.length - arriving.filled) {
      throw new ProtocolError("Bytes have arrived that were not asked for")
    }
    arriving.bytes.set(bytes, arriving.filled)
    arriving.filled += bytes.length
    if (arriving.filled === arriving.bytes.length) arriving.done()
  }

  private fetch({ number, size }: words.Blob): Effect.Effect<Uint8Array, ProtocolError> {
    return Effect.callback((resume) => {
      let bytes: Buffer
      try {
        bytes = Buffer.allocUnsafeSlow(size)
      } catch (cause) {
        return resume(Effect.fail(new ProtocolError(`There is no memory for a value of ${size} bytes`, { cause })))
      }
      const done = () => {
        this.arriving = undefined
        resume(Effect.succeed(bytes))
      }
      this.arriving = { bytes, filled: 0, done }
      this.link.say({ _tag: "FetchBlob", number } satisfies words.FetchBlob)
      return Effect.sync(() => {
        this.arriving = undefined
      })
    })
  }
}
