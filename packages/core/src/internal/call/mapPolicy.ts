/**
 * The policy of the map family: results go to the call's sink, and the first failure fails the call (C4), unless
 * failures are results as well (`mapExit`).
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import * as errors from "../common/errors.ts"
import type { Call } from "./call.ts"
import type { CallChunk } from "./callChunk.ts"
import type { CallPolicy } from "./policy.ts"

/** Makes a result of the Exit of the item with an index. */
export type ToResult = (index: number, exit: Exit.Exit<unknown, unknown>) => unknown

export class MapPolicy implements CallPolicy {
  readonly areRuns = false
  readonly longestPrefetched = 50
  readonly lagsPrefetched = 10
  readonly keepsTurn = false
  readonly takesMany: boolean
  private readonly call: Call
  private readonly toResult: ToResult | undefined

  /** Without `toResult`, results are what tasks return, and the call fails fast. */
  constructor(call: Call, toResult: ToResult | undefined) {
    this.call = call
    this.toResult = toResult
    this.takesMany = toResult === undefined && call.options.sink.putAll !== undefined
  }

  get isServed(): boolean {
    return this.call.chunks.size > 0
  }

  get mayHaveMore(): boolean {
    return this.call.resends.size > 0 || !this.call.options.source.isExhausted
  }

  cut(remaining: number): number {
    return remaining
  }

  succeeded(chunk: CallChunk, position: number, value: unknown): void {
    const index = chunk.ordinal(position)
    this.put(index, this.toResult === undefined ? value : this.toResult(index, Exit.succeed(value)))
  }

  allSucceeded(chunk: CallChunk, position: number, values: ReadonlyArray<unknown>): void {
    const { sink } = this.call.options
    if (chunk.isContiguous && sink.putAll !== undefined) {
      return this.call.delivered(sink.putAll(chunk.ordinal(position), values))
    }
    values.forEach((value, n) => this.put(chunk.ordinal(position + n), value))
  }

  failed(chunk: CallChunk, position: number, cause: Cause.Cause<unknown>): void {
    if (this.toResult === undefined) return this.call.fail(cause)
    const index = chunk.ordinal(position)
    this.put(index, this.toResult(index, Exit.failCause(cause)))
  }

  chunkFailed(chunk: CallChunk, failure: WorkerPoolError): void {
    this.call.fail(Cause.fail(errors.withItems(failure, chunk.task, () => chunk.unreportedIndices())))
  }

  chunkEnded(): void {}

  refuse(cause: Cause.Cause<unknown>): void {
    this.call.fail(cause)
  }

  wanted(_chunk: CallChunk, positions: ReadonlyArray<number>): ReadonlyArray<number> {
    return positions
  }

  resent(): void {}

  private put(index: number, result: unknown): void {
    this.call.delivered(this.call.options.sink.put(index, result))
  }
}
