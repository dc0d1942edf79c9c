/**
 * What a pool knows of the runners that it has lost, and which of its items may be in hand together after that (K4). Those that
 * were alone in their workers when one was lost may have been on the same runner, which one of them ends each time: sent together
 * again, all would be charged again for what that one does.
 */
import type { Call } from "./call.ts"
import type { CallChunk } from "./callChunk.ts"

/**
 * - `none`: no runner was lost while the item was in hand
 * - `possible`: one was, which may have been anybody's fault
 * - `strong`: another one was while the item was alone in its worker; beside it there is no other item of either kind
 */
export const suspicions = { none: 0, possible: 1, strong: 2 } as const

export type Suspicion = (typeof suspicions)[keyof typeof suspicions]

/** A runner that was lost, with all its workers, of which one is told now. */
export interface LostRunner {
  /** Which one it is, if that is known. */
  readonly runner: string | undefined
  /** The worker's number among all that ever had a place; 0 where it had none yet. */
  readonly worker: number
  /** How many had had one by the time that this is told. */
  readonly workers: number
  /** How many runners had been lost when what the worker answered last was sent to it; -1 where it has answered nothing. */
  readonly answered: number
}

/** Of so many runners it is kept in mind which workers they had: all are told of within seconds. */
const mostRemembered = 64

export class Isolation {
  /** How many runners have been lost. */
  private losses = 0
  /** Of the last ones: how many had been lost with it, and how many workers had had a place, when it was told. */
  private readonly runners = new Map<string, { readonly losses: number; readonly workers: number }>()
  /** How many chunks of each suspicion are in hand. */
  private readonly inHand = [0, 0, 0]
  /** The calls that have a suspect to send. */
  private readonly waiting = new Set<Call>()

  /** Whether a chunk of such an item may be given to a slot now. */
  admits(suspicion: Suspicion): boolean {
    if (suspicion === suspicions.none) return true
    const [, possible, strong] = this.inHand
    return strong === 0 && (suspicion === suspicions.possible || possible === 0)
  }

  /** The chunk is given to a slot. */
  enter(chunk: CallChunk): void {
    chunk.lossesBefore = this.losses
    this.inHand[chunk.suspicion]!++
  }

  /** The call has a suspect that must wait; it is offered again when it need not. */
  wait(call: Call): void {
    this.waiting.add(call)
  }

  /** The chunk is over. */
  leave({ suspicion }: CallChunk): void {
    this.inHand[suspicion]!--
    if (this.waiting.size === 0 || !this.admits(suspicions.strong)) return
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const call of waiting) call.offer()
  }

  /** A worker was lost with its runner; told before what becomes of its chunks. */
  lost({ answered, runner, worker, workers }: LostRunner): void {
    if (runner === undefined) return
    const known = this.runners.get(runner)
    // one that has been there since, because it was started or has answered, has been lost by another accident (K4)
    if (known !== undefined && worker <= known.workers && answered < known.losses) return
    this.runners.delete(runner)
    this.runners.set(runner, { losses: ++this.losses, workers })
    for (const oldest of this.runners.keys()) {
      if (this.runners.size <= mostRemembered) break
      this.runners.delete(oldest)
    }
  }

  /**
   * Whether a chunk of a worker that was lost with its runner was sent when that had been told already. A runner's workers are
   * told of one after another, and meanwhile what the first had may be given to the next.
   */
  isLate(chunk: CallChunk, { runner }: LostRunner): boolean {
    const known = runner === undefined ? undefined : this.runners.get(runner)
    return known !== undefined && chunk.lossesBefore >= known.losses
  }
}
