/**
 * What follows when a slot gets no worker, or loses the one that it had: which calls are told, what is sent again, and
 * whether the slot waits before it tries again. Failures belong to those who caused them (F2, L10).
 */
import * as MutableRef from "effect/MutableRef"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import type { Code, InHand, Loss } from "../../WorkerRuntime.ts"
import type { Call } from "../call/call.ts"
import type { CallChunk } from "../call/callChunk.ts"
import * as errors from "../common/errors.ts"
import type { Backoff } from "./backoff.ts"
import * as hooks from "./hooks.ts"
import type { AcquisitionFailure, Tenant } from "./tenant.ts"

/** Fails waiting calls that no worker could serve. */
export interface Refusals {
  /** Whether any slot has a live worker. */
  readonly hasLive: boolean
  /** An acquisition has failed, for those waiting calls for which `isConcerned` says so. */
  readonly acquisitionFailed: (error: WorkerPoolError, isConcerned: (call: Call) => boolean) => void
  /** The module of a task ended its worker, or did not load. */
  readonly moduleFailed: (task: Code, error: WorkerPoolError) => void
}

export interface SlotFailuresOptions {
  readonly refusals: Refusals
  /** The hooks that a call keeps. */
  readonly keptBy: (call: Call) => hooks.Hooks
  readonly makeBackoff: () => Backoff
}

export class SlotFailures {
  private readonly options: SlotFailuresOptions
  /** For failures to start the runtime, its entry or the services, which every worker of the slot would have. */
  private readonly starts: Backoff
  /**
   * For failures of each `init`, by its timeout: they are no reason to wait with another one, and are not forgotten when
   * another one fails, or a slot that tries two by turns would never have failed twice in a row (L10). Held weakly,
   * because users may make hooks without end.
   */
  private readonly inits = new WeakMap<object, Map<number | undefined, Backoff>>()
  /** Those of `inits` that may be waiting. */
  private readonly waiting = new Set<Backoff>()
  /** How many runners in a row were lost while a worker was being acquired there. */
  private lostRunners = { init: 0, start: 0 }
  private isDisposed = false

  constructor(options: SlotFailuresOptions) {
    this.options = options
    this.starts = options.makeBackoff()
  }

  /** Why the slot acquires no worker with any hooks for a while, if that is so. */
  get refusalOfAll(): WorkerPoolError | undefined {
    return this.starts.refusal
  }

  /** Why the slot acquires no worker with these hooks for a while, if that is so. */
  refusal(wanted: hooks.Hooks): WorkerPoolError | undefined {
    return this.starts.refusal ?? this.initBackoff(wanted)?.refusal
  }

  /** A worker was acquired with these hooks. */
  succeeded(acquiredWith: hooks.Hooks): void {
    this.lostRunners = { init: 0, start: 0 }
    this.starts.succeeded()
    this.initBackoff(acquiredWith)?.succeeded()
  }

  /** The pool is closed. */
  dispose(): void {
    this.isDisposed = true
    this.starts.dispose()
    for (const backoff of this.waiting) backoff.dispose()
  }

  /** Whether a call that keeps `kept` fails with the failure of an acquisition with `acquiredWith` (L10). */
  isConcerned({ of }: AcquisitionFailure, acquiredWith: hooks.Hooks, kept: hooks.Hooks): boolean {
    return of === "start" || hooks.sameInit(acquiredWith, kept)
  }

  /**
   * Whether a failed acquisition is to fail nobody, so that the slot tries again in a moment: there is no place for a worker
   * while the pool has another one, or while its runtime lets it wait (K7), or what was lost was more than the worker (K4).
   */
  isForgiven({ of, unavailable }: AcquisitionFailure, loss: Loss | undefined): boolean {
    if (unavailable !== undefined) return !unavailable.giveUp || this.options.refusals.hasLive
    return loss?.closed.external === true && ++this.lostRunners[of] <= mostLostRunners[of]
  }

