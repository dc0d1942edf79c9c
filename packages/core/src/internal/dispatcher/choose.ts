/**
 * Which call's chunk goes to which slot next (C1, L2): one pure function.
 */

/** What `choose` needs to know of a call. */
export interface CallView {
  readonly options: { readonly dispatch: "available" | "ordered" }
  /** How many chunks it has given: with `dispatch: "ordered"`, this decides which slot gets the next one. */
  readonly chunksGiven: number
  /** Whether its next chunk must have a worker to itself. */
  readonly alone: boolean
  /** Whether it has what it is due, so that calls which have nothing yet may go before it (C1). */
  readonly isServed: boolean
  /** Whether its next chunk may be given to a worker that is busy with another, and `lag` milliseconds away and back. */
  mayPrefetch(lag: number): boolean
}

/** What `choose` needs to know of a slot. */
export interface SlotView<C = never> {
  /**
   * - `live`: a worker lives there that can begin a chunk now
   * - `busy`: a worker lives there that can only prefetch a chunk: it has another one to do first
   * - `empty`: a worker can be acquired there
   * - `unavailable`: it can be given nothing for now
   */
  readonly availability: "live" | "busy" | "empty" | "unavailable"
  /** How much its worker has to do: chunks if it runs one item at a time, or else items; 0 when it is idle. */
  readonly load: number
  /** When its worker last had something to do, by a count that only grows. */
  readonly lastUsed: number
  /** How long it takes until its worker has heard of something and that has been heard of here, in milliseconds. */
  readonly lag: number
  /** Whether its worker has told the end of all that it was sent, but for what its load says. */
  readonly isSettled: boolean
  /** Whether no worker can be acquired there for the call now, though one could be for others (L10). */
  refuses?(call: C): boolean
}

/** A call and the slot that gets its next chunk. */
export interface Choice<C, S> {
  readonly call: C
  readonly slot: S
}

/** The lower, the better: an idle live worker, a new one, a live one that has something to do, a busy one (L2). */
const rank = ({ availability, load }: SlotView): number =>
  availability === "empty" ? 1 : availability === "busy" ? 3 : load === 0 ? 0 : 2

const isBetter = (slot: SlotView, than: SlotView): boolean => {
  const difference = rank(slot) - rank(than)
  if (difference !== 0) return difference < 0
  if (slot.load !== than.load) return slot.load < than.load
  // of those that are busy, the one that has been so for the longest time will be done first
  return slot.availability === "busy" ? slot.lastUsed < than.lastUsed : slot.lastUsed > than.lastUsed
}

/** The best of the slots that can take a chunk, without those in `except`. */
const bestOf = <S extends SlotView>(slots: ReadonlyArray<S>, except: ReadonlyArray<S>): S | undefined => {
  let best: S | undefined
  for (const slot of slots) {
    if (slot.availability === "unavailable" || except.includes(slot)) continue
    if (best === undefined || isBetter(slot, best)) best = slot
  }
  return best
}

/** The slots that will do for the call's next chunk: all, or with `dispatch: "ordered"` the one whose turn it is. */
export const slotsFor = <S>({ chunksGiven, options }: CallView, slots: ReadonlyArray<S>): ReadonlyArray<S> => {
  if (options.dispatch === "available") return slots
  const at = chunksGiven % slots.length
  return slots.slice(at, at + 1)
}

/**
 * The next call in turn that some slot can serve, and the best slot for it. `calls` come in the order of their turns. A
 * call with `dispatch: "ordered"` waits for the slot whose turn it is, and a call whose next chunk must be alone for an
 * idle slot. Only the first call's chunks are prefetched, and only when no other call waits that has nothing yet.
 */
export const choose = <C extends CallView, S extends SlotView<C>>(
  calls: Iterable<C>,
  slots: ReadonlyArray<S>
): Choice<C, S> | undefined => {
  const reserved: Array<S> = []
  const mayPrefetch = (call: C, { lag }: S): boolean => {
    if (call.alone || !call.mayPrefetch(lag)) return false
    for (const other of calls) if (other !== call && !other.isServed) return false
    return true
  }
  let best = bestOf(slots, reserved)
  let isFirst = true
  for (const call of calls) {
    if (best === undefined) return undefined
    const isRefused = (slot: S) => slot.availability === "empty" && slot.refuses?.(call) === true
    let slot: S | undefined = call.options.dispatch === "available" ? best : slotsFor(call, slots)[0]
    if (slot !== undefined && isRefused(slot)) {
      slot =
        call.options.dispatch === "available" ? bestOf(slots, [...reserved, ...slots.filter(isRefused)]) : undefined
    }
    if (slot !== undefined && slot.availability !== "unavailable" && !reserved.includes(slot)) {
      // what must be alone has nothing before it in its worker, taken back or not: reading that may end the worker (F2)
      const isOccupied = ({ isSettled, load }: S) => load > 0 || !isSettled
      if (call.alone && isOccupied(slot) && call.options.dispatch === "available") {
        const free = bestOf(slots, [...reserved, ...slots.filter((slot) => isOccupied(slot) || isRefused(slot))])
        slot = free ?? slot
      }
      if (call.alone && isOccupied(slot)) {
        // not for the calls that come later in turn, or else it would never fall idle
        reserved.push(slot)
        best = bestOf(slots, reserved)
      } else if (slot.availability !== "busy" || (isFirst && mayPrefetch(call, slot))) {
        return { call, slot }
      }
    }
    isFirst = false
  }
  return undefined
}
