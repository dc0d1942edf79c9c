/**
 * A pool's own metrics (O5): nothing is counted for them, as they are read from what the pool knows, when somebody asks. They
 * are in the registry of the pool's context until its Scope closes.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import { ItemSeconds } from "../insights/itemSeconds.ts"
import type { Numbers } from "../insights/insights.ts"
import type { Stats } from "./stats.ts"

/** What is asked of a pool. */
export interface MeasuredPool {
  readonly name: string
  readonly currentStats: Stats
  readonly numbers: Numbers
  readonly itemSeconds: ItemSeconds
}

/** What only grows. */
interface Totals {
  readonly succeeded: number
  readonly failed: number
  readonly interrupted: number
  readonly lost: number
  readonly killed: number
}

const none: Totals = { succeeded: 0, failed: 0, interrupted: 0, lost: 0, killed: 0 }

const totalsOf = ({ currentStats, numbers }: MeasuredPool): Totals => {
  const { failed, interrupted, items } = numbers
  const { killed, lost } = currentStats
  return { succeeded: items - failed - interrupted, failed, interrupted, lost, killed }
}

const plus = (one: Totals, other: Totals): Totals => ({
  succeeded: one.succeeded + other.succeeded,
  failed: one.failed + other.failed,
  interrupted: one.interrupted + other.interrupted,
  lost: one.lost + other.lost,
  killed: one.killed + other.killed
})

/**
 * The pools of a registry that have the same name, and so the same series: these are their sums. A pool that has closed
 * still counts in what only grows, while another one is there.
 */
class Namesakes {
  private readonly pools = new Set<MeasuredPool>()
  private past = none
  private readonly pastSeconds = new ItemSeconds()
  private readonly registrations: ReadonlyArray<Metric.Registration>

  constructor(name: string, context: Context.Context<never>) {
    const attributes = { pool: name }
    const noop = () => {}
    const register = <Input, State>(metric: Metric.Metric<Input, State>, get: () => State): Metric.Registration =>
      Metric.registerUnsafe(metric, context, { get, update: noop, modify: noop })
    const counter = (
      id: string,
      description: string,
      of: (totals: Totals) => number,
      more: Record<string, string> = {}
    ) => {
      const options = { description, attributes: { ...attributes, ...more }, incremental: true }
      return register(Metric.counter(id, options), () => ({ count: of(this.totals), incremental: true }))
    }
    const gauge = (
      id: string,
      description: string,
      of: (stats: Stats) => number,
      more: Record<string, string> = {}
    ) => {
      const options = { description, attributes: { ...attributes, ...more } }
      return register(Metric.gauge(id, options), () => ({ value: this.sum(of) }))
    }
    const items = (outcome: "succeeded" | "failed" | "interrupted") =>
      counter("effect_mpire_items_total", "Items that have ended", (totals) => totals[outcome], { outcome })
    const workers = (state: "starting" | "idle" | "busy") =>
      gauge("effect_mpire_workers", "Workers", (stats) => stats[state], { state })
    const seconds = Metric.histogram("effect_mpire_item_seconds", {
      description: "How long items took in a worker: those that a worker reports together count as taking their mean",
      attributes,
      boundaries: ItemSeconds.bounds
    })
    this.registrations = [
      items("succeeded"),
      items("failed"),
      items("interrupted"),
      workers("starting"),
      workers("idle"),
      workers("busy"),
      counter("effect_mpire_workers_lost_total", "Workers that vanished", ({ lost }) => lost),
      counter("effect_mpire_workers_killed_total", "Workers that were killed", ({ killed }) => killed),
      gauge("effect_mpire_calls", "Calls in progress", ({ calls }) => calls),
      gauge("effect_mpire_pending", "Runs that wait for a worker", ({ pending }) => pending),
      register(seconds, () => this.seconds.histogram)
    ]
  }

  add(pool: MeasuredPool): void {
    this.pools.add(pool)
  }

  /** Returns whether it was the last one: then its series are gone. */
  remove(pool: MeasuredPool): boolean {
    this.pools.delete(pool)
    if (this.pools.size === 0) {
      for (const registration of this.registrations) registration.remove()
      return true
    }
    this.past = plus(this.past, totalsOf(pool))
    this.pastSeconds.add(pool.itemSeconds)
    return false
  }

  private get totals(): Totals {
    return [...this.pools].reduce((sum, pool) => plus(sum, totalsOf(pool)), this.past)
  }

  private sum(of: (stats: Stats) => number): number {
    return [...this.pools].reduce((sum, { currentStats }) => sum + of(currentStats), 0)
  }

  private get seconds(): ItemSeconds {
    const sum = new ItemSeconds()
    sum.add(this.pastSeconds)
    for (const { itemSeconds } of this.pools) sum.add(itemSeconds)
    return sum
  }
}

/** The keys by which a pool tells its series apart: what they say is the pool's, whatever its caller's attributes are. */
const ownKeys: ReadonlySet<string> = new Set(["pool", "outcome", "state"])

/** By registry, and there by what tells series apart. */
const registries = new WeakMap<Metric.MetricRegistry, Map<string, Namesakes>>()

/** Puts a pool's metrics into the registry of its context; returns how to take them out again. */
export const registerMetrics = (pool: MeasuredPool, context: Context.Context<never>): (() => void) => {
  const registry = Context.get(context, Metric.MetricRegistry)
  const attributes = Object.entries(Context.get(context, Metric.CurrentMetricAttributes))
    .filter(([key]) => !ownKeys.has(key))
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
  const key = JSON.stringify([pool.name, attributes])
  const all = registries.get(registry) ?? new Map<string, Namesakes>()
  registries.set(registry, all)
  const own = Context.add(context, Metric.CurrentMetricAttributes, Object.fromEntries(attributes))
  const namesakes = all.get(key) ?? new Namesakes(pool.name, own)
  all.set(key, namesakes)
  namesakes.add(pool)
  return () => {
    if (namesakes.remove(pool)) all.delete(key)
  }
}
