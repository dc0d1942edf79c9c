/**
 * Does to the series of the caller's registry what was done to those of a worker, as if it had been done in the caller's
 * fiber (O3).
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { MetricRecord, MetricRemoved } from "../wire/observed.ts"
import { type Change, isChangeOf, isSeries, type Series } from "../wire/series.ts"
import type { Told } from "./observations.ts"
import { corrected } from "./workerClock.ts"

/** Updates the caller's series of that name, or makes one like it. Throws when it is none that a worker tells of (F6). */
export const update = ({ change, series }: MetricRecord, told: Told): void => {
  if (!isSeries(series) || !isChangeOf(series, change)) throw new Error("It told of a metric what no worker tells")
  guarded(told, () => {
    // the attributes of the series have those that its caller gives to all
    const context = Context.add(told.context, Metric.CurrentMetricAttributes, {})
    apply(metricOf(series), change, told, context)
  })
}

export const remove = ({ key }: MetricRemoved, told: Told): void => {
  if (typeof key !== "string") throw new Error("It removed a metric that has no name")
  guarded(told, () => Context.get(told.context, Metric.MetricRegistry).delete(key))
}

/** It has the key of the worker's, by which Effect finds the series that the registry has. */
const metricOf = ({ id, ...series }: Series): Metric.Metric<any, unknown> => {
  switch (series.type) {
    case "Counter":
      return Metric.counter(id, series as { readonly bigint: false })
    case "Gauge":
      return Metric.gauge(id, series as { readonly bigint: false })
    case "Frequency":
      return Metric.frequency(id, { ...series, preregisteredWords: series.words })
    case "Histogram":
      return Metric.histogram(id, series)
    case "Summary":
      return Metric.summaryWithTimestamp(id, series)
  }
}

const apply = (
  metric: Metric.Metric<any, unknown>,
  change: Change,
  told: Told,
  context: Context.Context<never>
): void => {
  switch (change._tag) {
    case "Add":
      // what is added to a counter updates it
      return metric.modifyUnsafe(change.by, context)
    case "Set":
      return metric.updateUnsafe(change.to, context)
    case "Count":
      for (const [word, count] of change.words) {
        for (let n = 0; n < count; n++) metric.updateUnsafe(word, context)
      }
      return
    case "Observe": {
      const { times, values } = change
      values.forEach((value, n) => {
        metric.updateUnsafe(times === undefined ? value : [value, corrected(times[n]!, told)], context)
      })
    }
  }
}

/** Registries whose warning has been written. */
const warned = new WeakSet<Metric.MetricRegistry>()

/**
 * A registry or its hooks can be the user's own, and throw; and so do Effect's where the caller has a series of that name
 * with numbers and the task one with bigints (F8).
 */
const guarded = ({ context }: Told, f: () => void): void => {
  try {
    f()
  } catch (error) {
    const registry = Context.get(context, Metric.MetricRegistry)
    if (warned.has(registry)) return
    warned.add(registry)
    const warning = Effect.logWarning("A metric could not be updated as a task did in its worker", Cause.die(error))
    Effect.runForkWith(context)(warning)
  }
}
