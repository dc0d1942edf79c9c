import * as Clock from "effect/Clock"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"

/** Effect's own References: what a worker in this process gets of its caller's context, without services. */
const references: ReadonlyArray<Context.Reference<any>> = [
  Clock.Clock,
  ConfigProvider.ConfigProvider,
  Console.Console,
  Random.Random,
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
  References.Scheduler
]

/** Only Effect's own References of the context, without its services. */
export const onlyReferences = (context: Context.Context<never>): Context.Context<never> => {
  const kept = new Map<string, unknown>()
  for (const reference of references) {
    if (context.mapUnsafe.has(reference.key)) kept.set(reference.key, context.mapUnsafe.get(reference.key))
  }
  return Context.makeUnsafe(kept)
}
