/**
 * What a pool tells of itself while it works (O2), as Schemas: each event is a plain object that any encoding can carry.
 */
import * as Schema from "effect/Schema"

/** What every event has. */
const told = {
  /** The pool's name. */
  pool: Schema.String,
  /** Which pool of that name it is: no other one has it, in this process or elsewhere. Pools of the library's always tell it. */
  poolId: Schema.optional(Schema.String),
  /** When it happened: by the Clock, in milliseconds since 1970 with fractions, and never before what was told earlier. */
  time: Schema.Finite
}

/** Which worker it is about. */
const inWorker = {
  ...told,
  /** The slot that the worker lives in, 0 … size-1. */
  worker: Schema.Natural,
  /** How many workers the slot has had, this one included: 1, 2, … */
  generation: Schema.Natural
}

/** Which call it is about. */
const ofCall = {
  ...told,
  /** The call's number in its pool: 1, 2, … */
  call: Schema.Natural
}

/** Which chunk it is about. */
const ofChunk = {
  ...inWorker,
  ...ofCall,
  /** The chunk's number in its pool. */
  chunk: Schema.Natural
}

/** What has become of items. */
const outcomes = {
  succeeded: Schema.Natural,
  failed: Schema.Natural,
  interrupted: Schema.Natural
}

/**
 * A worker is being acquired. One of `WorkerReleased`, `WorkerLost` and `WorkerKilled` is told at its end.
 *
 * @category workers
 * @since 0.1.0
 */
export const WorkerStarting = Schema.TaggedStruct("WorkerStarting", inWorker)

/**
 * @category workers
 * @since 0.1.0
 */
export interface WorkerStarting extends Schema.Schema.Type<typeof WorkerStarting> {}

/**
 * A worker's services and `init` have succeeded: it is live.
 *
 * @category workers
 * @since 0.1.0
 */
export const WorkerInitialised = Schema.TaggedStruct("WorkerInitialised", inWorker)

/**
 * @category workers
 * @since 0.1.0
 */
export interface WorkerInitialised extends Schema.Schema.Type<typeof WorkerInitialised> {}

/**
 * A worker is gone, in an orderly way: it has been released, or was not acquired.
 *
 * @category workers
 * @since 0.1.0
 */
export const WorkerReleased = Schema.TaggedStruct("WorkerReleased", {
  ...inWorker,
  /** Why it was not acquired, or what its release failed with; of that only its kind, where `describe` shows no items. */
  failure: Schema.optional(Schema.String)
})

/**
 * @category workers
 * @since 0.1.0
 */
export interface WorkerReleased extends Schema.Schema.Type<typeof WorkerReleased> {}

/**
 * A worker has vanished.
 *
 * @category workers
 * @since 0.1.0
 */
export const WorkerLost = Schema.TaggedStruct("WorkerLost", {
  ...inWorker,
  exitCode: Schema.optional(Schema.Finite),
  signal: Schema.optional(Schema.String),
  /** What is known of the reason; left out where it has had items that `describe` does not show: the error may quote them. */
  cause: Schema.optional(Schema.String)
})

/**
 * @category workers
 * @since 0.1.0
 */
export interface WorkerLost extends Schema.Schema.Type<typeof WorkerLost> {}

/**
 * A worker has been killed: by `terminate`, or because something in it did not yield.
 *
 * @category workers
 * @since 0.1.0
 */
export const WorkerKilled = Schema.TaggedStruct("WorkerKilled", inWorker)

/**
 * @category workers
 * @since 0.1.0
 */
export interface WorkerKilled extends Schema.Schema.Type<typeof WorkerKilled> {}

/**
 * A worker has been sent a chunk. A `ChunkDone` with the same `chunk` follows.
 *
 * @category chunks
 * @since 0.1.0
 */
export const ChunkSent = Schema.TaggedStruct("ChunkSent", {
  ...ofChunk,
  /** The index of its first item in the call's input; 0 for `run`s. */
  index: Schema.Natural,
  /** How many items it has. */
  items: Schema.Natural,
  /** Whether the worker has another chunk to do first. */
  queued: Schema.Boolean
})

/**
 * @category chunks
 * @since 0.1.0
 */
export interface ChunkSent extends Schema.Schema.Type<typeof ChunkSent> {}

