/**
 * What a thread is told of the process that it is in: bars are known to the thread alone that shows them (O4). Without Effect,
 * which a worker loads only where it needs it.
 */

/** Which of a worker's streams, or of this process's. */
export interface Which {
  readonly stdout: boolean
  readonly stderr: boolean
}

let read: Which = { stdout: false, stderr: false }

/** Which of this thread's streams are read by what has started it: nothing that it starts may go past them. */
export const reads = (): Which => read

/** Said in a thread that a pool has started. */
export const setReads = (which: Which): void => {
  read = which
}
