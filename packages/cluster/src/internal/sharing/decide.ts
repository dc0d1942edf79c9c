/**
 * Who gets a slot, and who is asked for one (K6). Pure: what time it is comes in as a number.
 */
import { type Action, apply, type Name, type State, type Worker } from "./state.ts"

export interface Decision {
  /** What is to be done now, in this order. */
  readonly actions: ReadonlyArray<Action>
  /** The state once it has been done. */
  readonly state: State
  /** When to decide again though nothing has happened: a worker's tenure ends. `undefined`: not before something happens. */
  readonly again: number | undefined
}

/** What a driver has and wants. */
interface Holding {
  /** How many workers it has, those included for which it has been asked. */
  held: number
  /** How many of them it has been asked for. */
  asked: number
  /** How many it waits for. */
  waiting: number
}

interface Overview {
  /** The drivers that have or want a worker, and those that still have one on its way back. */
  readonly drivers: ReadonlyMap<Name, Holding>
  /** Whether there are more drivers than slots. */
  readonly isCrowded: boolean
  /** How many workers each driver may have, whatever others want. */
  readonly share: number
}

const overview = ({ slots, waiting, workers }: State): Overview => {
  const drivers = new Map<Name, Holding>()
  const of = (driver: Name): Holding => {
    const known = drivers.get(driver) ?? { held: 0, asked: 0, waiting: 0 }
    drivers.set(driver, known)
    return known
  }
  for (const { asked, driver } of workers) {
    const holding = of(driver)
    holding.held++
    if (asked) holding.asked++
  }
  for (const { driver } of waiting) of(driver).waiting++
  // who has only what it has been asked for, and wants no other, is about to be none of them
  const count = [...drivers.values()].filter(({ asked, held, waiting }) => held > asked || waiting > 0).length
  return { drivers, isCrowded: count > slots, share: Math.max(1, Math.floor(slots / Math.max(1, count))) }
}

/**
 * What to do now. A free slot goes to the drivers that are below their share, those with least first, and what is left to
 * whoever asked first: none is free while somebody waits. Where none is free, workers are asked back for drivers below
 * their share, and no more than those need.
 */
export const decide = (before: State, now: number): Decision => {
  const actions: Array<Action> = []
  let state = before
  const act = (action: Action) => {
    actions.push(action)
    state = apply(state, action)
  }
  for (let name = nextGrant(state); name !== undefined; name = nextGrant(state)) act({ _tag: "grant", name, at: now })
  while (missingSlots(state) > 0) {
    const candidates = returnable(state)
    const name = candidates.find((worker) => tenureEnd(state, worker) <= now)?.name
    if (name === undefined) {
      const ends = candidates.map((worker) => tenureEnd(state, worker))
      return { actions, state, again: ends.length === 0 ? undefined : Math.min(...ends) }
    }
    act({ _tag: "askBack", name })
  }
  return { actions, state, again: undefined }
}

/** The request that is granted next; `undefined` when no slot is free, or nobody waits. */
const nextGrant = (state: State): Name | undefined => {
  if (state.workers.length >= state.slots) return undefined
  const first = state.queue[0]
  if (first !== undefined) return state.waiting.find(({ driver }) => driver === first)?.name
  const { drivers, share } = overview(state)
  let chosen: { readonly name: Name; readonly held: number } | undefined
  for (const { driver, name } of state.waiting) {
    const { held } = drivers.get(driver)!
    if (held < share && (chosen === undefined || held < chosen.held)) chosen = { name, held }
  }
  return (chosen ?? state.waiting[0])?.name
}

/** How many slots are to be had from others, beyond those that are free or on their way back. */
const missingSlots = (state: State): number => {
  const { drivers, share } = overview(state)
  let missing = state.workers.length - state.slots
  for (const { asked, held, waiting } of drivers.values()) {
    // not by what it keeps: who has just been asked, so that another one has its turn, would be asked for at once
    missing += Math.max(0, Math.min(waiting, share - held)) - asked
  }
  return missing
}

/**
 * The workers that can be asked back: those of the drivers that are furthest above their share. When there are more drivers
 * than slots, nobody may be above it, and drivers with a worker are asked for those that have none: so they take turns.
 * Those that have been held longest come first.
 */
const returnable = (state: State): ReadonlyArray<Worker> => {
  const { drivers, isCrowded, share } = overview(state)
  const kept = ({ driver }: Worker) => {
    const { asked, held } = drivers.get(driver)!
    return held - asked
  }
  return state.workers
    .filter((worker) => !worker.asked && kept(worker) > (isCrowded ? 0 : share))
    .sort((one, other) => kept(other) - kept(one) || one.since - other.since)
}

/**
 * Until when a worker is left to its driver. It counts from when it is ready, and lasts as long as getting ready took:
 * else drivers that take turns could do nothing but `init`.
 */
const tenureEnd = ({ maxStart, minTenure }: State, { ready, since }: Worker): number =>
  ready === undefined ? since + maxStart : ready + Math.max(minTenure, ready - since)

/** How many drivers without a worker get one before this one does; `undefined` when it has one, or does not wait. */
export const placeInQueue = ({ queue }: State, driver: Name): number | undefined => {
  const place = queue.indexOf(driver)
  return place < 0 ? undefined : place
}
