/**
 * A runner's own metrics: read from what it knows, when somebody asks, and in the registry of its context until its Scope
 * closes (O5).
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import type { Slots } from "./runnerState.ts"

/** What is asked of a runner. */
export interface MeasuredRunner {
  readonly slots: Slots
  readonly wanted: number
}

const states = ["free", "starting", "used", "draining"] as const

/** `listen` is where it listens, which tells it from others in its process. */
export const measure: (listen: string, runner: MeasuredRunner) => Effect.Effect<void, never, Scope.Scope> =
  Effect.fnUntraced(function* (listen, runner) {
    const context = yield* Effect.context<never>()
    const noop = () => {}
    const gauge = (id: string, description: string, attributes: Record<string, string>, value: () => number) =>
      Metric.registerUnsafe(Metric.gauge(id, { description, attributes: { listen, ...attributes } }), context, {
        get: () => ({ value: value() }),
        update: noop,
        modify: noop
      })
    const registrations = [
      ...states.map((state) =>
        gauge("effect_mpire_runner_slots", "Slots of a runner", { state }, () => runner.slots[state])
      ),
      gauge("effect_mpire_runner_wanted", "Workers that drivers wait for", {}, () => runner.wanted)
    ]
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const registration of registrations) registration.remove()
      })
    )
  })
