/**
 * The numbers of a worker's control block on their way: pairs of an index and a value.
 */
import { ProtocolError } from "../frames/frame.ts"

const pairLength = 8

export const encode = (pairs: ReadonlyArray<readonly [index: number, value: number]>): Uint8Array => {
  const bytes = Buffer.allocUnsafe(pairs.length * pairLength)
  pairs.forEach(([index, value], at) => {
    bytes.writeUInt32LE(index, at * pairLength)
    bytes.writeInt32LE(value, at * pairLength + 4)
  })
  return bytes
}

/** Calls `set` with each pair. Throws for what cannot be pairs of a block of `count` numbers. */
export const decode = (bytes: Buffer, count: number, set: (index: number, value: number) => void): void => {
  if (bytes.length % pairLength !== 0) throw new ProtocolError(`Numbers of ${bytes.length} bytes have arrived`)
  for (let at = 0; at < bytes.length; at += pairLength) {
    const index = bytes.readUInt32LE(at)
    if (index >= count) throw new ProtocolError(`Number ${index} of ${count} has arrived`)
    set(index, bytes.readInt32LE(at + 4))
  }
}

/** How often a block that changes while it is read is read again. */
const mostReads = 4

/** What has changed in a control block since it was read last. */
export class Changes {
  private readonly readAll: (into: Int32Array) => void
  private readonly known: Int32Array
  private numbers: Int32Array
  private again: Int32Array

  /** `readAll` reads the block, which has `count` numbers. */
  constructor(readAll: (into: Int32Array) => void, count: number) {
    this.readAll = readAll
    this.known = new Int32Array(count)
    this.numbers = new Int32Array(count)
    this.again = new Int32Array(count)
  }

  /**
   * The numbers that have changed, as they stood at one moment: a block is read until two readings are equal. None where it
   * does not stand still; `final` takes the last reading then, since nobody sets the numbers any more.
   */
  take(final = false): ReadonlyArray<readonly [index: number, value: number]> {
    const { known, readAll } = this
    readAll(this.numbers)
    for (let reads = 0; ; reads++) {
      readAll(this.again)
      if (final || this.again.every((value, index) => value === this.numbers[index])) break
      if (reads === mostReads) return []
      ;[this.numbers, this.again] = [this.again, this.numbers]
    }
    const changed: Array<readonly [index: number, value: number]> = []
    this.numbers.forEach((value, index) => {
      if (value === known[index]) return
      known[index] = value
      changed.push([index, value])
    })
    return changed
  }
}
