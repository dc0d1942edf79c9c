/**
 * Which call's chunk goes to which slot next (C1, L2): one pure function.
 */

/** What is asked of a call that may have a chunk. */
export interface CallView {
  readonly options: { readonly dispatch: "available" | "ordered" }
  /** How many chunks it has given. */
  readonly turn: number
  /** Whether its next chunk must have a worker to itself. */
  readonly alone: boolean
  /** Whether it has what a call in turn is due. */
  readonly isServed: boolean
  /** Whether its next chunk may be given to a worker that is busy with another. */
  readonly mayRunAhead: boolean
}

/** What is asked of a slot. */
export interface SlotView {
  /**
   * Whether a worker lives there that can begin a chunk, lives there and can have one for when it is done with the one that
   * it has, could be acquired there, or nothing will do for now.
   */
  readonly availability: "live" | "busy" | "empty" | "unavailable"
  /** How many items its worker has. */
  readonly load: number
  /** When its worker last had something to do, by a count that only grows. */
  readonly lastUsed: number
}

/** A call and the slot that gets its next chunk. */
export interface Choice<C, S> {
  readonly call: C
  readonly slot: S
}

/** An idle live worker before a new one, a new one before a live one that has something to do (L2). */
const rank = ({ availability, load }: SlotView): number =>
  availability === "empty" ? 1 : availability === "busy" ? 3 : load === 0 ? 0 : 2

const isBetter = (slot: SlotView, than: SlotView): boolean => {
  const difference = rank(slot) - rank(than)
  if (difference !== 0) return difference < 0
  if (slot.load !== than.load) return slot.load < than.load
  // of those that are busy, the one that has been so for the longest time will be done first
  return slot.availability === "busy" ? slot.lastUsed < than.lastUsed : slot.lastUsed > than.lastUsed
}

/** The best of the slots that can take a chunk. */
const bestOf = <S extends SlotView>(slots: ReadonlyArray<S>, except: ReadonlyArray<S>): S | undefined => {
  let best: S | undefined
  for (const slot of slots) {
    if (slot.availability === "unavailable" || except.includes(slot)) continue
    if (best === undefined || isBetter(slot, best)) best = slot
  }
  return best
}

/**
 * The next call in turn that some slot can serve, and the best slot for it. `calls` come in the order of their turns; a
 * call that takes the slots in turn waits for its own, and one whose next chunk must be alone for a slot to fall idle. Only
 * the first in turn is given chunks ahead of its need, and only when none waits that has nothing yet.
 */
export const choose = <C extends CallView, S extends SlotView>(
  calls: Iterable<C>,
  slots: ReadonlyArray<S>
): Choice<C, S> | undefined => {
  const kept: Array<S> = []
  const mayRunAhead = (call: C): boolean => {
    if (!call.mayRunAhead || call.alone) return false
    // a call that has nothing yet comes before another's second chunk (C1)
    for (const other of calls) if (other !== call && !other.isServed) return false
    return true
  }
  let best = bestOf(slots, kept)
  let isFirst = true
  for (const call of calls) {
    if (best === undefined) return undefined
    // with `dispatch: "ordered"` the slots have their turns, live or not (L2)
    const slot = call.options.dispatch === "available" ? best : slots[call.turn % slots.length]!
    const isKept = kept.includes(slot)
    const cannot = slot.availability === "unavailable" || isKept
    if (!cannot && call.alone && slot.load > 0) {
      // kept from those that come later, or else it would never fall idle
      kept.push(slot)
      best = bestOf(slots, kept)
    } else if (!cannot && (slot.availability !== "busy" || (isFirst && mayRunAhead(call)))) {
      return { call, slot }
    }
    isFirst = false
  }
  return undefined
}
