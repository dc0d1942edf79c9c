/**
 * Tasks and hooks of `RuntimeSuite` that update metrics of every kind; a case does the same itself, to compare.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"

const quantiles = [0, 0.5, 0.99]

/** Metrics of every kind, by what is done to them. */
const metrics = {
  count: Metric.counter("suite_counter"),
  countUp: Metric.counter("suite_incremental", { description: "only up", incremental: true }),
  countBig: Metric.counter("suite_bigint", { bigint: true, attributes: { unit: "bytes", of: "n" } }),
  countBigUp: Metric.counter("suite_bigint_incremental", { bigint: true, incremental: true, attributes: {} }),
  level: Metric.gauge("suite_gauge", { description: "a level" }),
  levelBig: Metric.gauge("suite_bigint_gauge", { bigint: true }),
  word: Metric.frequency("suite_frequency", { preregisteredWords: ["never", "0"] }),
  observe: Metric.histogram("suite_histogram", {
    boundaries: Metric.linearBoundaries({ start: 0, width: 3, count: 5 })
  }),
  took: Metric.timer("suite_timer", { description: "a timer" }),
  // keeps all that the cases observe, so that it does not matter in which order workers do
  sample: Metric.summary("suite_summary", { maxAge: "1 hour", maxSize: 1000, quantiles }),
  sampleFew: Metric.summaryWithTimestamp("suite_short_summary", { maxAge: Duration.infinity, maxSize: 3, quantiles })
}

/** What is done to a metric; `attribute` is one that the series has besides. */
export interface Measurement {
  readonly metric: keyof typeof metrics
  readonly amount: number
  readonly modify?: boolean | undefined
  readonly attribute?: string | undefined
}

const inputOf = (metric: Measurement["metric"], amount: number): unknown => {
  switch (metric) {
    case "countBig":
    case "countBigUp":
    case "levelBig":
      return BigInt(Math.trunc(amount))
    case "word":
      return String(amount)
    case "took":
      return Duration.millis(Math.abs(amount))
    case "sampleFew":
      return [amount, 0]
    default:
      return amount
  }
}

/** Does them one after the other. */
export const measure = (measurements: ReadonlyArray<Measurement>): Effect.Effect<void> =>
  Effect.forEach(
    measurements,
    ({ amount, attribute, metric: name, modify }) => {
      const plain = metrics[name] as Metric.Metric<any, unknown>
      const metric = attribute === undefined ? plain : Metric.withAttributes(plain, { attribute })
      const input = inputOf(name, amount)
      return modify === true ? Metric.modify(metric, input) : Metric.update(metric, input)
    },
    { discard: true }
  )

/** Removes the series that has no attributes. */
export const forget = (name: Measurement["metric"]): Effect.Effect<void> =>
  Metric.remove(metrics[name] as Metric.Metric<any, unknown>)

/** Counts, and returns what the counter says. */
export const countAndRead = (amount: number): Effect.Effect<number> =>
  Effect.map(Effect.andThen(Metric.update(metrics.count, amount), Metric.value(metrics.count)), ({ count }) => count)

declare const process: { readonly exit: (code: number) => never }

/** Counts 1, and ends its worker if the item is that one. */
export const countOrExit = (item: number, n: number): Effect.Effect<number> =>
  Effect.map(Metric.update(metrics.count, 1), () => (n === item ? process.exit(3) : n))

/** Counts, and does not end. */
export const countAndWait = (amount: number): Effect.Effect<never> =>
  Effect.andThen(Metric.update(metrics.count, amount), Effect.never)

/** Services that count while they are built. */
export const counting = Layer.effectDiscard(Metric.update(metrics.count, 1))

/** Services with a registry of their own. */
export const ownRegistry = Layer.sync(Metric.MetricRegistry, () => new Map())

/** A hook that counts. */
export const countInit: Effect.Effect<void> = Metric.update(metrics.countUp, 1)
