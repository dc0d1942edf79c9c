/**
 * What has become of a call's items, counted once for each chunk, whether anybody listens or not (O2).
 */

/** Items by what they came to. */
export interface Outcomes {
  readonly succeeded: number
  readonly failed: number
  readonly interrupted: number
}

/** What it asks of a chunk. */
export interface CountedChunk {
  /** How many items have an outcome, and how many of these have failed or were interrupted. */
  readonly reported: number
  readonly failed: number
  readonly interrupted: number
  /** Whether a worker has been given it. */
  readonly hasWorker: boolean
}

export const outcomesOf = ({ failed, interrupted, reported }: CountedChunk): Outcomes => ({
  succeeded: reported - failed - interrupted,
  failed,
  interrupted
})

export class Tally {
  /** Those of chunks that are over. */
  private reported = 0
  private failed = 0
  private interrupted = 0
  chunks = 0
  /** `run`s that failed because no worker could be had for them. */
  refused = 0
  /** How many failures of items have been told. */
  told = 0

  /** A chunk is over. */
  add(chunk: CountedChunk): void {
    this.reported += chunk.reported
    this.failed += chunk.failed
    this.interrupted += chunk.interrupted
    if (chunk.hasWorker) this.chunks++
  }

  /** All so far; `chunks` are those that are not over. */
  read(chunks: Iterable<CountedChunk>): Outcomes {
    const sum = { reported: this.reported, failed: this.failed, interrupted: this.interrupted, hasWorker: false }
    for (const { failed, interrupted, reported } of chunks) {
      sum.reported += reported
      sum.failed += failed
      sum.interrupted += interrupted
    }
    return outcomesOf(sum)
  }

  /** The call begins anew, after its rest. */
  clear(): void {
    this.reported = 0
    this.failed = 0
    this.interrupted = 0
    this.chunks = 0
    this.refused = 0
    this.told = 0
  }
}