  /** Notes that an acquisition has failed. */
  noted({ error, of, unavailable }: AcquisitionFailure, acquiredWith: hooks.Hooks): void {
    // it is for the runtime to say how soon it is to be asked again
    if (this.isDisposed || unavailable !== undefined) return
    if (of === "start") return this.starts.failed(error)
    const backoff = this.initBackoff(acquiredWith) ?? this.addInitBackoff(acquiredWith)
    backoff.failed(error)
    for (const other of this.waiting) if (other.refusal === undefined) this.waiting.delete(other)
    this.waiting.add(backoff)
  }

  /** An acquisition has failed, for which `chunks` waited. Those of calls that it does not concern are sent again. */
  notAcquired(failure: AcquisitionFailure, acquiredWith: hooks.Hooks, chunks: ReadonlyArray<CallChunk>): void {
    const { keptBy, refusals } = this.options
    const { error, of } = failure
    const isConcerned = (call: Call) => this.isConcerned(failure, acquiredWith, keptBy(call))
    const backoff = of === "start" ? this.starts : this.initBackoff(acquiredWith)
    // A worker that vanished may have been ended by something that the next one is spared. Not for ever: the second
    // time in a row with no other live worker, the calls fail. Any other failure fails them at once (L10).
    if (error.reason._tag === "WorkerLost" && (backoff?.isFirst === true || refusals.hasLive)) {
      for (const chunk of chunks) chunk.lost(untouched, error, false)
      return
    }
    const { hasLive } = refusals
    for (const chunk of chunks) chunk.end(isConcerned(chunk.call) ? error : undefined)
    // a live worker will serve the calls that wait (L10)
    if (!hasLive) refusals.acquisitionFailed(error, isConcerned)
  }

  /** A live worker was lost, with `chunks` in hand. */
  lost({ given, hidesItems, identity, lostRunner }: Tenant, loss: Loss, chunks: ReadonlyArray<CallChunk>): void {
    const lost = errors.workerLost(identity, loss.closed)
    const error = hidesItems && loss.closed.external !== true ? errors.quotingItems(lost) : lost
    const hand = (chunk: CallChunk): InHand => loss.inHand.get(chunk) ?? allStarted
    // It was lost while it read what it had been sent, or before it began with that: reading it may be what ended it,
    // and may end the next worker too (F2).
    const isUnread = chunks.every((chunk) => hand(chunk).started === 0)
    const culprit = chunks.find((chunk) => hand(chunk).failure !== undefined)
    // what another task left behind may have ended or kept it; if it was the module after all, it will end or keep the next one too (F3, T4)
    if (culprit !== undefined && loss.mayBeLeftBehind === true && culprit.call.excusesModule()) {
      for (const chunk of chunks) chunk.lost({ ...hand(chunk), failure: undefined }, error, false, lostRunner)
      return
    }
    // one that it has to itself counts with those before it
    const isFirst = MutableRef.get(given) === 1
    const unread = isUnread && culprit === undefined ? (isFirst ? "first" : "later") : false
    for (const chunk of chunks) chunk.lost(hand(chunk), error, unread, lostRunner)
    const failure = culprit && hand(culprit).failure
    if (culprit !== undefined && failure !== undefined) this.options.refusals.moduleFailed(culprit.task, failure)
  }

  private initBackoff({ init, initTimeout }: hooks.Hooks): Backoff | undefined {
    return this.inits.get(init ?? none)?.get(initTimeout)
  }

  private addInitBackoff({ init, initTimeout }: hooks.Hooks): Backoff {
    const backoff = this.options.makeBackoff()
    const key = init ?? none
    const byTimeout = this.inits.get(key)
    if (byTimeout === undefined) this.inits.set(key, new Map([[initTimeout, backoff]]))
    else byTimeout.set(initTimeout, backoff)
    return backoff
  }
}

/**
 * How many runners may be lost before a worker is acquired, without counting as the failure of an acquisition: a hook may be what
 * ends them, or the worker's start. But either takes long enough to meet with runners that are lost for other reasons, one after
 * another where all of them are restarted.
 */
const mostLostRunners = { init: 12, start: 20 } as const

/** Stands for the `init` of hooks without one. */
const none: object = {}

const untouched: InHand = { started: 0, timedOut: [], moved: false, failure: undefined }

/** What counts as in hand where the runtime cannot tell: every item may have started. */
const allStarted: InHand = { ...untouched, started: Number.POSITIVE_INFINITY }
