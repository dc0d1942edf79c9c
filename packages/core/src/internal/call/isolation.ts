/**
 * Which items of a pool may be in hand together once runners have been lost with them (K4). Those that were alone in their
 * workers then may have been on the same runner, which one of them ends each time: sent together again, all would be charged
 * again for what that one does.
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
  /** The worker's number among all that were ever acquired. */
  readonly worker: number
  /** How many had been acquired by the time that this is told. */
  readonly workers: number
}

export class Isolation {
  /** How many runners have been lost. */
  losses = 0
  /** Of each: how many had been lost with it, and how many workers had been acquired, when it was told. */
  private readonly runners = new Map<string, { readonly losses: number; readonly workers: number }>()
  /** How many chunks with a possible suspect are in hand. */
  private possible = 0
  private strong: CallChunk | undefined = undefined
  /** The calls that have a suspect to send. */
  private readonly waiting = new Set<Call>()

  /** Whether a chunk of such an item may be given to a slot now. */
  admits(suspicion: Suspicion): boolean {
    if (suspicion === suspicions.none) return true
    return this.strong === undefined && (suspicion === suspicions.possible || this.possible === 0)
  }

  /** The chunk is given to a slot. */
  enter(chunk: CallChunk): void {
    if (chunk.suspicion === suspicions.possible) this.possible++
    else this.strong = chunk
  }

  /**
   * A worker was lost with its runner; returns whether the chunk was sent to it after that. A runner's workers are told of one
   * after another, and meanwhile what the first had may be given to the next.
   */
  isLate(chunk: CallChunk, { runner, worker, workers }: LostRunner): boolean {
    if (runner === undefined) return false
    const known = this.runners.get(runner)
    if (known !== undefined && worker <= known.workers) return chunk.lossesBefore >= known.losses
    this.runners.set(runner, { losses: ++this.losses, workers })
    return false
  }

  /** The call has a suspect that must wait; it is offered again when it need not. */
  wait(call: Call): void {
    this.waiting.add(call)
  }

  /** The chunk is over. */
  leave(chunk: CallChunk): void {
    if (chunk.suspicion === suspicions.possible) this.possible--
    else this.strong = undefined
    if (this.strong !== undefined || this.possible > 0) return
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const call of waiting) call.offer()
  }
}
