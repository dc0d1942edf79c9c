/**
 * The items of a call that are sent again: those that had not started where they were, and, where `onWorkerLost` says
 * so, those that were in hand when a worker was lost (F2).
 */
import type { InHand } from "../../WorkerRuntime.ts"
import type { CallChunk, ChunkItems } from "./callChunk.ts"
import { type Isolation, type LostRunner, type Suspicion, suspicions } from "./isolation.ts"

/** How often an item that ran when its worker was lost is sent again; with `"never"`, no item that had started is. */
export type Retries = number | "never"

/**
 * Whether a lost worker had started nothing of what it had in hand, so that reading it may be what ended it: `"first"` where it
 * had never had anything else, `"later"` where something that had run there before may have left behind what ended it.
 */
export type Unread = false | "first" | "later"

interface Resend {
  readonly ordinal: number
  readonly item: unknown
  readonly alone: boolean
  readonly suspicion: Suspicion
}

export class Resends {
  private readonly retries: Retries
  private readonly isolation: Pick<Isolation, "admits" | "isLate">
  /** In the order of their ordinals. */
  private items: Array<Resend> = []
  /** How often each item, by ordinal, has been running (or may have been) when its worker was lost. */
  private charges: Map<number, number> | undefined = undefined
  /** The ordinals of items that have been lost with a worker before they started. */
  private lostUnstarted: Set<number> | undefined = undefined
  /** The ordinals of items that have been lost alone, before they started, with a worker that had run others before. */
  private lostLater: Set<number> | undefined = undefined
  /** The ordinals of items that have been in hand when a runner was lost. */
  private lostWithRunner: Set<number> | undefined = undefined

  constructor(retries: Retries, isolation: Pick<Isolation, "admits" | "isLate">) {
    this.retries = retries
    this.isolation = isolation
  }

  get size(): number {
    return this.items.length
  }

  /** The place of the first that may be sent now; -1 when there is none. */
  private get next(): number {
    // asked for each chunk of every call
    if (this.items.length === 0) return -1
    return this.items.findIndex(({ suspicion }) => this.isolation.admits(suspicion))
  }

  /** Whether one of them may be sent now. */
  get hasNext(): boolean {
    return this.next >= 0
  }

  get nextIsAlone(): boolean {
    return this.items[this.next]?.alone ?? false
  }

  /** The next of them, at most `max`; one that is to be sent alone comes by itself. To be called while `hasNext`. */
  take(max: number): ChunkItems {
    const start = this.next
    const { alone, suspicion } = this.items[start]!
    const end = alone ? start + 1 : this.items.findIndex(({ alone }, n) => n > start && alone)
    const taken = this.items.splice(start, Math.min(max, (end < 0 ? this.items.length : end) - start))
    return { items: taken.map(({ item }) => item), first: taken.map(({ ordinal }) => ordinal), alone, suspicion }
  }

  /** Removes the item with an ordinal; returns whether it was there. */
  remove(ordinal: number): boolean {
    const at = this.items.findIndex((item) => item.ordinal === ordinal)
    if (at >= 0) this.items.splice(at, 1)
    return at >= 0
  }

  /** Removes all; returns their ordinals. */
  clear(): Array<number> {
    return this.items.splice(0).map(({ ordinal }) => ordinal)
  }

  /** Forgets what is known of items that were lost with a worker: none of them is left. */
  forget(): void {
    this.charges = undefined
    this.lostUnstarted = undefined
    this.lostLater = undefined
    this.lostWithRunner = undefined
  }

  /** Adds items of a chunk that had not started: nothing is charged for them. */
  add(chunk: CallChunk, positions: ReadonlyArray<number>): void {
    if (positions.length === 0) return
    for (const position of positions) this.push(chunk, position, chunk)
    this.sort()
  }

