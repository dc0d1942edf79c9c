/**
 * The keys of a cluster: what is written in files and variables becomes bytes, and never comes out again (K11).
 */
import * as Redacted from "effect/Redacted"
import { createHash, createHmac, timingSafeEqual } from "node:crypto"

/** The least number of bytes, and how to have some made, as messages say it. */
const least = 32
const cure = "`openssl rand -base64 32` makes a good one"

/** A key that both ends of a connection know. */
export interface Key {
  /** What is sent in the clear to say which key it is: a hash, from which nobody finds the key. */
  readonly identity: string
  /** What the handshake proves that both ends know. */
  readonly psk: Redacted.Redacted<Buffer>
}

/** What is wrong with a text, in words that say nothing of it. */
export class Problem {
  readonly words: string
  constructor(words: string) {
    this.words = words
  }
}

const hash = (bytes: Uint8Array, purpose: string): Buffer =>
  createHmac("sha256", bytes).update(`effect-mpire ${purpose}`).digest()

/** The key of these bytes. Neither the identity nor what the handshake uses is the bytes themselves, so any length will do. */
const keyOf = (bytes: Uint8Array): Key => ({
  identity: hash(bytes, "identity").toString("hex"),
  psk: Redacted.make(hash(bytes, "key"), { label: "a key of the cluster" })
})

/** A key from base64, also that of URLs, or hex. */
const decode = (text: string): Key | Problem => {
  // what has but the digits of hex could be base64 as well, and is never meant so
  const isHex = /^[0-9a-f]+$/i.test(text)
  if (isHex && text.length % 2 !== 0) return new Problem(`it is hex of an odd number of digits (${cure})`)
  const digits = text.replace(/={1,2}$/, "")
  if (!isHex && (!/^[\w+/-]+$/.test(digits) || digits.length % 4 === 1))
    return new Problem(`it is neither base64 nor hex (${cure})`)
  const bytes = Buffer.from(text, isHex ? "hex" : "base64")
  if (bytes.length < least)
    return new Problem(`it decodes to ${bytes.length} bytes, and at least ${least} are needed (${cure})`)
  if (bytes.every((byte) => byte === bytes[0])) return new Problem(`all of its bytes are the same (${cure})`)
  return keyOf(bytes)
}

const wordsOf = (text: string): ReadonlyArray<string> =>
  text
    // a mark of byte order, as some editors begin a file with
    .replace(/^\uFEFF/, "")
    .replaceAll(/^[ \t]*#.*$/gm, "")
    .split(/[\s,]+/)
    .filter((word) => word !== "")

/**
 * The keys of a text, which stand between blanks, commas and lines; what follows a `#` at the beginning of a line is a
 * comment. The first one is sent, all are accepted: so keys are changed one machine after another.
 */
export const parse = (text: string): ReadonlyArray<Key> | Problem => {
  const words = wordsOf(text)
  if (words.length === 0) return new Problem(`it is empty (${cure})`)
  const keys: Array<Key> = []
  for (const [n, word] of words.entries()) {
    const key = decode(word)
    if (key instanceof Problem)
      return words.length === 1 ? key : new Problem(`of its ${words.length} keys, number ${n + 1}: ${key.words}`)
    keys.push(key)
  }
  return keys
}

/** Whether a text may be a key, well-formed or not: as many letters as the shortest key has, without a blank or dot. */
export const looksLikeKey = (text: string): boolean => /[\w+/=-]{40}/.test(text)

const sameText = (one: string, other: string): boolean => {
  const digest = (text: string) => createHash("sha256").update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}

/** The key with that identity. All are looked at, each in the same time: nobody learns how close a guess was. */
export const find = (keys: ReadonlyArray<Key>, identity: string): Key | undefined => {
  let found: Key | undefined
  for (const key of keys) if (sameText(key.identity, identity)) found = key
  return found
}

/** Whether one of the keys is a word of a text. */
export const holds = (keys: ReadonlyArray<Key>, text: string): boolean =>
  wordsOf(text).some((word) => {
    const key = decode(word)
    return !(key instanceof Problem) && find(keys, key.identity) !== undefined
  })
