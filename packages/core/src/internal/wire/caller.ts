/**
 * What of its caller's context an Effect in another thread sees, so that it logs, traces and measures as if it had run in
 * the caller's fiber (O3): which References cross, how they do, and how they are put together again.
 */
import * as Context from "effect/Context"
import type * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import { arrived } from "./arrived.ts"
import { attempt } from "../common/attempt.ts"
import { Carrier, nameText } from "./carried.ts"
import type { Caller, EncodedLink } from "./observed.ts"
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
/** The first of those. */
const ofRedacted = crossing.length - ofRedactedNames.length

const valueOf = (caller: Caller | undefined, number: number): unknown =>
  caller?.references.find((reference) => reference[0] === number)?.[1]

/** The annotations of logs that a caller has, as they have crossed. */
export const annotationsOf = (caller: Caller | undefined): Readonly<Record<string, unknown>> | undefined =>
  valueOf(caller, annotations) as Readonly<Record<string, unknown>> | undefined

/** The log spans that a caller is in, as they have crossed. */
export const logSpansOf = (caller: Caller | undefined): ReadonlyArray<[label: string, start: number]> | undefined =>
  valueOf(caller, logSpans) as ReadonlyArray<[label: string, start: number]> | undefined

/** A context that has been looked at before: all chunks of a call have the same one. `null` is one as by default. */
const callers = new WeakMap<Context.Context<never>, Caller | null>()

/** What of a caller's context crosses; `undefined` where that is nothing. */
export const callerOf = (context: Context.Context<never>): Caller | undefined => {
  const known = callers.get(context)
  if (known !== undefined) return known ?? undefined
  const caller = callerOfOnce(context)
  callers.set(context, caller ?? null)
  return caller
}

/**
 * The same of a context that is not met again, as that of one of many `run`s: a WeakMap that thousands pass through costs the
 * garbage collector more than all else that is done for them. Looks at what is users' own in it: what of that cannot be read
 * does not cross, and fails no call (F8).
 */
export const callerOfOnce = (context: Context.Context<never>): Caller | undefined => {
  const references: Array<readonly [number, unknown]> = []
  crossing.forEach((reference, number) => {
    const value: unknown = attempt(() => carried(number, Context.getOrUndefined(context, reference)), undefined)
    if (value !== undefined) references.push([number, value])
  })
  const parent = Context.getOrUndefined(context, Tracer.ParentSpan)
  const span = parent === undefined ? undefined : seenSpanOf(parent)
  const tracer = Context.getOrUndefined(context, Tracer.Tracer)
  const traced =
    tracer !== undefined && tracer !== Tracer.nativeTracer && Context.get(context, References.TracerEnabled)
  const links = traced ? linksOf(Context.get(context, References.TracerSpanLinks)) : []
  // of lines that nobody gets nothing crosses
  const logged = attempt(() => Context.get(context, References.CurrentLoggers).size > 0, true)
  if (references.length === 0 && span === undefined && !traced && logged) return undefined
  return {
    references,
    span,
    traced,
    ...(links.length > 0 ? { links } : undefined),
    ...(logged ? undefined : { unlogged: true })
  }
}

/** Annotations can be anything: what cannot cross is text there, and stays what it is in what is told of it here. */
const carried = (number: number, value: unknown): unknown => {
  // a function or a symbol is none of their values, and cannot cross
  if (typeof value === "function" || typeof value === "symbol") return undefined
  if (typeof value !== "object" || value === null) return value
  if (number >= ofRedacted) return redactedNames.carriedNames(value as redactedNames.RedactedNames)
  if (number === logSpans) return carriedLogSpans(value as ReadonlyArray<readonly [label: string, start: number]>)
  return new Carrier().record(value as Record<string, unknown>)
}

/** Log spans as they cross. */
export const carriedLogSpans = (
  spans: ReadonlyArray<readonly [label: string, start: number]>,
  carrier = new Carrier()
): Array<[label: string, start: number]> => {
  const all: Array<[label: string, start: number]> = []
  for (const [label, start] of spans) {
    // the innermost come first
    if (carrier.isFull) break
    const name = nameText(carrier.safely(label))
    all.push([name, typeof start === "number" ? start : Number.NaN])
  }
  return all
}

/** How many links of a span cross. */
const mostLinks = 1000

/** Links as they cross; without those whose span cannot be read. */
export const linksOf = (links: ReadonlyArray<Tracer.SpanLink>): ReadonlyArray<EncodedLink> => {
  const encoded: Array<EncodedLink> = []
  const add = ({ attributes, span }: Tracer.SpanLink): void => {
    const linked = spanOf(span)
    if (linked !== undefined) encoded.push({ ...linked, attributes: new Carrier().record(attributes) })
  }
  const count = attempt(() => Math.min(links.length, mostLinks), 0)
  for (let n = 0; n < count; n++) attempt(() => add(links[n]!), undefined)
  return encoded
}

const noLoggers: ReadonlySet<Logger.Logger<unknown, any>> = new Set()

/** Adds what has crossed to a worker's context; what its services provide of their own wins. */
export const withCaller = (
  context: Context.Context<never>,
  { links, references, span, unlogged }: Caller,
  services: Context.Context<never>
): Context.Context<never> => {
  let own = context
  for (const [number, value] of references) {
    const reference = crossing[number]
    if (reference === undefined || Context.getOrUndefined(services, reference) !== undefined) continue
    own = Context.add(own, reference, arrived(value))
  }
  if (links !== undefined && Context.getOrUndefined(services, References.TracerSpanLinks) === undefined) {
    own = Context.add(
      own,
      References.TracerSpanLinks,
      links.map(({ attributes, ...span }) => ({
        span: Tracer.externalSpan(span),
        attributes: arrived(attributes) as typeof attributes
      }))
    )
  }
  if (unlogged === true && Context.getOrUndefined(services, References.CurrentLoggers) === undefined) {
    own = Context.add(own, References.CurrentLoggers, noLoggers)
  }
  if (span === undefined || Context.getOrUndefined(services, Tracer.ParentSpan) !== undefined) return own
  return Context.add(own, Tracer.ParentSpan, seenSpan(span))
}
