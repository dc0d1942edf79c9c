/**
 * The file descriptors that a worker's process inherits besides its standard streams.
 */

/** What tasks send by `process.send`: nobody reads it. */
export const taskFd = 3
export const controlFd = 4
export const lifelineFd = 5
/**
 * The channel between the pool and the worker, which tasks have no name for (F6). It is a pipe for each direction: when the
 * pool writes to a worker that has just ended, Node closes that pipe, with whatever has arrived by it and is still unread (F1).
 */
export const toWorkerFd = 6
export const fromWorkerFd = 7
/** A second way to the pool, for what must not wait behind what the channel has yet to take (O3). */
export const asideFd = 8