  /**
   * Adds what a lost worker had of a chunk, as far as it may be sent again; returns the positions of the items that are
   * lost for good. `unread` says that the worker had started nothing of what it had been sent: reading one of the
   * items may be what ended it. So they are sent one by one, and the one whose reading ends another worker is charged as
   * if it had started: or else it would be sent for ever (F2). Where that worker had run others before, one of them may have ended
   * it: then the item is charged only if it happens to it again.
   *
   * With a `lostRunner` more was lost than the worker: that is nobody's fault, and items that were in hand are sent alone; so
   * one is to blame that was alone in hand when another runner was lost (K4). There may be several, of which at most one is:
   * from then on each is kept apart from the others.
   */
  addLost(
    chunk: CallChunk,
    hand: InHand,
    tasksPerWorker: number,
    unread: Unread,
    lostRunner?: LostRunner
  ): Array<number> {
    const isUnread = unread !== false
    const unreported = chunk.unreportedPositions()
    // what had not started is never lost (F2)
    const started = unreported.filter((position) => position < hand.started)
    // a worker with one item at a time was running the last one, or had just ended it; with several, it may be any, and so it
    // may where nobody knows how far the worker was (K13)
    const isLastOne = tasksPerWorker === 1 && hand.exact !== false
    const suspects = isLastOne ? started.slice(-1) : started
    const isLate = lostRunner !== undefined && this.isolation.isLate(chunk, lostRunner)
    const lost: Array<number> = []
    for (const position of unreported) {
      const ordinal = chunk.ordinal(position)
      const wasStarted = position < hand.started
      const isOfRunner = lostRunner !== undefined && (wasStarted || isUnread) && !isLate
      // one that was alone in its worker is to blame for the loss, whether it was read or ran
      const isSuspect =
        lostRunner !== undefined
          ? isOfRunner && chunk.alone && this.lostWithRunner?.has(ordinal) === true
          : wasStarted
            ? suspects.includes(position)
            : chunk.alone && this.hasEndedReader(ordinal, unread)
      if (isOfRunner) (this.lostWithRunner ??= new Set()).add(ordinal)
      // a transferred input is gone with the worker (S2)
      if (hand.moved || ((wasStarted || isSuspect) && !this.mayRetry(ordinal, isSuspect))) {
        lost.push(position)
      } else {
        // a suspect is sent alone: if its worker is lost again, this item alone is to blame (F2); so is one that has been
        // lost twice, each time before it started, while other items may have run
        const isUnclear = !wasStarted && (isUnread || this.lostUnstarted?.has(ordinal) === true)
        if (!wasStarted) (this.lostUnstarted ??= new Set()).add(ordinal)
        const suspicion = !isOfRunner ? suspicions.none : isSuspect ? suspicions.strong : suspicions.possible
        this.push(chunk, position, {
          alone: isSuspect || isUnclear || isOfRunner || chunk.alone,
          suspicion: suspicion > chunk.suspicion ? suspicion : chunk.suspicion
        })
      }
    }
    this.sort()
    return lost
  }

  /** Whether the end of a worker is put down to an item that it had to itself, and had not started. */
  private hasEndedReader(ordinal: number, unread: Unread): boolean {
    if (unread !== "later") return unread === "first"
    this.lostLater ??= new Set()
    const isAgain = this.lostLater.has(ordinal)
    this.lostLater.add(ordinal)
    return isAgain
  }

  private mayRetry(ordinal: number, isSuspect: boolean): boolean {
    if (this.retries === "never") return false
    if (!isSuspect) return true
    this.charges ??= new Map()
    const charges = (this.charges.get(ordinal) ?? 0) + 1
    this.charges.set(ordinal, charges)
    return charges <= this.retries
  }

  private push(
    chunk: CallChunk,
    position: number,
    { alone, suspicion }: { readonly alone: boolean; readonly suspicion: Suspicion }
  ): void {
    this.items.push({ ordinal: chunk.ordinal(position), item: chunk.items[position], alone, suspicion })
  }

  private sort(): void {
    this.items.sort((left, right) => left.ordinal - right.ordinal)
  }
}
