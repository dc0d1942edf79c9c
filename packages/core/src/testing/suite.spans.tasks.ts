/**
 * Tasks and hooks of `RuntimeSuite` that trace what they do.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type { WorkerContext } from "../WorkerContext.ts"

declare const process: { readonly exit: (code: number) => never }

/** A span with another in it, both of which say what they are about, and which is linked to a third. */
export const nested = (n: number): Effect.Effect<number, string> =>
  Effect.gen(function* () {
    yield* Effect.annotateCurrentSpan("n", n)
    yield* Effect.withSpan(Effect.yieldNow, "inner", { kind: "client" })
    if (n < 0) return yield* Effect.fail("negative")
    return n
  }).pipe(
    Effect.withSpan("outer", {
      attributes: { kind: "number", function: () => n },
      links: [
        { span: Tracer.externalSpan({ traceId: "a".repeat(32), spanId: "b".repeat(16) }), attributes: { why: "test" } }
      ]
    })
  )

/** Adds an attribute to the span that its caller is in; returns the ids of that. */
export const annotate = (n: number): Effect.Effect<{ readonly spanId: string; readonly traceId: string }> =>
  Effect.andThen(
    Effect.annotateCurrentSpan(`item ${n}`, n),
    Effect.map(Effect.orDie(Effect.currentParentSpan), ({ spanId, traceId }) => ({ spanId, traceId }))
  )

/** The ids of a span of its own: a task may send them on. */
export const ids = (name: string): Effect.Effect<{ readonly spanId: string; readonly traceId: string }> =>
  Effect.withSpan(
    Effect.map(Effect.orDie(Effect.currentSpan), ({ spanId, traceId }) => ({ spanId, traceId })),
    name
  )

/** Logs a line in a span, and one after it. */
export const log = (n: number): Effect.Effect<void> =>
  Effect.andThen(Effect.withSpan(Effect.logInfo(`within ${n}`), "logging"), Effect.logInfo(`after ${n}`))

/** A span that ends when it is interrupted. */
export const hold = (name: string): Effect.Effect<never> => Effect.withSpan(Effect.never, name)

/** Ends its worker within a span, a while after that has begun. */
export const exitWithin = (name: string): Effect.Effect<never> =>
  Effect.withSpan(
    Effect.andThen(
      Effect.sleep(30),
      Effect.sync(() => process.exit(7))
    ),
    name
  )

/** Goes on in a daemon whose span ends `millis` milliseconds later. */
export const detach = (millis: number): Effect.Effect<void> =>
  Effect.asVoid(
    Effect.andThen(
      Effect.forkDetach(
        Effect.withSpan(Effect.andThen(Effect.sleep(millis), Effect.withSpan(Effect.void, "late")), "detached"),
        {
          startImmediately: true
        }
      ),
      Effect.yieldNow
    )
  )

/** Nothing to trace. */
export const plain = (n: number): number => {
  if (n < 0) throw new RangeError("negative")
  return n
}

/** A tracer of the worker's own. */
export const ownTracer: Layer.Layer<never> = Layer.succeed(
  Tracer.Tracer,
  Tracer.make({ span: (options) => new Tracer.NativeSpan({ ...options, name: `own ${options.name}` }) })
)

/** The names of its own span and of that around it, and the trace that they are in. */
export const names = (name: string): Effect.Effect<{ readonly name: string; readonly traceId: string }> =>
  Effect.withSpan(
    Effect.map(Effect.orDie(Effect.currentSpan), ({ name, traceId }) => ({ name, traceId })),
    name
  )

/** What can be seen of a span. */
export interface SeenSpan {
  readonly name: string
  readonly kind: string
  readonly sampled: boolean
  readonly traceId: string
  readonly spanId: string
  readonly parent: string | undefined
  readonly startTime: bigint
  readonly isHidden: boolean
}

const seenOf = ({ annotations, kind, name, parent, sampled, spanId, status, traceId }: Tracer.Span): SeenSpan => ({
  name,
  kind,
  sampled,
  traceId,
  spanId,
  parent: Option.getOrUndefined(Option.map(parent, (around) => around.spanId)),
  startTime: status.startTime,
  isHidden: Context.get(annotations, Tracer.DisablePropagation)
})

/** The span that it is in, to which it adds something, and where a span in it would be. */
export const seen = (
  attribute: string
): Effect.Effect<{
  readonly current: SeenSpan | undefined
  readonly child: Pick<SeenSpan, "isHidden" | "parent" | "sampled">
}> =>
  Effect.gen(function* () {
    const span = yield* Effect.option(Effect.currentSpan)
    yield* Effect.annotateCurrentSpan(attribute, true)
    const child = yield* Effect.withSpan(Effect.orDie(Effect.currentSpan), "child")
    const { isHidden, parent, sampled } = seenOf(child)
    return { current: Option.getOrUndefined(Option.map(span, seenOf)), child: { isHidden, parent, sampled } }
  })

/** A hook with a span. */
export const open = (worker: WorkerContext): Effect.Effect<number> =>
  Effect.withSpan(Effect.succeed(worker.id), "opening")

/** A hook with a span. */
export const close = (worker: WorkerContext<number>): Effect.Effect<number> =>
  Effect.withSpan(Effect.succeed(worker.state), "closing")
