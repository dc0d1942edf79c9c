/**
 * What a series of a metric is: Effect tells how to update and read it, and little of what it was made with, so that is
 * found out from what a new one says of itself.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import { attempt } from "../common/attempt.ts"
import { nameText } from "../wire/carried.ts"
import { type Kind, mostKept, type Series } from "../wire/series.ts"

type Hooks = Metric.Metric.Hooks<any, any>

/** What a new series is, and the hooks that it is to have from then on; `undefined` where that cannot be said. */
export const seriesOf = (
  metadata: Metric.Metric.Metadata<any, any>
): { readonly series: Series; readonly hooks: Hooks } | undefined => {
  const { hooks } = metadata
  const id = nameText(metadata.id)
  const description = metadata.description === undefined ? undefined : nameText(metadata.description)
  const kind = kindOf(metadata, JSON.stringify([id, description]))
  if (kind === undefined) return undefined
  const attributes = metadata.attributes === undefined ? undefined : texts(metadata.attributes)
  const series: Series = { id, description, attributes, ...kind }
  return { series, hooks: series.type === "Summary" ? newHooks(series) : hooks }
}

/** Effect takes any attributes, whatever their type says. */
const texts = (attributes: Metric.Metric.AttributeSet): Metric.Metric.AttributeSet =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, value]: [string, unknown]) => [
      name,
      attempt(() => String(value), nameText(value))
    ])
  )

const kindOf = ({ hooks, type }: Metric.Metric.Metadata<any, any>, name: string): Kind | undefined => {
  const state: unknown = hooks.get(Context.empty())
  switch (type) {
    case "Counter": {
      const { count, incremental } = state as Metric.CounterState<number>
      return { type, bigint: typeof count === "bigint", incremental }
    }
    case "Gauge":
      return { type, bigint: typeof (state as Metric.GaugeState<number>).value === "bigint" }
    case "Frequency":
      return { type, words: [...(state as Metric.FrequencyState).occurrences.keys()] }
    case "Histogram":
      return { type, boundaries: (state as Metric.HistogramState).buckets.map(([boundary]) => boundary) }
    case "Summary": {
      const quantiles = (state as Metric.SummaryState).quantiles.map(([quantile]) => quantile)
      return { type, quantiles, ...limitsOf(hooks, quantiles, JSON.stringify([name, quantiles])) }
    }
    default:
      return undefined
  }
}

/** Those of a summary that nothing has been done to: finding out what it keeps has changed the other one. */
const newHooks = ({ id, ...series }: Extract<Series, { readonly type: "Summary" }>): Hooks => {
  const registry: Metric.MetricRegistry = new Map()
  const metric = Metric.summaryWithTimestamp(id, series)
  metric.valueUnsafe(Context.make(Metric.MetricRegistry, registry))
  for (const { hooks } of registry.values()) return hooks
  throw new Error("A metric that is read is not in its registry")
}

interface Limits {
  readonly maxAge: number
  readonly maxSize: number
}

/** What has been found out, by what a summary has in all of its series: trying a large one takes half a second. */
const known = new Map<string, Limits>()

/** Of how many summaries that is kept. */
const mostKnown = 256

const limitsOf = (hooks: Hooks, quantiles: ReadonlyArray<number>, name: string): Limits => {
  const limits = new Tried(hooks, quantiles.length > 0).limits(known.get(name))
  known.delete(name)
  for (const oldest of known.keys()) {
    if (known.size < mostKnown) break
    known.delete(oldest)
  }
  known.set(name, limits)
  return limits
}

/** A new summary, on which is tried how old values it looks at, and how many it keeps: it says neither. */
class Tried {
  private readonly hooks: Metric.Metric.Hooks<readonly [value: number, time: number], Metric.SummaryState>
  /** One without quantiles never shows what it keeps. */
  private readonly shows: boolean
  /** How many values have been put in. */
  private count = 1

  constructor(hooks: Hooks, shows: boolean) {
    this.hooks = hooks
    this.shows = shows
    this.put(0)
  }

  /** Those that it has. `before` are what another one of its name had, which it is likely to have too: that takes far less. */
  limits(before: Limits | undefined): Limits {
    if (!this.shows || !this.isSeen(0)) return { maxAge: 0, maxSize: 0 }
    const maxAge = before !== undefined && this.hasAge(before.maxAge) ? before.maxAge : this.maxAge()
    const step = stepOf(maxAge)
    if (before?.maxAge === maxAge && this.hasSize(before.maxSize, step)) return before
    return { maxAge, maxSize: this.maxSize(step) }
  }

  private hasAge(maxAge: number): boolean {
    const next = maxAge === 0 ? Number.MIN_VALUE : maxAge * (1 + Number.EPSILON)
    return this.isSeen(maxAge) && (maxAge === Number.POSITIVE_INFINITY || !this.isSeen(next))
  }

  private hasSize(maxSize: number, step: number): boolean {
    this.fill(maxSize, step)
    if (!this.isSeen(0)) return false
    if (maxSize >= mostKept) return true
    this.fill(maxSize + 1, step)
    return !this.isSeen(0)
  }

  /** Puts in values until there have been so many. */
  private fill(count: number, step: number): void {
    for (; this.count < count; this.count++) this.put(this.count * step)
  }

  private put(time: number): void {
    this.hooks.update([0, time], Context.empty())
  }

  /** Whether at that time there is a value that is not too old. */
  private isSeen(now: number): boolean {
    const { quantiles } = this.hooks.get(contextAt(now))
    return quantiles[0]?.[1] !== undefined
  }

  /** The last moment at which what was at 0 is seen. */
  private maxAge(): number {
    if (this.isSeen(Number.POSITIVE_INFINITY)) return Number.POSITIVE_INFINITY
    let seen = 0
    let unseen = 1
    while (this.isSeen(unseen)) {
      seen = unseen
      unseen *= 2
    }
    for (;;) {
      const between = seen + (unseen - seen) / 2
      if (between <= seen || between >= unseen) return seen
      if (this.isSeen(between)) seen = between
      else unseen = between
    }
  }

  /** How many of the last values there are still, once the first one, at 0, is gone. */
  private maxSize(step: number): number {
    while (this.isSeen(0)) {
      if (this.count >= mostKept) return mostKept
      this.fill(2 * this.count, step)
    }
    const { count } = this
    let gone = 0
    let kept = count - 1
    while (kept - gone > 1) {
      const between = Math.floor((gone + kept) / 2)
      if (this.isSeen(between * step)) kept = between
      else gone = between
    }
    return count - kept
  }
}

/** How long after the value before it each is put in, so that only one is looked at at a time: those are sorted. */
const stepOf = (maxAge: number): number => (maxAge < 1e9 ? maxAge + 1 : 1)

const contextAt = (now: number): Context.Context<never> =>
  Context.make(Clock.Clock, { currentTimeMillisUnsafe: () => now } as Clock.Clock)