/**
 * A worker is done with a chunk, or gone with it. Items of the chunk without an outcome are sent again, or have been
 * given up with their call.
 *
 * @category chunks
 * @since 0.1.0
 */
export const ChunkDone = Schema.TaggedStruct("ChunkDone", { ...ofChunk, ...outcomes })

/**
 * @category chunks
 * @since 0.1.0
 */
export interface ChunkDone extends Schema.Schema.Type<typeof ChunkDone> {}

/**
 * An item has failed. Of a call, the first 100 are told; `CallEnded` counts all.
 *
 * @category chunks
 * @since 0.1.0
 */
export const ItemFailed = Schema.TaggedStruct("ItemFailed", {
  ...inWorker,
  ...ofCall,
  /** The item's index in the call's input; 0 for a `run`. */
  index: Schema.Natural,
  /** The input, as `describe` prints it; left out with `describe: false`. */
  input: Schema.optional(Schema.String),
  /** What it failed with, in short; left out with `describe: false`. */
  failure: Schema.optional(Schema.String)
})

/**
 * @category chunks
 * @since 0.1.0
 */
export interface ItemFailed extends Schema.Schema.Type<typeof ItemFailed> {}

/**
 * A call has been let in. `run`s of a task that are in progress together are one call.
 *
 * @category calls
 * @since 0.1.0
 */
export const CallStarted = Schema.TaggedStruct("CallStarted", {
  ...ofCall,
  /** The task: its module's URL and its name there, or the name of a function. */
  task: Schema.optional(Schema.String),
  /** How many items there are, where that is known. */
  length: Schema.optional(Schema.Natural),
  /** Whether the items come by `run`. */
  runs: Schema.Boolean
})

/**
 * @category calls
 * @since 0.1.0
 */
export interface CallStarted extends Schema.Schema.Type<typeof CallStarted> {}

/**
 * How far a call has come, at most ten times a second: what has become of its items since its beginning.
 *
 * @category calls
 * @since 0.1.0
 */
export const Progressed = Schema.TaggedStruct("Progressed", { ...ofCall, ...outcomes })

/**
 * @category calls
 * @since 0.1.0
 */
export interface Progressed extends Schema.Schema.Type<typeof Progressed> {}

/**
 * A call has ended, with the releases that it waits for. Its counts are of the whole call, whoever listened when.
 *
 * @category calls
 * @since 0.1.0
 */
export const CallEnded = Schema.TaggedStruct("CallEnded", {
  ...ofCall,
  /** What the call did. `run`s that are one call have failed if one of them has. */
  outcome: Schema.Literals(["succeeded", "failed", "interrupted"]),
  ...outcomes,
  /** How many `run`s failed because no worker could be had for them. */
  refused: Schema.Natural,
  /** How many chunks were sent. */
  chunks: Schema.Natural,
  /** What a call failed with, in short; left out with `describe: false`, and for `run`s. */
  failure: Schema.optional(Schema.String)
})

/**
 * @category calls
 * @since 0.1.0
 */
export interface CallEnded extends Schema.Schema.Type<typeof CallEnded> {}

/**
 * This listener was too slow: so many events came and went before it took them. Those that follow are complete again.
 *
 * @category listening
 * @since 0.1.0
 */
export const Missed = Schema.TaggedStruct("Missed", {
  ...told,
  count: Schema.Natural
})

/**
 * @category listening
 * @since 0.1.0
 */
export interface Missed extends Schema.Schema.Type<typeof Missed> {}

/**
 * Something that has happened in a pool.
 *
 * @category models
 * @since 0.1.0
 */
export const PoolEvent = Schema.Union([
  WorkerStarting,
  WorkerInitialised,
  WorkerReleased,
  WorkerLost,
  WorkerKilled,
  ChunkSent,
  ChunkDone,
  ItemFailed,
  CallStarted,
  Progressed,
  CallEnded,
  Missed
]).pipe(Schema.toTaggedUnion("_tag"))

/**
 * @category models
 * @since 0.1.0
 */
export type PoolEvent =
  | WorkerStarting
  | WorkerInitialised
  | WorkerReleased
  | WorkerLost
  | WorkerKilled
  | ChunkSent
  | ChunkDone
  | ItemFailed
  | CallStarted
  | Progressed
  | CallEnded
  | Missed
