/**
 * What many workers of this process are sent, such as values bound to tasks: named by its sha256, so that a runner asks for it
 * once, however many workers it is for (K10).
 */
import { createHash } from "node:crypto"
import type { Link } from "../link/link.ts"
import { kinds } from "../frames/frame.ts"
import type * as words from "../link/words.ts"

/** What has fewer bytes is sent to each worker: to ask for it takes longer. */
const least = 65_536

/** How many bytes at the beginning of a message may be other ones for each worker: its number, and that of what it tells. */
const own = 256

interface Entry {
  readonly sha256: string
  readonly bytes: Uint8Array
  users: number
}

/** What runners may still ask for: once in memory, though it is written anew for each worker. */
export class SentBlobs {
  private readonly entries = new Map<string, Entry>()

  hold(bytes: Uint8Array): Entry {
    const entry = this.find(bytes) ?? this.add(bytes)
    entry.users++
    return entry
  }

  /** The same bytes, if they are there: to compare them takes a small part of the time that it takes to name them. */
  private find(bytes: Uint8Array): Entry | undefined {
    for (const entry of this.entries.values()) {
      if (entry.bytes.length === bytes.length && Buffer.compare(entry.bytes, bytes) === 0) return entry
    }
    return undefined
  }

  private add(bytes: Uint8Array): Entry {
    const entry = { sha256: createHash("sha256").update(bytes).digest("hex"), bytes, users: 0 }
    this.entries.set(entry.sha256, entry)
    return entry
  }

  release(entry: Entry): void {
    if (--entry.users === 0) this.entries.delete(entry.sha256)
  }
}

/** What one worker is sent by name. */
export class BlobsThere {
  private readonly link: Link
  private readonly sent: SentBlobs
  /** What its runner has not said that it has, by the numbers of the words that named it. */
  private readonly held = new Map<number, Entry>()
  private next = 0

  constructor(link: Link, sent: SentBlobs) {
    this.link = link
    this.sent = sent
    link.onRelease(() => {
      for (const number of this.held.keys()) this.release(number)
    })
  }

  /** Sends a message, whose parts are these, in its place among others; what is large in it by name. */
  send([frame, ...blocks]: ReadonlyArray<Uint8Array>): void {
    if (frame!.length < own + least) this.link.send(kinds.data, frame!)
    else {
      this.link.send(kinds.data, frame!.subarray(0, own))
      this.sendByName(frame!.subarray(own))
    }
    for (const block of blocks) {
      if (block.length < least) this.link.send(kinds.data, block)
      else this.sendByName(block)
    }
  }

  /** The runner asks for something, or says that it has it. */
  answered({ _tag, number }: words.FetchBlob | words.HasBlob): void {
    if (_tag === "HasBlob") return this.release(number)
    const entry = this.held.get(number)
    if (entry !== undefined) this.link.send(kinds.blob, entry.bytes)
  }

  private sendByName(bytes: Uint8Array): void {
    if (!this.link.isOpen) return
    const number = this.next++
    const entry = this.sent.hold(bytes)
    this.held.set(number, entry)
    this.link.say({ _tag: "Blob", number, sha256: entry.sha256, size: bytes.length } satisfies words.Blob)
  }

  private release(number: number): void {
    const entry = this.held.get(number)
    if (entry === undefined) return
    this.held.delete(number)
    this.sent.release(entry)
  }
}
