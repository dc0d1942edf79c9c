/**
 * What a pool and the processes that it starts agree on. Messages cross the IPC channel in envelopes, so that what a task
 * sends by `process.send` is not taken for one of them.
 */

/** The places of what a child inherits besides its standard streams and the IPC channel. */
export const controlFd = 4
export const lifelineFd = 5

/** What the entry is told by its command line, as JSON. */
export interface Settings {
  readonly compileCache: boolean
  /** Whether there is a file of shared numbers. */
  readonly control: boolean
  readonly serialization: "advanced" | "json"
}

/** A message in its envelope. */
export interface Envelope {
  readonly mpire: unknown
}

export const isEnvelope = (u: unknown): u is Envelope => typeof u === "object" && u !== null && "mpire" in u
