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
}

/** What is asked of a slot. */
export interface SlotView {
  /** Whether a worker lives there, could be acquired there, or neither will do for now. */
  readonly availability: "live" | "empty" | "unavailable"
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
const rank = (slot: SlotView): number => (slot.availability === "empty" ? 1 : slot.load === 0 ? 0 : 2)

const isBetter = (slot: SlotView, than: SlotView): boolean => {
  const difference = rank(slot) - rank(than)
  if (difference !== 0) return difference < 0
  if (slot.load !== than.load) return slot.load < than.load
  return slot.lastUsed > than.lastUsed
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
 * call that takes the slots in turn waits for its own, and one whose next chunk must be alone for a slot to fall idle.
 */
export const choose = <C extends CallView, S extends SlotView>(
  calls: Iterable<C>,
  slots: ReadonlyArray<S>
): Choice<C, S> | undefined => {
  const kept: Array<S> = []
  let best = bestOf(slots, kept)
  for (const call of calls) {
    if (best === undefined) return undefined
    const slot = call.options.dispatch === "available" ? best : slots[call.turn % slots.length]!
    if (slot.availability === "unavailable" || kept.includes(slot)) continue
    if (!call.alone || slot.load === 0) return { call, slot }
    // kept from those that come later, or else it would never fall idle
    kept.push(slot)
    best = bestOf(slots, kept)
  }
  return undefined
}
