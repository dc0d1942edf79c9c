/**
 * The span that a caller is in, as it crosses and as its tasks see it: whoever looks at it, it is one that
 * `Effect.currentSpan` gives them, with the spans of the task in what they would be in (O3).
 */
import * as Context from "effect/Context"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import * as usersSpan from "../common/usersSpan.ts"
import { nameText } from "./carried.ts"
import type { CallerSpan } from "./observed.ts"

/** Which span it is; `undefined` for one that does not say so. */
export const spanOf = (span: Tracer.AnySpan): CallerSpan | undefined => {
  const spanId = usersSpan.spanIdOf(span)
  const traceId = usersSpan.traceIdOf(span)
  if (spanId === undefined || traceId === undefined) return undefined
  const name = usersSpan.isOwn(span) ? nameText(usersSpan.safely(() => span.name)) : undefined
  return { traceId: nameText(traceId), spanId: nameText(spanId), sampled: usersSpan.isSampled(span), name }
}

/** What crosses of the span that a caller is in; of one from elsewhere that is not to be propagated, nothing. */
export const seenSpanOf = (span: Tracer.AnySpan): CallerSpan | undefined => {
  const own = spanOf(span)
  if (!usersSpan.isOwn(span)) return usersSpan.propagated(span) && own
  if (own === undefined) return undefined
  const kind = usersSpan.kindOf(span)
  return {
    ...own,
    kind: kind === "internal" ? undefined : kind,
    startTime: usersSpan.startOf(span),
    ...aroundOf(span)
  }
}

const aroundOf = (span: Tracer.Span): Pick<CallerSpan, "isHidden" | "parent"> | undefined => {
  const around = usersSpan.parentOf(span)
  if (usersSpan.propagated(span) === span) return around && { parent: usersSpan.spanIdOf(around) }
  // the next one that is not hidden is that which spans of the task are in
  const next = usersSpan.propagated(around)
  return { isHidden: true, parent: next && seenSpanOf(next) }
}

/** A span as a task sees it that is in it: nobody is told what is added to it. */
export const seenSpan = (span: CallerSpan): Tracer.AnySpan => {
  const { isHidden, kind = "internal", name, parent, sampled, spanId, startTime = zero, traceId } = span
  if (name === undefined) return Tracer.externalSpan({ traceId, spanId, sampled })
  const around = typeof parent === "string" ? Tracer.externalSpan({ traceId, spanId: parent, sampled }) : parent
  const seen = new Tracer.NativeSpan({
    name,
    parent: around === undefined ? Option.none() : Option.some("_tag" in around ? around : seenSpan(around)),
    annotations: isHidden === true ? hidden : Context.empty(),
    links: [],
    startTime,
    kind,
    sampled
  })
  seen._traceId = traceId
  seen._spanId = spanId
  return seen
}

const hidden = Context.make(Tracer.DisablePropagation, true)

const zero = BigInt(0)
