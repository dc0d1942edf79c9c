/**
 * Since when pools have waited for room (K7): that counts only while a pool has no worker, and once nobody else comes first.
 */
import { now } from "../common/timers.ts"

/** After how many milliseconds without another question a pool that asked for room does not wait any more. */
const forgotten = 5_000

interface Wait {
  /** How many workers the pool has, those included that are about to end. */
  workers: number
  since: number | undefined
  askedAt: number
}

export class Waits {
  /** By the names of pools; those that have the same one count as one. */
  private readonly pools = new Map<string | undefined, Wait>()

  /** A pool has one more worker; call what is returned when that has ended. */
  hold(pool: string | undefined): () => void {
    const wait = this.of(pool)
    wait.workers++
    wait.since = undefined
    return () => {
      wait.workers--
      if (wait.workers === 0) this.pools.delete(pool)
    }
  }

  /** There is no room for a pool's worker: returns how long it has waited, in milliseconds. */
  waited(pool: string | undefined, isQueued: boolean): number {
    const at = now()
    for (const [name, { askedAt, workers }] of this.pools) {
      if (workers === 0 && at - askedAt > forgotten) this.pools.delete(name)
    }
    const wait = this.of(pool)
    // slots ask again and again as long as they wait
    wait.askedAt = at
    if (isQueued || wait.workers > 0) {
      // it begins with the first question after that, not with this one
      wait.since = undefined
      return 0
    }
    wait.since ??= at
    return at - wait.since
  }

  private of(pool: string | undefined): Wait {
    const wait = this.pools.get(pool) ?? { workers: 0, since: undefined, askedAt: 0 }
    this.pools.set(pool, wait)
    return wait
  }
}
