/**
 * Ids of spans, made without Effect: the first is a random number of 64 bits, and each is the next after the one before,
 * which takes a fraction of the time that as many random digits would. Free of Effect.
 */

const random = (): number => Math.floor(Math.random() * 0x1_0000_0000)

const digits = (number: number, length: number): string => number.toString(16).padStart(length, "0")

const bytes = Array.from({ length: 256 }, (_, byte) => digits(byte, 2))

let high = random()
let low = random()
/** All digits but the last two. */
let prefix: string | undefined = undefined

export const nextSpanId = (): string => {
  low = (low + 1) >>> 0
  if (low === 0) high = (high + 1) >>> 0
  if ((low & 0xff) === 0 || prefix === undefined) {
    // an id of zeros would be none
    if (high === 0) high = 1
    prefix = digits(high, 8) + digits(low >>> 8, 6)
  }
  return prefix + bytes[low & 0xff]!
}
