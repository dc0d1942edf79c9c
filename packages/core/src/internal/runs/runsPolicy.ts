/**
 * The policy of a call that `run`s share: each item has an outcome of its own, and none of them fails the others.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import * as errors from "../common/errors.ts"
import type { Call } from "../call/call.ts"
import type { CallChunk } from "../call/callChunk.ts"
import type { CallPolicy } from "../call/policy.ts"
import type { Run, RunExit } from "./run.ts"

/** An outcome that waits for the end of its chunk. */
interface Held {
  readonly chunk: CallChunk
  readonly ordinal: number
  readonly exit: RunExit
}

export class RunsPolicy implements CallPolicy {
  readonly areRuns = true
  /** In milliseconds: behind a longer item a `run` would wait for its worker, though another one may be free sooner. */
  readonly longestPrefetched = 1
  readonly lagsPrefetched = 1
  /** Each `run` has a turn of its own, and those that wait have not had it, whatever workers have of the call. */
  readonly isServed = false
  readonly takesMany = true
  private readonly call: Call
  private readonly hasDueRuns: () => boolean
  private readonly onRest: () => void
  /** The ordinals of items in chunks whose callers were interrupted. */
  private readonly unwanted = new Set<number>()
  /** Outcomes that callers get only when their chunk has ended, so that its worker is idle when they go on. */
  private held: Array<Held> = []

  readonly contextOf: NonNullable<CallPolicy["contextOf"]>
  haveOneContext = true
  /** The context of the first `run` since the call rested. */
  private context: Run["context"] | undefined = undefined
  /** Set while there may be `run`s that are traced. */
  tracedOf: CallPolicy["tracedOf"] = undefined
  private readonly runOf: (ordinal: number) => Run | undefined

  /**
   * `hasDueRuns` says whether `run`s are left that waited when the call's turn began; `onRest` is called when it rests;
   * `runOf` gives those that are in chunks.
   */
  constructor(call: Call, hasDueRuns: () => boolean, onRest: () => void, runOf: (ordinal: number) => Run | undefined) {
    this.call = call
    this.runOf = runOf
    this.contextOf = (ordinal) => runOf(ordinal)?.context
    this.hasDueRuns = hasDueRuns
    this.onRest = onRest
  }

  /** A `run` joins the others. */
  joined({ context, traced }: Run): void {
    if (context !== this.context) {
      if (this.context !== undefined) this.haveOneContext = false
      else this.context = context
    }
    if (traced !== undefined) this.tracedOf ??= (ordinal) => this.runOf(ordinal)?.traced
  }

  get keepsTurn(): boolean {
    return this.hasDueRuns()
  }

  get mayHaveMore(): boolean {
    return this.call.resends.size > 0 || this.call.options.source.available > 0
  }

  /** Leaves the last item of a lifespan for a chunk of its own, so that only one `run` waits for the release (L8). */
  cut(remaining: number): number {
    return remaining > 1 ? remaining - 1 : remaining
  }

  // ---------------------------------------------------------------------------
  // Outcomes
  // ---------------------------------------------------------------------------

  succeeded(chunk: CallChunk, position: number, value: unknown): void {
    this.take(chunk, chunk.ordinal(position), Exit.succeed(value), true)
    this.interruptUnwanted(chunk)
  }

  allSucceeded(chunk: CallChunk, position: number, values: ReadonlyArray<unknown>): void {
    for (let n = 0; n < values.length; n++) {
      const isLast = n === values.length - 1
      this.take(chunk, chunk.ordinal(position + n), Exit.succeed(values[n]), isLast)
    }
    this.interruptUnwanted(chunk)
  }

  failed(chunk: CallChunk, position: number, cause: Cause.Cause<unknown>): void {
    this.take(chunk, chunk.ordinal(position), Exit.failCause(cause), true)
    this.interruptUnwanted(chunk)
  }

  private take(chunk: CallChunk, ordinal: number, exit: RunExit, isLast: boolean): void {
    if (this.unwanted.size > 0) this.unwanted.delete(ordinal)
    if (isLast && chunk.open === 0) this.held.push({ chunk, ordinal, exit })
    else this.call.options.sink.put(ordinal, exit)
  }

