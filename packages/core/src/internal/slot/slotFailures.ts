/**
 * What it comes to that a slot gets no worker, or loses the one it had: who is told, what is sent again, and whether the
 * slot rests (F2, L10).
 */
import * as Deferred from "effect/Deferred"
import * as Exit from "effect/Exit"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import type { Code, InHand, Loss } from "../../WorkerRuntime.ts"
import { Backoff, type BackoffHost } from "./backoff.ts"
import type { CallChunk } from "../call/callChunk.ts"
import * as errors from "../common/errors.ts"
import type { Tenant } from "./tenant.ts"

/** What fails calls that wait for what this slot, or any other, cannot give them. */
export interface Refusals {
  /** Whether any slot has a live worker. */
  readonly hasLive: boolean
  readonly acquisitionFailed: (error: WorkerPoolError, tellChunks: () => void) => void
  readonly moduleFailed: (task: Code, error: WorkerPoolError, tellChunks: () => void) => void
}

/** What is asked of the slot's pool. */
export interface FailuresHost extends BackoffHost {
  readonly refusals: Refusals
}

export class SlotFailures {
  private readonly refusals: Refusals
  private readonly backoff: Backoff

  constructor(host: FailuresHost) {
    this.refusals = host.refusals
    this.backoff = new Backoff(host)
  }

  /** Why the slot acquires no worker for a while, if that is so. */
  get refusal(): WorkerPoolError | undefined {
    return this.backoff.isResting ? this.backoff.error : undefined
  }

  /** A worker has done something, or has been released as it should be. */
  succeeded(): void {
    this.backoff.succeeded()
  }

  /** Nothing is acquired any more. */
  dispose(): void {
    this.backoff.dispose()
  }

  /**
   * An acquisition has failed, or was interrupted when there is no failure; what it returns tells, once, those that wait
   * for a worker that none came of it.
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

  /** A live worker is gone with these chunks (F2). */
  lost({ hasStarted, identity }: Tenant, loss: Loss, chunks: ReadonlyArray<CallChunk>): void {
    const error = errors.workerLost(identity, loss.closed)
    const hand = (chunk: CallChunk): InHand => loss.inHand.get(chunk) ?? allStarted
    const tell = () => {
      for (const chunk of chunks) chunk.lost(hand(chunk), error)
    }
    // that a task's module ends its worker says nothing of the next one
    const culprit = chunks.find((chunk) => hand(chunk).failure !== undefined)
    if (culprit !== undefined) {
      this.refusals.moduleFailed(culprit.task, hand(culprit).failure!, tell)
    } else if (chunks.length === 0 || hasStarted || chunks.some((chunk) => hand(chunk).started > 0)) {
      tell()
    } else {
      this.backoff.failed(error)
      this.nothingStarted(error, () => {}, chunks, hand)
    }
  }

  /** What a worker takes with it that vanished before it could start anything is sent again, but not for ever. */
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

/** For a runtime that cannot tell. */
const allStarted: InHand = { ...untouched, started: Number.POSITIVE_INFINITY }
