/**
 * The call that `run`s share: each of its items has an outcome of its own, and none of them fails the others.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import type * as WorkerPoolError from "../../WorkerPoolError.ts"
import { Call, lostWith } from "../call/call.ts"
import type { CallChunk } from "../call/callChunk.ts"

/** Items that take longer than that, in milliseconds, are not sent before they are needed: another worker may be free first. */
const longestAhead = 1

export class RunsCall extends Call {
  /** Items whose outcomes nobody wants any more. */
  private readonly dropped = new Set<number>()
  /** Outcomes that wait for the end of their chunk, after which whoever goes on with them finds its worker idle. */
  private held: Array<readonly [chunk: CallChunk, place: number, outcome: Exit.Exit<unknown, unknown>]> = []
  private handingOver = 0

  override get areRuns(): boolean {
    return true
  }

  /** Those that wait have nothing yet. */
  override get isServed(): boolean {
    return false
  }

  protected override get longestAhead(): number {
    return longestAhead
  }

  /** They have a turn each. */
  override get keepsTurn(): boolean {
    return this.options.source.keepsTurn === true
  }

  override get mayHaveMore(): boolean {
    return this.resends.size > 0 || this.options.source.available > 0
  }

  override get takesAll(): boolean {
    return true
  }

  override next(limit: number, workers: number, othersWait: boolean): CallChunk | undefined {
    // only the last of them may use a lifespan up, and then waits for the release
    return super.next(limit > 1 ? limit - 1 : limit, workers, othersWait)
  }

  // ---------------------------------------------------------------------------
  // Outcomes
  // ---------------------------------------------------------------------------

  override allSucceeded(chunk: CallChunk, position: number, values: ReadonlyArray<unknown>): void {
    if (!this.isOpen) return
    for (let n = 0; n < values.length; n++) {
      const isLast = n === values.length - 1
      this.take(chunk, chunk.ordinal(position + n), Exit.succeed(values[n]), isLast)
    }
    this.interruptUnwanted(chunk)
  }

  protected override put(chunk: CallChunk, place: number, outcome: unknown): void {
    this.take(chunk, place, outcome as Exit.Exit<unknown, unknown>, true)
    this.interruptUnwanted(chunk)
  }

  private take(chunk: CallChunk, place: number, outcome: Exit.Exit<unknown, unknown>, isLast: boolean): void {
    if (this.dropped.size > 0) this.dropped.delete(place)
    if (isLast && chunk.open === 0) this.held.push([chunk, place, outcome])
    else this.options.sink.put(place, outcome)
  }

  protected override chunkFailed(chunk: CallChunk, failure: WorkerPoolError.WorkerPoolError): void {
    const outcome = Exit.fail(lostWith(failure, () => chunk.unreported()))
    for (const position of chunk.unreportedPositions()) this.held.push([chunk, chunk.ordinal(position), outcome])
  }

  protected override goOn(): void {
    this.handOver()
    super.goOn()
  }

  /** Hands over what waited for the end of chunks that are over. */
  private handOver(): void {
    if (this.held.length === 0) return
    const isOver = ([chunk]: (typeof this.held)[number]) => !this.chunks.has(chunk)
    const ready = this.held.filter(isOver)
    this.held = this.held.filter((held) => !isOver(held))
    this.handingOver++
    for (const [chunk, place, outcome] of ready) this.options.sink.put(place, outcome, chunk.caused)
    this.handingOver--
  }

  protected override settle(): void {
    // whoever takes an outcome goes on at once, when there may be others to hand over
    if (this.handingOver === 0 || !this.isOpen) super.settle()
  }

  /** Fails those that no worker has. */
  override refuse(cause: Cause.Cause<unknown>): void {
    if (!this.isOpen) return
    this.host.withdraw(this)
    const { sink, source } = this.options
    const places = this.resends.clear()
    const waiting = source.take(source.available).length
    for (let n = 0; n < waiting; n++) places.push(this.taken++)
    for (const place of places) sink.put(place, Exit.failCause(cause))
    this.settle()
  }

  // ---------------------------------------------------------------------------
  // What nobody wants any more
  // ---------------------------------------------------------------------------

  /**
   * Nobody wants an item's outcome any more. Returns whether nothing more is heard of it; if not, it is being interrupted,
   * and its outcome follows.
   */
  drop(place: number): boolean {
    if (this.forget(place)) return true
    const found = this.find(place)
    if (found === undefined) return true
    const [chunk, position] = found
    // it waits for the end of its chunk
    if (chunk.isReported(position)) return false
    this.dropped.add(place)
    chunk.takeBack(0)
    if (this.find(place) === undefined) return true
    // what is before it has ended, and nothing starts after it
    if (!chunk.isSent || chunk.hasStartedLast(position)) chunk.interrupt()
    // beside others that would be interrupted as well it is left alone, until they have ended
    else if (!this.interruptUnwanted(chunk)) return true
    return this.find(place) === undefined
  }

  /** Some that wait may not be there any more. */
  poke(): void {
    this.settle()
  }

  protected override giveBack(chunk: CallChunk, positions: ReadonlyArray<number>): void {
    const isWanted = (position: number) => !this.dropped.has(chunk.ordinal(position))
    super.giveBack(chunk, this.dropped.size === 0 ? positions : positions.filter(isWanted))
    for (const position of positions) if (!isWanted(position)) this.abandon(chunk, chunk.ordinal(position))
  }

  protected override tookLost(chunk: CallChunk): void {
    for (const position of chunk.unreportedPositions()) {
      const place = chunk.ordinal(position)
      if (this.dropped.has(place) && this.resends.forget(place)) this.abandon(chunk, place)
    }
  }

  /** An item that nobody wants any more is not sent again. */
  private abandon(chunk: CallChunk, place: number): void {
    this.dropped.delete(place)
    this.held.push([chunk, place, Exit.interrupt()])
  }

  /** Interrupts a chunk when nobody wants the outcomes of what is left of it; returns whether that is so. */
  private interruptUnwanted(chunk: CallChunk): boolean {
    if (this.dropped.size === 0 || chunk.open === 0) return false
    const isUnwanted = chunk.unreportedPositions().every((position) => this.dropped.has(chunk.ordinal(position)))
    if (isUnwanted) chunk.interrupt()
    return isUnwanted
  }

  /** Forgets an item that is to be sent again; returns whether there was one. */
  private forget(place: number): boolean {
    const isForgotten = this.resends.forget(place)
    if (isForgotten) this.settle()
    return isForgotten
  }

  private find(place: number): readonly [CallChunk, number] | undefined {
    for (const chunk of this.chunks) {
      const position = chunk.positionOf(place)
      if (position >= 0) return [chunk, position]
    }
    return undefined
  }
}
