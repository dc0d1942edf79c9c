/**
 * A tracer in a worker whose spans are told to the pool, which makes them again with the caller's own tracer (O3). They
 * have ids at once, because a task may send them on.
 */
import * as Context from "effect/Context"
import * as Hex from "effect/encoding/Hex"
import type * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { attempt } from "../common/attempt.ts"
import { linksOf } from "../wire/caller.ts"
import { Carrier, nameText } from "../wire/carried.ts"
import { asBefore, rows, type SpanAdditions, type SpanChange, type SpanEvent } from "../wire/observed.ts"
import type { SpansRecord, Whose } from "../wire/observed.ts"
import type { Observer } from "./observer.ts"
import { nextSpanId } from "./spanIds.ts"

type SpanOptions = Parameters<Tracer.Tracer["span"]>[0]

/** A tracer for what runs for somebody. */
export const forwardingTracer = (observer: Observer, whose: Whose): Tracer.Tracer => {
  const batches = new Batches(observer, whose)
  return Tracer.make({
    span: (options) =>
      // of what nobody looks at nothing crosses
      options.sampled ? new ForwardedSpan(options, batches) : new Tracer.NativeSpan(options)
  })
}

/** Something that is about to be told happened within a span. */
export const tellsOf = (span: Tracer.AnySpan | undefined): void => {
  if (attempt(() => span instanceof ForwardedSpan, false)) (span as ForwardedSpan).hasInner = true
}

// ---------------------------------------------------------------------------
// What is told
// ---------------------------------------------------------------------------

/** What has begun and ended, for one record. */
class Batch {
  private readonly whose: Whose
  private spans: Array<ForwardedSpan> = []
  private traceId = ""
  private parent: string | undefined = undefined
  private name = ""

  constructor(whose: Whose) {
    this.whose = whose
  }

  /** A span has begun, or has ended and been here before. */
  add(span: ForwardedSpan): void {
    this.spans.push(span)
  }

  readonly tell = (): SpansRecord => {
    const { chunk, position } = this.whose
    const told: Array<unknown> = []
    const { spans } = this
    this.spans = []
    // one that cannot be told is left out, and it alone
    for (const span of spans)
      attempt(() => (span.isTold ? tellEnded(span, told) : this.tellBegun(span, told)), undefined)
    return { _tag: "Spans", chunk, position, rows: told }
  }

  private tellBegun(span: ForwardedSpan, told: Array<unknown>): void {
    const { endsLater, kind, parent, spanId, status, traceId } = span
    const isWhole = status._tag === "Ended" && !endsLater
    span.isTold = true
    const name = nameText(span.name)
    const parentId = Option.isSome(parent) ? nameText(parent.value.spanId) : undefined
    const reasons = isWhole ? reasonsOf(status) : undefined
    const { attributes, events, links } = span.takeAdditions() ?? nothing
    told.push(
      rows.begun,
      traceId === this.traceId ? asBefore : traceId,
      parentId !== undefined && parentId === this.parent ? asBefore : parentId,
      spanId,
      name === this.name ? asBefore : name,
      timeOf(status.startTime),
      isWhole ? timeOf(status.endTime) : undefined,
      kinds.has(kind) ? kind : undefined,
      attributes,
      events,
      links,
      reasons
    )
    this.traceId = traceId
    this.parent = parentId
    this.name = name
  }
}

const tellEnded = (span: ForwardedSpan, told: Array<unknown>): void => {
  const { spanId, status } = span
  const reasons = reasonsOf(status)
  const { attributes, events, links } = span.takeAdditions() ?? nothing
  const end = status._tag === "Ended" ? timeOf(status.endTime) : undefined
  told.push(rows.ended, spanId, end, attributes, events, links, reasons)
}

/** All but `internal`, which need not be told. */
const kinds: ReadonlySet<Tracer.SpanKind> = new Set(["server", "client", "producer", "consumer"])

/** A Clock can be a task's own, and tell anything: a time of very many digits would be refused at the other end. */
const timeOf = (time: bigint): bigint => (typeof time === "bigint" && time > -farthest && time < farthest ? time : zero)

const farthest = BigInt(10) ** BigInt(100)

const zero = BigInt(0)

/** What a success came to is not told. An Exit can be of the task's own making, and a span be ended with it. */
const reasonsOf = (status: Tracer.SpanStatus): unknown =>
  status._tag === "Ended"
    ? attempt(() => (status.exit._tag === "Failure" ? new Carrier().cause(status.exit.cause) : undefined), undefined)
    : undefined

/** Gathers what is told together: while nothing else is told in between, since that may have happened within a span. */
class Batches {
  readonly observer: Observer
  readonly whose: Whose
  private batch: Batch | undefined = undefined

  constructor(observer: Observer, whose: Whose) {
    this.observer = observer
    this.whose = whose
  }

  add(span: ForwardedSpan): void {
    const { batch, observer, whose } = this
    if (batch !== undefined && observer.isLast(batch.tell)) {
      batch.add(span)
      return observer.added()
    }
    const next = new Batch(whose)
    this.batch = next
    next.add(span)
    observer.add(next.tell, false)
  }
}

// ---------------------------------------------------------------------------
// Spans
// ---------------------------------------------------------------------------

