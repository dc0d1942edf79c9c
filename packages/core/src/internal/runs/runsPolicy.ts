/**
 * The policy of the call that `run`s share: each of its items has an outcome of its own, and none of them fails the others.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import { type Call, withIndices } from "../call/call.ts"
import type { CallChunk } from "../call/callChunk.ts"
import type { CallPolicy } from "../call/policy.ts"
import type { RunExit } from "./run.ts"

/** An outcome that waits for the end of its chunk. */
interface Held {
  readonly chunk: CallChunk
  readonly ordinal: number
  readonly exit: RunExit
}

export class RunsPolicy implements CallPolicy {
  readonly areRuns = true
  /** In milliseconds: another worker may be free before a longer item ends. */
  readonly longestPrefetched = 1
  /** Those that wait have nothing yet. */
  readonly isServed = false
  readonly takesMany = true
  private readonly call: Call
  private readonly doesKeepTurn: () => boolean
  /** The ordinals of items in chunks whose callers were interrupted. */
  private readonly unwanted = new Set<number>()
  /** A caller goes on when its chunk has ended, not before, so that the worker is idle by then. */
  private held: Array<Held> = []
  private handovers = 0

  /** `keepsTurn` says whether `run`s are left that waited when the call's turn began. */
  constructor(call: Call, keepsTurn: () => boolean) {
    this.call = call
    this.doesKeepTurn = keepsTurn
  }

  get keepsTurn(): boolean {
    return this.doesKeepTurn()
  }

  get mayHaveMore(): boolean {
    return this.call.resends.size > 0 || this.call.options.source.available > 0
  }

  /** Leaves the last item that a lifespan allows for a chunk of its own: only one `run` waits for the release then (L8). */
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
    const exit = Exit.fail(withIndices(failure, () => chunk.unreportedIndices()))
    for (const position of chunk.unreportedPositions()) {
      this.held.push({ chunk, ordinal: chunk.ordinal(position), exit })
    }
  }

  /** Hands over what waited for the end of chunks that are over. */
  chunkEnded(): void {
    if (this.held.length === 0) return
    const isOver = ({ chunk }: Held) => !this.call.chunks.has(chunk)
    const ready = this.held.filter(isOver)
    this.held = this.held.filter((held) => !isOver(held))
    this.handovers++
    for (const { chunk, exit, ordinal } of ready) this.call.options.sink.put(ordinal, exit, chunk.releasesOfRuns)
    this.handovers--
  }

  /** A caller that takes its outcome goes on at once, while others have yet to be handed theirs. */
  get isHandingOver(): boolean {
    return this.handovers > 0
  }

  /** Fails those that no worker has. */
  refuse(cause: Cause.Cause<unknown>): void {
    if (!this.call.isRunning) return
    const exit = Exit.failCause(cause)
    for (const ordinal of this.call.takeWaiting()) this.call.options.sink.put(ordinal, exit)
    this.call.settle()
  }

  // ---------------------------------------------------------------------------
  // Interruption
  // ---------------------------------------------------------------------------

  /**
   * Nobody waits for the item with an ordinal any more (C5). Returns whether it is over, as far as its caller is concerned; if
   * not, it is being interrupted, and its outcome follows.
   */
  interrupt(ordinal: number): boolean {
    if (this.call.resends.remove(ordinal)) {
      this.call.settle()
      return true
    }
    const found = this.find(ordinal)
    if (found === undefined) return true
    const { chunk, position } = found
    // its outcome waits for the end of the chunk
    if (chunk.isReported(position)) return false
    this.unwanted.add(ordinal)
    chunk.takeBack(0)
    if (this.find(ordinal) === undefined) return true
    // the items before it have ended and none starts after it, so that it is interrupted alone
    if (!chunk.hasWorker || chunk.hasStartedLast(position)) chunk.interrupt()
    // else it goes on until the items beside it are over, which would be interrupted with it
    else if (!this.interruptUnwanted(chunk)) return true
    return this.find(ordinal) === undefined
  }

  /** Interrupts a chunk once nobody waits for what is left of it; returns whether that is so. */
  private interruptUnwanted(chunk: CallChunk): boolean {
    if (this.unwanted.size === 0 || chunk.open === 0) return false
    const isUnwanted = chunk.unreportedPositions().every((position) => this.unwanted.has(chunk.ordinal(position)))
    if (isUnwanted) chunk.interrupt()
    return isUnwanted
  }

  /** Items whose callers were interrupted are not sent again. */
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
