/**
 * What of its caller's context an Effect in another thread sees, so that it logs, traces and measures as if it had run in
 * the caller's fiber (O3): which References cross, how they do, and how they are put together again.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import { guarded } from "../common/turn.ts"
import { Carrier } from "./carried.ts"
import type { Caller, CallerSpan, EncodedLink } from "./observed.ts"
import * as redactedNames from "./redactedNames.ts"
import { seenSpan, seenSpanOf, spanOf } from "./seenSpan.ts"

const ofRedactedNames: ReadonlyArray<Context.Key<never, redactedNames.RedactedNames>> = redactedNames.keys.map((key) =>
  Context.Service(key)
)

/** The References whose values cross, by their numbers; loggers, tracers and registries are told of what happens. */
const crossing: ReadonlyArray<Context.Key<never, any>> = [
  References.MinimumLogLevel,
  References.CurrentLogLevel,
  References.UnhandledLogLevel,
  References.CurrentLogAnnotations,
  References.CurrentLogSpans,
  Metric.CurrentMetricAttributes,
  References.TracerEnabled,
  References.TracerTimingEnabled,
  References.TracerSpanAnnotations,
  Tracer.MinimumTraceLevel,
  Tracer.CurrentTraceLevel,
  ...ofRedactedNames
]

const annotations = crossing.indexOf(References.CurrentLogAnnotations)
const logSpans = crossing.indexOf(References.CurrentLogSpans)

const valueOf = (caller: Caller | undefined, number: number): unknown =>
  caller?.references.find((reference) => reference[0] === number)?.[1]

/** The annotations of logs that a caller has, as they have crossed. */
export const annotationsOf = (caller: Caller | undefined): Readonly<Record<string, unknown>> | undefined =>
  valueOf(caller, annotations) as Readonly<Record<string, unknown>> | undefined

/** The log spans that a caller is in, as they have crossed. */
export const logSpansOf = (caller: Caller | undefined): ReadonlyArray<[label: string, start: number]> | undefined =>
  valueOf(caller, logSpans) as ReadonlyArray<[label: string, start: number]> | undefined

/** A context that has been looked at before: most chunks of a call have the same one. `null` is one as by default. */
const callers = new WeakMap<Context.Context<never>, Caller | null>()

/** What of a caller's context crosses; `undefined` where that is nothing. */
export const callerOf = (context: Context.Context<never>): Caller | undefined => {
  const known = callers.get(context)
  if (known !== undefined) return known ?? undefined
  const caller = look(context)
  callers.set(context, caller ?? null)
  return caller
}

const look = (context: Context.Context<never>): Caller | undefined => {
  const references: Array<readonly [number, unknown]> = []
  crossing.forEach((reference, number) => {
    const value: unknown = Context.getOrUndefined(context, reference)
    if (value === undefined) return
    if (ofRedactedNames.includes(reference)) {
      const names = guarded(
        () => redactedNames.carriedNames(value as redactedNames.RedactedNames),
        // what is no list of names redacts nothing
        () => {}
      )
      if (names !== undefined) references.push([number, names])
      return
    }
    // annotations can be anything: what cannot cross is text there, and stays what it is in what is told of it here
    references.push([number, typeof value === "object" && value !== null ? carried(value) : value])
  })
  const parent = Context.getOrUndefined(context, Tracer.ParentSpan)
  const tracer = Context.getOrUndefined(context, Tracer.Tracer)
  const span = parent === undefined ? undefined : seenSpanOf(parent)
  const traced =
    tracer !== undefined && tracer !== Tracer.nativeTracer && Context.get(context, References.TracerEnabled)
  const links = Context.get(context, References.TracerSpanLinks)
  if (references.length === 0 && span === undefined && !traced) return undefined
  return { references, span, traced, ...(traced && links.length > 0 ? { links: links.map(linkOf) } : undefined) }
}

const carried = (value: object): unknown => new Carrier().safely(value)

const unknownSpan: CallerSpan = { traceId: "", spanId: "", sampled: true }

/** A link as it crosses. */
export const linkOf = ({ attributes, span }: Tracer.SpanLink): EncodedLink => ({
  ...(spanOf(span) ?? unknownSpan),
  attributes: new Carrier().record(attributes)
})

/** Adds what has crossed to a worker's context; what its services provide of their own wins. */
export const withCaller = (
  context: Context.Context<never>,
  { links, references, span }: Caller,
  services: Context.Context<never>
): Context.Context<never> => {
  let own = context
  for (const [number, value] of references) {
    const reference = crossing[number]
    if (reference === undefined || Context.getOrUndefined(services, reference) !== undefined) continue
    own = Context.add(own, reference, value)
  }
  if (links !== undefined && Context.getOrUndefined(services, References.TracerSpanLinks) === undefined) {
    own = Context.add(
      own,
      References.TracerSpanLinks,
      links.map(({ attributes, ...span }) => ({ span: Tracer.externalSpan(span), attributes }))
    )
  }
  if (span === undefined || Context.getOrUndefined(services, Tracer.ParentSpan) !== undefined) return own
  return Context.add(own, Tracer.ParentSpan, seenSpan(span))
}
