/**
 * The one place where this library reads and calls the spans that users' tracers make. Those are users' code: a getter or a
 * method may throw, and what a tracer returns may be no span. What is not said so is as if it were not there, and harms
 * neither the worker that told of something within the span nor whoever shares that with its caller (F8).
 */
import * as Context from "effect/Context"
import type * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { attempt } from "./attempt.ts"

/** How many spans may be around another one: where somebody's spans are each within themselves, looking has to end. */
const deepest = 10_000

/** What users' code says; `undefined` where it throws. */
export const safely = <A>(code: () => A): A | undefined => attempt(code, undefined)

// ---------------------------------------------------------------------------
// What it says
// ---------------------------------------------------------------------------

export const spanIdOf = (span: Tracer.AnySpan): string | undefined => textOf(safely(() => span.spanId))

export const traceIdOf = (span: Tracer.AnySpan): string | undefined => textOf(safely(() => span.traceId))

/** The name of one of this program, to which something can be added. */
export const nameOf = (span: Tracer.AnySpan): string | undefined =>
  isOwn(span) ? textOf(safely(() => span.name)) : undefined

const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)

/** Whether it is one of this program, and none that only its ids are known of. */
export const isOwn = (span: Tracer.AnySpan): span is Tracer.Span => safely(() => span._tag) === "Span"

/** What kind it says that it is of, if it is one of Effect's. */
export const kindOf = (span: Tracer.Span): Tracer.SpanKind => {
  const kind = safely(() => span.kind)
  return kind !== undefined && kinds.has(kind) ? kind : "internal"
}

const kinds: ReadonlySet<Tracer.SpanKind> = new Set(["internal", "server", "client", "producer", "consumer"])

/** The span that it is in. */
export const parentOf = (span: Tracer.Span): Tracer.AnySpan | undefined =>
  safely(() => Option.getOrUndefined(span.parent))

/** Whether it is looked at, as it is unless it says that it is not. */
export const isSampled = (span: Tracer.AnySpan | undefined): boolean => safely(() => span?.sampled) !== false

/** When it began, as far as that is known: what is within it began no earlier. */
export const startOf = (span: Tracer.AnySpan | undefined): bigint => {
  if (span === undefined || !isOwn(span)) return zero
  const startTime: unknown = safely(() => span.status.startTime)
  return typeof startTime === "bigint" ? startTime : zero
}

const zero = BigInt(0)

/** The span that children have for their parent: those that are not to be propagated are left out. */
export const propagated = (span: Tracer.AnySpan | undefined): Tracer.AnySpan | undefined =>
  nearest(span, ({ annotations }) => !Context.get(annotations, Tracer.DisablePropagation), true)

/** The span of an id among a span and those around it. */
export const above = (span: Tracer.AnySpan | undefined, id: string): Tracer.AnySpan | undefined =>
  nearest(span, ({ spanId }) => spanId === id, false)

/** The first one that is as is wanted, of a span and those around it. */
const nearest = (
  span: Tracer.AnySpan | undefined,
  isWanted: (span: Tracer.AnySpan) => boolean,
  otherwise: boolean
): Tracer.AnySpan | undefined => {
  let next = span
  for (let n = 0; n < deepest && next !== undefined; n++) {
    const own = next
    if (safely(() => isWanted(own)) ?? otherwise) return own
    next = isOwn(own) ? parentOf(own) : undefined
  }
  return undefined
}

// ---------------------------------------------------------------------------
// What is done to it
// ---------------------------------------------------------------------------

/** Has a span made; there is none where the tracer throws, or returns what is none. */
export const made = (make: () => Tracer.Span): Tracer.Span | undefined => {
  const span = safely(make)
  return span !== undefined && isOwn(span) ? span : undefined
}

export const attribute = (span: Tracer.Span, key: string, value: unknown): void => {
  safely(() => span.attribute(key, value))
}

export const event = (
  span: Tracer.Span,
  name: string,
  time: bigint,
  attributes: Record<string, unknown> | undefined
): void => {
  safely(() => span.event(name, time, attributes))
}

export const addLinks = (span: Tracer.Span, links: ReadonlyArray<Tracer.SpanLink>): void => {
  safely(() => span.addLinks(links))
}

/** Ends it, unless it says that it has ended. */
export const end = (span: Tracer.Span, time: bigint, exit: Exit.Exit<unknown, unknown>): void => {
  if (safely(() => span.status._tag) === "Ended") return
  safely(() => span.end(time, exit))
}

/** Gives it the ids that it has in its worker, unless its tracer has read or made others. */
export const adopt = (span: Tracer.Span, traceId: string | undefined, spanId: string): void => {
  const own = span as { _spanId?: unknown; _traceId?: unknown }
  safely(() => {
    if ("_spanId" in own && own._spanId === undefined) own._spanId = spanId
    if (traceId !== undefined && "_traceId" in own && own._traceId === undefined) own._traceId = traceId
  })
}
