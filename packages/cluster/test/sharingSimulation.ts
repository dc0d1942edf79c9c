/**
 * Drivers that work on one runner, in virtual time: each has a pool of some slots, whose workers have an `init`, take items
 * of some length, are given back once they are asked for and their item has ended, and are wanted again while there is work.
 */
import { decide } from "../src/internal/sharing/decide.ts"
import * as sharing from "../src/internal/sharing/state.ts"

export interface Driver {
  /** When it comes, in milliseconds, as all times. */
  readonly arrives: number
  readonly size: number
  readonly init: number
  /** How long an item takes. */
  readonly item: number
  readonly items: number
  /** Whether its workers stay until the driver ends, or only until there are no more items. */
  readonly keepAlive: boolean
  /** When it goes, whatever is left to do; `undefined` when that has been done. */
  readonly leaves?: number | undefined
}

export interface Outcome {
  /** How many items have been done. */
  done: number
  /** The longest time that it has waited without any worker. */
  longestWait: number
  /** Since when all of its workers have been ready, if they are. */
  allSince: number | undefined
}

/** A worker at work. */
interface Running {
  readonly driver: number
  /** What ends next: its `init`, an item, or nothing. */
  doing: "init" | "item" | "idle"
  asked: boolean
}

interface Timer {
  readonly at: number
  readonly run: () => void
}

export const simulate = (options: {
  readonly slots: number
  readonly drivers: ReadonlyArray<Driver>
  readonly until: number
}): { readonly drivers: ReadonlyArray<Outcome> } => {
  const { drivers, slots, until } = options
  const outcomes = drivers.map((): Outcome => ({ done: 0, longestWait: 0, allSince: undefined }))
  const left = drivers.map(({ items }) => items)
  const gone = drivers.map(() => false)
  const emptySince = drivers.map((): number | undefined => undefined)
  const running = new Map<sharing.Name, Running>()
  const timers: Array<Timer> = []
  let state = sharing.make({ slots })
  let now = 0
  let names = 0
  let isDirty = false

  const later = (after: number, run: () => void) => {
    const timer = { at: now + after, run }
    const index = timers.findIndex(({ at }) => at > timer.at)
    timers.splice(index < 0 ? timers.length : index, 0, timer)
  }

  const happen = (event: sharing.Event) => {
    state = sharing.apply(state, event)
    isDirty = true
  }

  /** Workers of a driver that are ready, and those that it has or waits for. */
  const ready = (driver: number) =>
    [...running.values()].filter((worker) => worker.driver === driver && worker.doing !== "init").length
  const held = (driver: number) =>
    [...running.values()].filter((worker) => worker.driver === driver && !worker.asked).length +
    state.waiting.filter((request) => request.driver === driver).length

  const want = (driver: number) => {
    while (!gone[driver] && left[driver]! > 0 && held(driver) < drivers[driver]!.size) {
      happen({ _tag: "want", driver, name: names++ })
    }
    look(driver)
  }

  /** Notes how long the driver has been waiting without a worker. */
  const look = (driver: number) => {
    const isEmpty =
      ![...running.values()].some((worker) => worker.driver === driver) &&
      state.waiting.some((request) => request.driver === driver)
    if (isEmpty) emptySince[driver] ??= now
    else if (emptySince[driver] !== undefined) {
      outcomes[driver]!.longestWait = Math.max(outcomes[driver]!.longestWait, now - emptySince[driver])
      emptySince[driver] = undefined
    }
    const all = ready(driver) === drivers[driver]!.size
    outcomes[driver]!.allSince = all ? (outcomes[driver]!.allSince ?? now) : undefined
  }

  const leave = (driver: number) => {
    if (gone[driver]) return
    gone[driver] = true
    for (const [name, worker] of running) if (worker.driver === driver) running.delete(name)
    happen({ _tag: "leave", driver })
    look(driver)
  }

  const release = (name: sharing.Name, driver: number) => {
    running.delete(name)
    happen({ _tag: "release", name })
    want(driver)
  }

  /** Gives a worker its next item, or what else it does now. */
  const proceed = (name: sharing.Name, worker: Running) => {
    const { driver } = worker
    const { item, keepAlive } = drivers[driver]!
    if (worker.asked) return release(name, driver)
    if (left[driver]! > 0) {
      left[driver]!--
      worker.doing = "item"
      return later(item, () => {
        if (running.get(name) !== worker) return
        outcomes[driver]!.done++
        proceed(name, worker)
      })
    }
    worker.doing = "idle"
    for (const request of state.waiting) if (request.driver === driver) happen({ _tag: "unwant", name: request.name })
    if (!keepAlive) release(name, driver)
    if (outcomes[driver]!.done === drivers[driver]!.items) leave(driver)
  }

  const carryOut = (action: sharing.Action) => {
    happen(action)
    if (action._tag === "askBack") {
      const worker = running.get(action.name)!
      worker.asked = true
      if (worker.doing === "idle") release(action.name, worker.driver)
      else want(worker.driver)
      return
    }
    const driver = state.workers.find(({ name }) => name === action.name)!.driver as number
    const worker: Running = { driver, doing: "init", asked: false }
    running.set(action.name, worker)
    look(driver)
    later(drivers[driver]!.init, () => {
      if (running.get(action.name) !== worker) return
      happen({ _tag: "ready", name: action.name, at: now })
      proceed(action.name, worker)
      look(driver)
    })
  }

  const settle = () => {
    for (isDirty = true; isDirty;) {
      isDirty = false
      const { actions, again } = decide(state, now)
      for (const action of actions) carryOut(action)
      if (actions.length === 0 && again !== undefined) later(again - now, () => (isDirty = true))
    }
  }

  for (const [driver, { arrives, leaves }] of drivers.entries()) {
    later(arrives, () => want(driver))
    if (leaves !== undefined) later(Math.max(leaves, arrives), () => leave(driver))
  }
  while (timers.length > 0) {
    const { at, run } = timers.shift()!
    if (at > until) break
    now = at
    run()
    if (isDirty) settle()
  }
  // who still waits has waited until now
  for (const driver of drivers.keys()) {
    const since = emptySince[driver]
    if (since !== undefined)
      outcomes[driver]!.longestWait = Math.max(outcomes[driver]!.longestWait, Math.min(until, now) - since)
  }
  return { drivers: outcomes }
}
