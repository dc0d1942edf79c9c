/**
 * How busy the pool's own thread is while the pool has workers: if they wait, this says for whom. Only some platforms
 * tell; it is asked when the first worker comes and when the last one has gone, and by who watches.
 */
import type { PoolThread } from "./insights.ts"

/** What `performance.eventLoopUtilization` of Node returns, in milliseconds since the thread began. */
interface Utilization {
  readonly active: number
  readonly idle: number
}

export class ThreadMeter {
  private readonly read: (() => Utilization) | undefined
  private workers = 0
  private began: Utilization = { active: 0, idle: 0 }
  /** That of all earlier times in which there were workers. */
  private past: Utilization = { active: 0, idle: 0 }

  /** `isReal`: the pool's time is that of the thread, and no test's. */
  constructor(isReal: boolean) {
    const { performance } = globalThis as {
      readonly performance?: { readonly eventLoopUtilization?: () => Utilization }
    }
    this.read = isReal ? performance?.eventLoopUtilization?.bind(performance) : undefined
  }

  workerCame(): void {
    if (this.workers++ === 0 && this.read !== undefined) this.began = this.read()
  }

  workerGone(): void {
    if (--this.workers > 0 || this.read === undefined) return
    this.past = this.sum(this.read)
  }

  get thread(): PoolThread | undefined {
    if (this.read === undefined) return undefined
    const { active, idle } = this.workers > 0 ? this.sum(this.read) : this.past
    return active + idle > 0 ? { utilization: active / (active + idle) } : undefined
  }

  private sum(read: () => Utilization): Utilization {
    const { active, idle } = read()
    const { began, past } = this
    return { active: past.active + active - began.active, idle: past.idle + idle - began.idle }
  }
}
