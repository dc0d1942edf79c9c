/** Tasks that a caller sees at work: each does one thing as often as its item says, and nothing else. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"

/** Services with which what is counted stays in the worker: nobody is told. */
export const registryHere = Layer.sync(Metric.MetricRegistry, () => new Map())

const counter = Metric.counter("benchmark_updates")

const repeated =
  (effect: Effect.Effect<unknown>) =>
  (times: number): Effect.Effect<number> =>
    Effect.gen(function* () {
      for (let i = 0; i < times; i++) yield* effect
      return times
    })

/** What the others are compared with. */
export const nothing = repeated(Effect.void)

export const count = repeated(Metric.update(counter, 1))

export const line = repeated(Effect.logInfo("something has been done"))

export const span = repeated(Effect.withSpan(Effect.void, "step"))

export const spanWithAttributes = repeated(
  Effect.withSpan(Effect.void, "step", { attributes: { user: "u-17", size: 3 } })
)

/** Two spans each time, one in the other. */
export const nestedSpans = repeated(Effect.withSpan(Effect.withSpan(Effect.void, "inner"), "outer"))
