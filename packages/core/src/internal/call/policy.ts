/**
 * Where calls of the map family differ from calls that `run`s share: when a call has its turns, and what is done with
 * its outcomes.
 */
import type * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import type { TracedCall } from "../common/tracing.ts"
import type { CallChunk } from "./callChunk.ts"

export interface CallPolicy {
  /** Whether each item is a call of its own, a `run`. */
  readonly areRuns: boolean
  /** The context of an item's caller, by the item's ordinal, where items have callers of their own. */
  readonly contextOf?: ((ordinal: number) => Context.Context<never> | undefined) | undefined
  /** Whether it is known that these are all the same, as of very many `run`s they mostly are. */
  readonly haveOneContext?: boolean | undefined
  /** The spans of items' callers, where items have callers of their own, some of which are traced. */
  readonly tracedOf?: ((ordinal: number) => TracedCall | undefined) | undefined

  // Turns

  /** Items that take longer than this, in milliseconds, are not prefetched: it would save nothing. */
  readonly longestPrefetched: number
  /** Of a worker that is far away: nor are those that take longer than so many times the way there and back. */
  readonly lagsPrefetched: number
  /** Whether the call has what it is due, so that calls which have nothing yet may go before it (C1). */
  readonly isServed: boolean
  /** Whether its next chunk belongs to the same turn, so that no other call goes before it. */
  readonly keepsTurn: boolean
  /** Whether it may have another chunk to give. */
  readonly mayHaveMore: boolean
  /** How many items its next chunk may have, of the `remaining` ones that the worker's lifespan allows. */
  readonly cut: (remaining: number) => number

  // Outcomes

  /** Whether `allSucceeded` takes the results of neighbouring items at once. */
  readonly takesMany: boolean
  readonly succeeded: (chunk: CallChunk, position: number, value: unknown) => void
  /** The items from `position` on have succeeded, as many as there are `values`. */
  readonly allSucceeded: (chunk: CallChunk, position: number, values: ReadonlyArray<unknown>) => void
  readonly failed: (chunk: CallChunk, position: number, cause: Cause.Cause<unknown>) => void
  /** Nothing of the chunk could start. */
  readonly chunkFailed: (chunk: CallChunk, failure: WorkerPoolError) => void
  /** A chunk is over, and has been removed from the call's chunks. */
  readonly chunkEnded: () => void
  /** Fails what waits for a worker. */
  readonly refuse: (cause: Cause.Cause<unknown>) => void
  /** Of `positions` in a chunk, those whose items are still to be run. */
  readonly wanted: (chunk: CallChunk, positions: ReadonlyArray<number>) => ReadonlyArray<number>
  /** The chunk's worker was lost, and items of the chunk may be among those that are sent again. */
  readonly resent: (chunk: CallChunk) => void

  // Its end

  /** Called when no item is left, by calls that rest then, because their sources may have more later; others end. */
  readonly rested?: (() => void) | undefined
}
