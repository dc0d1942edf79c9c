/**
 * What the entry of a worker is told when it starts.
 */

import type { MessagePort } from "node:worker_threads"
import type { Which } from "./outside.ts"

/** Tells what a pool has started from what something else has. */
export const marker = "~effect-mpire"

interface Settings {
  readonly [marker]: true
  readonly compileCache: boolean
  /** Of which streams the pool's process reads what the worker writes. */
  readonly reads: Which
  /** How many bytes a message may have, where something passes on what crosses as bytes. */
  readonly maxMessageSize?: number | undefined
}

/** A thread's `workerData`. */
export interface ThreadSettings extends Settings {
  /** The worker's end of the channel to the pool. */
  readonly port: MessagePort
  /** The shared numbers. */
  readonly control: Int32Array
  /** How many batches of what it prints are on their way: one number, which the thread sets. */
  readonly batches: Int32Array
  /** Whether messages cross as bytes, which something in the other thread passes on without reading them. */
  readonly isRelayed?: boolean | undefined
}

/** The last argument of a process's command line, as JSON. */
export interface ProcessSettings extends Settings {
  /** Whether the process inherits a file of shared numbers. */
  readonly control: boolean
}