  chunkFailed(chunk: CallChunk, failure: WorkerPoolError): void {
    const exit = Exit.fail(errors.withItems(failure, chunk.task, () => chunk.unreportedIndices()))
    for (const position of chunk.unreportedPositions()) {
      this.call.tally.refused++
      this.held.push({ chunk, ordinal: chunk.ordinal(position), exit })
    }
  }

  /** Hands over the outcomes that were held until their chunk had ended. */
  chunkEnded(): void {
    const { held } = this
    if (held.length === 0) return
    this.held = []
    for (const outcome of held) {
      const { chunk, exit, ordinal } = outcome
      if (this.call.chunks.has(chunk)) this.held.push(outcome)
      else this.call.options.sink.put(ordinal, exit, chunk.releasesOfRuns)
    }
  }

  /** Fails the `run`s that no worker has. */
  refuse(cause: Cause.Cause<unknown>): void {
    if (!this.call.isOpen) return
    const exit = Exit.failCause(cause)
    for (const ordinal of this.call.takeWaiting()) {
      this.call.tally.refused++
      this.call.options.sink.put(ordinal, exit)
    }
    this.call.settle()
  }

  /** `run`s often follow each other one by one: to make a call for each would cost them time. */
  rested(): void {
    // a chunk that failed may have had items that nobody wanted any more
    if (this.unwanted.size > 0) this.unwanted.clear()
    this.tracedOf = undefined
    this.context = undefined
    this.haveOneContext = true
    this.onRest()
  }

  // ---------------------------------------------------------------------------
  // Interruption
  // ---------------------------------------------------------------------------

  /**
   * The caller of the item with an ordinal was interrupted (C5). Returns whether the caller need not wait for it any
   * more; if not, its outcome follows.
   */
  interrupt(ordinal: number): boolean {
    if (this.call.resends.remove(ordinal)) {
      this.call.settle()
      return true
    }
    const found = this.find(ordinal)
    if (found === undefined) return true
    const { chunk, position } = found
    // it has ended, and its outcome is held until its chunk has
    if (chunk.isReported(position)) return false
    this.unwanted.add(ordinal)
    chunk.takeBack(0)
    if (this.find(ordinal) === undefined) return true
    // interrupted if that harms no other item: those of a chunk that no worker has yet are sent again; and when this is
    // the last item that starts, no other one is running
    if (!chunk.hasWorker || chunk.hasStartedLast(position)) chunk.interrupt()
    // else it goes on, because items that are wanted would be interrupted with it, and its caller does not wait for it
    else if (!this.interruptUnwanted(chunk)) return true
    return this.find(ordinal) === undefined
  }

  /** Interrupts a chunk if nobody waits for any of the items that are left of it; returns whether it did. */
  private interruptUnwanted(chunk: CallChunk): boolean {
    if (this.unwanted.size === 0 || chunk.open === 0) return false
    const isUnwanted = chunk.unreportedPositions().every((position) => this.unwanted.has(chunk.ordinal(position)))
    if (isUnwanted) chunk.interrupt()
    return isUnwanted
  }

  /** Leaves out the items whose callers were interrupted: they end here, and are not sent again. */
  wanted(chunk: CallChunk, positions: ReadonlyArray<number>): ReadonlyArray<number> {
    if (this.unwanted.size === 0) return positions
    const wanted: Array<number> = []
    for (const position of positions) {
      const ordinal = chunk.ordinal(position)
      if (this.unwanted.has(ordinal)) this.endUnwanted(chunk, ordinal)
      else wanted.push(position)
    }
    return wanted
  }

  resent(chunk: CallChunk): void {
    for (const position of chunk.unreportedPositions()) {
      const ordinal = chunk.ordinal(position)
      if (this.unwanted.has(ordinal) && this.call.resends.remove(ordinal)) this.endUnwanted(chunk, ordinal)
    }
  }

  private endUnwanted(chunk: CallChunk, ordinal: number): void {
    this.unwanted.delete(ordinal)
    this.held.push({ chunk, ordinal, exit: Exit.interrupt() })
  }

  private find(ordinal: number): { readonly chunk: CallChunk; readonly position: number } | undefined {
    for (const chunk of this.call.chunks) {
      const position = chunk.positionOf(ordinal)
      if (position >= 0) return { chunk, position }
    }
    return undefined
  }
}
