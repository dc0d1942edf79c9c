/**
 * How busy the pool's own thread is while the pool has live workers: if they wait, this says for whom. Only some platforms
 * tell; it is asked when the first worker is live and when the last one is no more, and by who watches.
 */
import { type Utilization, utilization } from "../task/realTime.ts"
import type { PoolThread } from "./insights.ts"

const none: Utilization = { active: 0, idle: 0 }

export class ThreadMeter {
  private readonly isReal: boolean
  /** Whether tasks run on it too. */
  private readonly runsTasks: boolean
  private workers = 0
  private began = none
  /** That of all earlier times in which there were workers. */
  private past = none

  /** `isReal`: the pool's time is that of the thread, and no test's. */
  constructor(isReal: boolean, runsTasks: boolean) {
    this.isReal = isReal
    this.runsTasks = runsTasks
  }

  workerCame(): void {
    if (this.workers++ === 0) this.began = this.read()
  }

  workerGone(): void {
    if (--this.workers === 0) this.past = this.sum()
  }

  get thread(): PoolThread | undefined {
    const { active, idle } = this.workers > 0 ? this.sum() : this.past
    return active + idle > 0 ? { utilization: active / (active + idle), runsTasks: this.runsTasks } : undefined
  }

  private sum(): Utilization {
    const { began, past } = this
    const { active, idle } = this.read()
    return { active: past.active + active - began.active, idle: past.idle + idle - began.idle }
  }

  private read(): Utilization {
    return (this.isReal ? utilization() : undefined) ?? none
  }
}
