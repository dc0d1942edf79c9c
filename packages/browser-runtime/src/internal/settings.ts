/**
 * What a page and a worker of its pool say to each other before the protocol begins, and when the worker ends.
 */

/** Tells the library's messages from those of tasks and of the page. */
export const marker = "~effect-mpire"

/** What a worker posts when it can take its settings: what is posted to it before may be lost. */
export const greeting = { [marker]: "serving" } as const

/** What the page answers. */
export interface Settings {
  readonly [marker]: "settings"
  /** The worker's end of the channel to the pool. */
  readonly port: MessagePort
  /** The shared numbers, on a page that is cross-origin isolated. */
  readonly control: Int32Array | undefined
  /** The name of a lock that the worker holds until it has ended, where the browser has locks. */
  readonly lock: string | undefined
}

const isMarked = (data: unknown): data is { readonly [marker]: unknown } =>
  typeof data === "object" && data !== null && marker in data

export const isGreeting = (data: unknown): boolean => isMarked(data) && data[marker] === greeting[marker]

export const isSettings = (data: unknown): data is Settings => isMarked(data) && data[marker] === "settings"

// What a worker says of itself, on the same port as the messages of the protocol and in order with them

/** The worker has its lock. */
export const holding = "~effect-mpire holding"

/** The worker is about to end, as it was told to, or by an error that it has told of: nothing follows. */
export const ending = "~effect-mpire ending"

/** The worker is about to end because a task in it has called `close`: nothing follows. */
export const closing = "~effect-mpire closing"