/** What all spans have that are told of. */
abstract class ToldSpan implements Tracer.Span {
  readonly _tag = "Span"
  abstract readonly name: string
  abstract readonly spanId: string
  abstract readonly traceId: string
  abstract readonly parent: Option.Option<Tracer.AnySpan>
  abstract readonly annotations: Context.Context<never>
  abstract readonly kind: Tracer.SpanKind
  readonly sampled = true
  abstract status: Tracer.SpanStatus
  readonly links: Array<Tracer.SpanLink> = []
  private allAttributes: Map<string, unknown> | undefined = undefined
  /** What has been added since it was told of last. */
  private newAttributes: Map<string, unknown> | undefined = undefined
  private newEvents: Array<SpanEvent> | undefined = undefined
  private newLinks: Array<Tracer.SpanLink> | undefined = undefined

  get attributes(): Map<string, unknown> {
    return (this.allAttributes ??= new Map())
  }

  attribute(key: string, value: unknown): void {
    if (this.status._tag === "Ended") return
    this.attributes.set(key, value)
    this.newAttributes ??= new Map()
    this.newAttributes.set(key, value)
    this.changed()
  }

  event(name: string, startTime: bigint, attributes?: Record<string, unknown>): void {
    if (this.status._tag === "Ended") return
    this.newEvents ??= []
    const pairs = attributes === undefined ? undefined : new Carrier().pairs(attributes)
    this.newEvents.push([nameText(name), timeOf(startTime), pairs])
    this.changed()
  }

  addLinks(links: ReadonlyArray<Tracer.SpanLink>): void {
    if (this.status._tag === "Ended") return
    this.newLinks ??= []
    for (const link of links) {
      this.links.push(link)
      this.newLinks.push(link)
    }
    this.changed()
  }

  abstract end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void

  /** Something has been added. */
  protected abstract changed(): void

  /** What has been added since this was asked last, made safe to cross. */
  takeAdditions(): SpanAdditions | undefined {
    const { newAttributes, newEvents, newLinks } = this
    if (newAttributes === undefined && newEvents === undefined && newLinks === undefined) return undefined
    this.newAttributes = undefined
    this.newEvents = undefined
    this.newLinks = undefined
    return {
      attributes: newAttributes === undefined ? undefined : new Carrier().entries(newAttributes),
      events: newEvents,
      links: newLinks && linksOf(newLinks)
    }
  }
}

/** A parent from elsewhere can be anything (F8). */
const traceIdOf = (parent: Option.Option<Tracer.AnySpan>): string =>
  Option.isSome(parent) ? attempt(() => nameText(parent.value.traceId), "") : Hex.random(32)

/** In nanoseconds: within less than that the clock need not be read again. */
const longPause = BigInt(10_000_000)

class ForwardedSpan extends ToldSpan {
  readonly name: string
  readonly parent: Option.Option<Tracer.AnySpan>
  readonly annotations: Context.Context<never>
  readonly kind: Tracer.SpanKind
  readonly traceId: string
  readonly spanId = nextSpanId()
  status: Tracer.SpanStatus
  /** Whether its beginning has been told. */
  isTold = false
  /** Whether something within it is told of: then its end is told after that. */
  hasInner = false
  /** Whether it has ended, and that is told after its beginning. */
  endsLater = false
  private readonly batches: Batches

  constructor({ annotations, kind, links, name, parent, startTime }: SpanOptions, batches: Batches) {
    super()
    this.name = name
    this.parent = parent
    this.annotations = annotations
    this.kind = kind
    this.traceId = traceIdOf(parent)
    this.status = { _tag: "Started", startTime }
    this.batches = batches
    if (links.length > 0) this.addLinks(links)
    if (Option.isSome(parent)) tellsOf(parent.value)
    batches.add(this)
  }

  end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    if (this.status._tag === "Ended") return
    this.status = { _tag: "Ended", startTime: this.status.startTime, endTime, exit }
    // one that has not been told, and has nothing in it, is told as a whole
    if (!this.isTold && !this.hasInner) {
      // the clock was read when it began
      if (timeOf(endTime) - timeOf(this.status.startTime) >= longPause) this.batches.observer.added()
      return
    }
    this.endsLater = true
    this.batches.add(this)
  }

  /** It is told with its beginning, or its end. */
  protected changed(): void {}
}

/** What a task sees of the span that its caller is in. */
export type SeenSpan = Pick<Tracer.Span, "annotations" | "kind" | "name" | "parent" | "spanId" | "status" | "traceId">

/** The span that a caller is in, as its tasks see it: what they add to it is told, and it is the caller's to end it. */
export class CallersSpan extends ToldSpan {
  readonly name: string
  readonly spanId: string
  readonly traceId: string
  readonly parent: Option.Option<Tracer.AnySpan>
  readonly annotations: Context.Context<never>
  readonly kind: Tracer.SpanKind
  readonly status: Tracer.SpanStatus
  private readonly observer: Observer
  private readonly whose: Whose
  private isToBeTold = false

  constructor(seen: SeenSpan, observer: Observer, whose: Whose) {
    super()
    this.name = seen.name
    this.spanId = seen.spanId
    this.traceId = seen.traceId
    this.parent = seen.parent
    this.annotations = seen.annotations
    this.kind = seen.kind
    this.status = seen.status
    this.observer = observer
    this.whose = whose
  }

  end(): void {}

  protected changed(): void {
    if (this.isToBeTold) return this.observer.added()
    this.isToBeTold = true
    this.observer.add(this.tell, false)
  }

  private readonly tell = (): SpanChange => {
    this.isToBeTold = false
    const { spanId, whose } = this
    const { attributes, events, links } = this.takeAdditions() ?? nothing
    return { _tag: "SpanChange", chunk: whose.chunk, position: whose.position, id: spanId, attributes, events, links }
  }
}

const nothing: SpanAdditions = { attributes: undefined, events: undefined, links: undefined }
