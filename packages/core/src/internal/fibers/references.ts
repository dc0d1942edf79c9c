import * as Clock from "effect/Clock"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import { originKey } from "../wire/observed.ts"
import * as redactedNames from "../wire/redactedNames.ts"

/**
 * Effect's own References, and the span that the caller is in: what a worker in this process gets of its caller's context,
 * without services.
 */
const references: ReadonlyArray<{ readonly key: string }> = [
  Clock.Clock,
  ConfigProvider.ConfigProvider,
  Console.Console,
  Random.Random,
  Metric.CurrentMetricAttributes,
  Metric.MetricRegistry,
  Tracer.CurrentTraceLevel,
  Tracer.MinimumTraceLevel,
  Tracer.ParentSpan,
  Tracer.Tracer,
  References.CurrentLoggers,
  References.CurrentLogAnnotations,
  References.CurrentLogLevel,
  References.CurrentLogSpans,
  References.LogToStderr,
  References.MinimumLogLevel,
  References.UnhandledLogLevel,
  References.TracerEnabled,
  References.TracerSpanAnnotations,
  References.TracerSpanLinks,
  References.TracerTimingEnabled,
  References.MaxOpsBeforeYield,
  References.PreventSchedulerYield,
  References.Scheduler,
  ...redactedNames.keys.map((key) => ({ key })),
  // where the caller is a task in a worker, what its own pool does is told of as its own (O3)
  { key: originKey }
]

/** Only Effect's own References of the context, without its services. */
export const onlyReferences = (context: Context.Context<never>): Context.Context<never> => {
  const kept = new Map<string, unknown>()
  for (const reference of references) {
    if (context.mapUnsafe.has(reference.key)) kept.set(reference.key, context.mapUnsafe.get(reference.key))
  }
  return Context.makeUnsafe(kept)
}
