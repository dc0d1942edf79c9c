/**
 * Who has which of a runner's slots, and who waits for one: the state of the model (K6), and what can happen to it. A driver
 * is a process, however many pools it has. Times come in as numbers, in milliseconds of any clock that does not go back.
 */

/** A name that the caller gives; no two drivers, and no two requests, have the same one. */
export type Name = string | number

/** A driver waits for a worker. Once it is granted, the worker has the request's name. */
export interface Request {
  readonly name: Name
  readonly driver: Name
}

/** A worker that a driver has. */
export interface Worker extends Request {
  /** When the slot was granted. */
  readonly since: number
  /** When it was ready for its first item, which is when its `init` had ended; `undefined` before. */
  readonly ready: number | undefined
  /** Whether its driver has been asked for it. It keeps its slot until it is released. */
  readonly asked: boolean
}

export interface Options {
  /** How many workers the runner can have at once, an integer >= 1. */
  readonly slots: number
  /** How long a worker that is ready is left to its driver, in milliseconds. Default: 10 seconds. */
  readonly minTenure?: number | undefined
  /** How long a worker that does not get ready is left to its driver, in milliseconds. Default: 5 minutes. */
  readonly maxStart?: number | undefined
}

export interface State {
  readonly slots: number
  readonly minTenure: number
  readonly maxStart: number
  /** In the order in which they came. */
  readonly waiting: ReadonlyArray<Request>
  /** In the order in which they were granted. */
  readonly workers: ReadonlyArray<Worker>
  /** The drivers that wait and have no worker, in the order in which they began to. */
  readonly queue: ReadonlyArray<Name>
}

/** What can happen. */
export type Event =
  /** A driver asks for a worker. */
  | { readonly _tag: "want"; readonly driver: Name; readonly name: Name }
  /** It does not wait for that one any more. */
  | { readonly _tag: "unwant"; readonly name: Name }
  /** Its request is granted. */
  | { readonly _tag: "grant"; readonly name: Name; readonly at: number }
  /** The worker's `init` has ended. */
  | { readonly _tag: "ready"; readonly name: Name; readonly at: number }
  /** Its driver is asked for the worker. */
  | { readonly _tag: "askBack"; readonly name: Name }
  /** The worker has ended, whatever ended it. */
  | { readonly _tag: "release"; readonly name: Name }
  /** The driver is gone, with all its workers and requests. */
  | { readonly _tag: "leave"; readonly driver: Name }

/** What is decided: each is an event too, to be applied where it has been carried out. */
export type Action = Extract<Event, { readonly _tag: "grant" | "askBack" }>

export const make = ({ maxStart = 300_000, minTenure = 10_000, slots }: Options): State => ({
  slots,
  minTenure,
  maxStart,
  waiting: [],
  workers: [],
  queue: []
})

/** The state after an event. What it names and there is not changes nothing: ends cross on their way. */
export const apply = (state: State, event: Event): State => queued(changed(state, event))

const changed = (state: State, event: Event): State => {
  switch (event._tag) {
    case "want":
      return isKnown(state, event.name)
        ? state
        : { ...state, waiting: [...state.waiting, { name: event.name, driver: event.driver }] }
    case "unwant":
      return { ...state, waiting: state.waiting.filter(({ name }) => name !== event.name) }
    case "grant": {
      const request = state.waiting.find(({ name }) => name === event.name)
      if (request === undefined) return state
      const worker = { ...request, since: event.at, ready: undefined, asked: false }
      return {
        ...state,
        waiting: state.waiting.filter((other) => other !== request),
        workers: [...state.workers, worker]
      }
    }
    case "ready":
      return change(state, event.name, (worker) => ({ ...worker, ready: worker.ready ?? event.at }))
    case "askBack":
      return change(state, event.name, (worker) => ({ ...worker, asked: true }))
    case "release":
      return { ...state, workers: state.workers.filter(({ name }) => name !== event.name) }
    case "leave":
      return {
        ...state,
        waiting: state.waiting.filter(({ driver }) => driver !== event.driver),
        workers: state.workers.filter(({ driver }) => driver !== event.driver)
      }
  }
}

/** Whoever has lost its last worker queues behind those that had none before, though it may have asked earlier. */
const queued = (state: State): State => {
  const inQueue = new Set(state.waiting.map(({ driver }) => driver))
  for (const { driver } of state.workers) inQueue.delete(driver)
  const queue = state.queue.filter((driver) => inQueue.delete(driver))
  return { ...state, queue: [...queue, ...inQueue] }
}

const isKnown = ({ waiting, workers }: State, name: Name): boolean =>
  [...waiting, ...workers].some((other) => other.name === name)

const change = (state: State, name: Name, to: (worker: Worker) => Worker): State => ({
  ...state,
  workers: state.workers.map((worker) => (worker.name === name ? to(worker) : worker))
})
