/**
 * What follows when a slot gets no worker, or loses the one that it had: which calls are told, what is sent again, and
 * whether the slot waits before it tries again (F2, L10).
 */
import * as Deferred from "effect/Deferred"
import * as Exit from "effect/Exit"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import type { Code, InHand, Loss } from "../../WorkerRuntime.ts"
import type { CallChunk } from "../call/callChunk.ts"
import * as errors from "../common/errors.ts"
import type { Backoff } from "./backoff.ts"
import type { Tenant } from "./tenant.ts"

/** Fails waiting calls that no worker could serve. Each function first calls `tellChunks`, for the slot's chunks. */
export interface Refusals {
  /** Whether any slot has a live worker. */
  readonly hasLive: boolean
  /** An acquisition has failed. */
  readonly acquisitionFailed: (error: WorkerPoolError, tellChunks: () => void) => void
  /** The module of a task ended its worker, or did not load. */
  readonly moduleFailed: (task: Code, error: WorkerPoolError, tellChunks: () => void) => void
}

export class SlotFailures {
  private readonly refusals: Refusals
  private readonly backoff: Backoff

  constructor(refusals: Refusals, backoff: Backoff) {
    this.refusals = refusals
    this.backoff = backoff
  }

  /** Why the slot acquires no worker for a while, if that is so. */
  get refusal(): WorkerPoolError | undefined {
    return this.backoff.isWaiting ? this.backoff.error : undefined
  }

  /** A worker has run an item, fallen idle, or been released without a failure. */
  succeeded(): void {
    this.backoff.succeeded()
  }

  /** The pool is closed. */
  dispose(): void {
    this.backoff.dispose()
  }

  /**
   * An acquisition has failed, or was interrupted when `failure` is undefined. Returns a function that tells what waits
   * for the worker: `started`, and the `chunks` that it is given. Only its first call does anything.
   */
  notAcquired(
    failure: WorkerPoolError | undefined,
    started: Deferred.Deferred<void, WorkerPoolError>
  ): (chunks: ReadonlyArray<CallChunk>) => void {
    let isTold = false
    if (failure !== undefined) this.backoff.failed(failure)
    return (chunks) => {
      if (isTold) return
      isTold = true
      const tellStart = () => Deferred.doneUnsafe(started, failure === undefined ? Exit.void : Exit.fail(failure))
      if (failure === undefined) {
        tellStart()
        for (const chunk of chunks) chunk.onEnd(undefined)
      } else {
        this.nothingStarted(failure, tellStart, chunks, () => untouched)
      }
    }
  }

  /** A live worker was lost, with `chunks` in hand. */
  lost({ hasStarted, identity }: Tenant, loss: Loss, chunks: ReadonlyArray<CallChunk>): void {
    const error = errors.workerLost(identity, loss.closed)
    const hand = (chunk: CallChunk): InHand => loss.inHand.get(chunk) ?? allStarted
    const tell = () => {
      for (const chunk of chunks) chunk.lost(hand(chunk), error)
    }
    for (const chunk of chunks) {
      const { failure } = hand(chunk)
      // a module that ends its worker says nothing about the next worker, which may load another one: no back-off
      if (failure !== undefined) return this.refusals.moduleFailed(chunk.task, failure, tell)
    }
    if (chunks.length === 0 || hasStarted || chunks.some((chunk) => hand(chunk).started > 0)) return tell()
    this.backoff.failed(error)
    this.nothingStarted(error, () => {}, chunks, hand)
  }

  /**
   * A worker was not acquired, or vanished before it could start an item. If it vanished, its items are sent again
   * (F2), but not for ever: the second time in a row with no other live worker, the calls fail. Any other failure fails
   * them at once (L10).
   */
  private nothingStarted(
    failure: WorkerPoolError,
    tellStart: () => void,
    chunks: ReadonlyArray<CallChunk>,
    hand: (chunk: CallChunk) => InHand
  ): void {
    if (failure.reason._tag === "WorkerLost" && (this.backoff.isFirst || this.refusals.hasLive)) {
      tellStart()
      for (const chunk of chunks) chunk.lost(hand(chunk), failure)
      return
    }
    this.refusals.acquisitionFailed(failure, () => {
      tellStart()
      for (const chunk of chunks) chunk.onEnd(failure)
    })
  }
}

const untouched: InHand = { started: 0, timedOut: [], moved: false, failure: undefined }

/** What counts as in hand where the runtime cannot tell: every item may have started. */
const allStarted: InHand = { ...untouched, started: Number.POSITIVE_INFINITY }
