/**
 * What crosses between a pool's process and its worker: messages, in envelopes, and file descriptors.
 */

/** File descriptors that a worker inherits besides its standard streams and the IPC channel, which is number 3. */
export const controlFd = 4
export const lifelineFd = 5

/** A message of the pool's or the worker's. Anything else that crosses was sent by a task with `process.send`. */
export interface Envelope {
  readonly mpire: unknown
}

export const isEnvelope = (u: unknown): u is Envelope => typeof u === "object" && u !== null && "mpire" in u
