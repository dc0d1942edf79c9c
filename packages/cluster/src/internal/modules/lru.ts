/**
 * Bytes by their names, of which those are kept that were used last, up to a limit. Pure: it waits for nothing.
 *
 * What is in use cannot be dropped, because somebody holds it anyway. What does not fit beside it is there for as long as it is in
 * use, so that all who want it at once share it, and counts as not kept.
 */

interface Entry {
  /** How many use it, or wait for it. */
  users: number
  bytes: Uint8Array | undefined
  isKept: boolean
}

export class Lru {
  readonly limit: number
  /** In the order in which they were used last, the oldest first. */
  private readonly entries = new Map<string, Entry>()
  private kept = 0

  /** Keeps at most so many bytes. */
  constructor(limit: number) {
    this.limit = limit
  }

  /** How many bytes are kept: never more than the limit. */
  get bytes(): number {
    return this.kept
  }

  /** How many are there, in use or kept. */
  get size(): number {
    return this.entries.size
  }

  /** Begins a use, which keeps what is there, or is put there meanwhile, from being dropped. */
  use(name: string): void {
    const entry = this.entries.get(name) ?? { users: 0, bytes: undefined, isKept: false }
    entry.users++
    this.entries.set(name, entry)
  }

  get(name: string): Uint8Array | undefined {
    return this.entries.get(name)?.bytes
  }

  /** Puts bytes there, for a name that is in use. */
  put(name: string, bytes: Uint8Array): void {
    const entry = this.entries.get(name)
    if (entry === undefined || entry.bytes !== undefined) return
    entry.bytes = bytes
    this.keep(entry)
  }

  /** Ends a use. */
  release(name: string): void {
    const entry = this.entries.get(name)
    if (entry === undefined || entry.users === 0) return
    entry.users--
    // it has been used last, now
    this.entries.delete(name)
    if (entry.users > 0 || this.keep(entry)) this.entries.set(name, entry)
  }

  /** Makes room for it, if it can; says whether it is kept. */
  private keep(entry: Entry): boolean {
    if (entry.isKept || entry.bytes === undefined) return entry.isKept
    const { byteLength } = entry.bytes
    const droppable = [...this.entries].filter(([, other]) => other.isKept && other.users === 0)
    const room = droppable.reduce((sum, [, { bytes }]) => sum + bytes!.byteLength, this.limit - this.kept)
    // nothing is dropped for what does not fit all the same
    if (room < byteLength) return false
    for (const [name, { bytes }] of droppable) {
      if (this.limit - this.kept >= byteLength) break
      this.kept -= bytes!.byteLength
      this.entries.delete(name)
    }
    this.kept += byteLength
    entry.isKept = true
    return true
  }
}
