/**
 * Puts together what a pool's `insights` gives (O1), when somebody asks. What platforms tell of workers is asked for then
 * only, and at most once a second.
 */
import * as Effect from "effect/Effect"
import type { Insights } from "../insights/insights.ts"
import type { LongestItems } from "../insights/longestItems.ts"
import { sum } from "../insights/slotMeter.ts"
import type { ThreadMeter } from "../insights/threadMeter.ts"
import type { Slots } from "../slot/slots.ts"
import * as realTime from "../task/realTime.ts"

export interface InsightsParts {
  /** The pool's name. */
  readonly pool: string
  readonly tasksPerWorker: number
  readonly slots: Slots
  readonly longest: LongestItems
  readonly thread: ThreadMeter
}

/** The least time between two times that workers' platforms are asked, in milliseconds. */
const leastBetween = 1000

/** How long to wait for their answers, in milliseconds: native code can keep a thread from giving one. */
const patience = 500

export class InsightsReader {
  private readonly parts: InsightsParts
  private asked = Number.NEGATIVE_INFINITY

  constructor(parts: InsightsParts) {
    this.parts = parts
  }

  readonly insights: Effect.Effect<Insights> = Effect.suspend(() =>
    Effect.map(this.askUsage(), () => {
      const { longest, pool, slots, tasksPerWorker, thread } = this.parts
      const all = slots.everyone.map((slot) => ({ worker: slot.id, ...slot.numbers, usage: slot.lastUsage }))
      return {
        pool,
        size: slots.size,
        tasksPerWorker,
        total: sum(all),
        slots: all.filter(({ worker, workers }) => worker < slots.size || workers > 0),
        longest: longest.items,
        thread: thread.thread
      }
    })
  )

  private askUsage(): Effect.Effect<void> {
    const now = realTime.now()
    if (now - this.asked < leastBetween) return Effect.void
    const questions = this.parts.slots.live.flatMap((slot) => slot.askUsage ?? [])
    if (questions.length === 0) return Effect.void
    this.asked = now
    return Effect.raceFirst(
      Effect.forEach(questions, (question) => question, { concurrency: "unbounded" }),
      inTime
    )
  }
}

/** In real time, as the answers come, whatever the Clock is. */
const inTime: Effect.Effect<void> = Effect.callback((resume) => {
  const timer = realTime.after(patience, () => resume(Effect.void))
  return Effect.sync(() => realTime.cancel(timer))
})
