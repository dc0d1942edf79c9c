/**
 * What every `WorkerRuntime` must do, as data: a runtime is done when it passes. Free of test frameworks.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { WorkerRuntime } from "../WorkerRuntime.ts"
import { within } from "./internal/aftermath.ts"
import * as abandonment from "./internal/abandonment.ts"
import * as arrays from "./internal/arrays.ts"
import * as attention from "./internal/attention.ts"
import * as blocking from "./internal/blocking.ts"
import * as calls from "./internal/calls.ts"
import type * as internal from "./internal/case.ts"
import * as controls from "./internal/controls.ts"
import * as crashes from "./internal/crashes.ts"
import * as events from "./internal/events.ts"
import * as exitAccidents from "./internal/exitAccidents.ts"
import * as faults from "./internal/faults.ts"
import * as hostility from "./internal/hostility.ts"
import * as initAccidents from "./internal/initAccidents.ts"
import * as insights from "./internal/insights.ts"
import * as lifecycle from "./internal/lifecycle.ts"
import * as logs from "./internal/logs.ts"
import * as loading from "./internal/loading.ts"
import * as metrics from "./internal/metrics.ts"
import * as mishaps from "./internal/mishaps.ts"
import * as ownership from "./internal/ownership.ts"
import * as progress from "./internal/progress.ts"
import * as serialization from "./internal/serialization.ts"
import * as values from "./internal/values.ts"
import * as spans from "./internal/spans.ts"
import * as time from "./internal/time.ts"
import * as workers from "./internal/workers.ts"

/**
 * What a case needs of a runtime besides running workers.
 *
 * - `"cloning"`: what crosses is cloned
 * - `"transfer"`: a transferable that crosses is moved
 * - `"sharedMemory"`: a `SharedArrayBuffer` that crosses is shared
 * - `"killing"`: a worker in which something does not yield, such as `for (;;)`, is killed
 * - `"vanishing"`: `process.exit`, or what nothing catches, ends the worker that it happens in, and nothing else
 * - `"signals"`: a worker is a process of its own, which signals can end
 * - `"near"`: messages are hardly on their way, so that a worker has no more ahead than its next chunk
 * - `"dataUrls"`: modules are loaded from `data:` URLs too
 *
 * @category models
 * @since 0.1.0
 */
export type Need = internal.Need

/**
 * An ordinary accident: something that goes wrong in programs now and then.
 *
 * @category models
 * @since 0.1.0
 */
export type Accident = internal.Accident

/**
 * A case: an Effect that fails when the runtime does not do what the case's name says.
 *
 * @category models
 * @since 0.1.0
 */
export interface Case {
  /** The rule that it is about, such as `"L3"`; `"API"` for what the documentation of the API says. */
  readonly rule: string
  /** What holds, when it passes. */
  readonly name: string
  /** A runtime that does not do all of these leaves the case out. */
  readonly needs: ReadonlyArray<Need>
  /**
   * The accident after which what `name` says holds, if the case is about one. It then also checks that every call
   * settles within seconds, that the pool is usable and that nothing waits in it.
   */
  readonly accident: Accident | undefined
  readonly effect: Effect.Effect<void, unknown, WorkerRuntime>
}

/** Far more than any case takes (see `within`), so that a runtime which hangs fails. */
const limit = { millis: 10_000, workers: 50 }

const finish = ({ accident, effect, name, needs = [], rule }: internal.Case): Case => ({
  rule,
  name,
  needs,
  accident,
  effect: within(Effect.scoped(effect), limit)
})

/**
 * The cases. They are independent of each other, may run at once, and take real time: no `TestClock`.
 *
 * @example
 * ```ts
 * import { WorkerRuntime } from "@effect-mpire/core"
 * import * as RuntimeSuite from "@effect-mpire/core/testing/RuntimeSuite"
 * import * as Effect from "effect/Effect"
 *
 * const { suite } = RuntimeSuite
 * const passing = Effect.forEach(
 *   suite.filter(({ rule }) => rule === "T1"),
 *   ({ effect }) => Effect.provide(effect, WorkerRuntime.layerFibers()),
 *   { discard: true }
 * )
 *
 * await Effect.runPromise(passing) // => undefined
 * ```
 *
 * @category suite
 * @since 0.1.0
 */
export const suite: ReadonlyArray<Case> = [
  ...lifecycle.cases,
  ...calls.cases,
  ...time.cases,
  ...faults.cases,
  ...serialization.cases,
  ...values.cases,
  ...arrays.cases,
  ...workers.cases,
  ...controls.cases,
  ...crashes.cases,
  ...blocking.cases,
  ...attention.cases,
  ...loading.cases,
  ...initAccidents.cases,
  ...exitAccidents.cases,
  ...mishaps.cases,
  ...hostility.cases,
  ...ownership.cases,
  ...abandonment.cases,
  ...insights.cases,
  ...logs.cases,
  ...events.cases,
  ...metrics.cases,
  ...progress.cases,
  ...spans.cases
].map(finish)
