/**
 * The spans of a worker's Effects and items, made again with the tracers of their callers (O3).
 */
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { propagated } from "../common/propagated.ts"
import { Tracing } from "../common/tracing.ts"
import { guarded } from "../common/turn.ts"
import { decodeCause } from "../wire/crossing.ts"
import type { EncodedReason } from "../wire/failure.ts"
import { asBefore, rows } from "../wire/observed.ts"
import type {
  EncodedLink,
  ItemsEnded,
  ItemsRecord,
  SpanAdditions,
  SpanEvent,
  SpansRecord,
  TraceRecord
} from "../wire/observed.ts"
import type { Told } from "./observations.ts"

/** A span that has not ended. */
interface Open {
  readonly span: Tracer.Span
  readonly tracing: Tracing
  readonly parent: Open | undefined
  /** It ends no earlier than this, in nanoseconds: when it began, and what is within it ended. */
  until: bigint
}

/** The span of an item, which ends when the item's result has come. */
interface OpenItem extends Open {
  readonly id: string
  /** When the item ended, once that has been told. */
  end: bigint | undefined
}

/** What is open of a chunk. */
interface OpenChunk {
  readonly spans: Map<string, Open>
  /** By their positions among the items that were sent. */
  readonly items: Map<number, OpenItem>
}

/** Whose an item is. */
export interface ItemOf {
  readonly context: Context.Context<never>
  /** Its index in its call's input. */
  readonly index: number
}

/**
 * How many spans are kept that outlive the chunk in which they began, such as those of daemons: a span that nobody ever
 * ends would be kept for ever.
 */
const mostOutliving = 1000

const nanos = 1_000_000

const zero = BigInt(0)

export class ObservedSpans {
  private readonly itemOf: (chunk: number, position: number) => ItemOf | undefined
  private readonly chunks = new Map<number, OpenChunk>()
  private readonly outliving = new Map<string, Open>()
  private readonly tracings = new WeakMap<Context.Context<never>, Tracing>()
  /** What the Clock of `latestBy` said. */
  private latest = zero
  private latestBy: Tracing | undefined = undefined
  /** Whether the worker has ended: what comes then is of no span. */
  private isOver = false

  constructor(itemOf: (chunk: number, position: number) => ItemOf | undefined) {
    this.itemOf = itemOf
  }

  /** Another message has come. */
  arrived(): void {
    this.latestBy = undefined
  }

  /** The number of spans that are open. */
  get size(): number {
    let size = this.outliving.size
    for (const { spans } of this.chunks.values()) size += spans.size
    return size
  }

  tell(record: TraceRecord, told: Told): void {
    if (this.isOver) return
    switch (record._tag) {
      case "Spans":
        return this.readRows(record, told)
      case "SpanChange": {
        const span = this.spanOf(record.chunk, record.id, told.context)
        const tracing = this.tracingOf(told.context)
        if (span._tag === "Span" && tracing !== undefined) {
          this.addTo(span, record, told, record.chunk, tracing, startOf(span))
        }
        return
      }
      case "Items":
        return this.beginItems(record, told)
      case "ItemsEnded":
        return this.noteEnds(record, told)
    }
  }

  /** The span of that id in the caller's program: one that is open, or that the caller is in. */
  spanOf(chunk: number, id: string, context: Context.Context<never>, traceId?: string): Tracer.AnySpan {
    const around = Context.getOrUndefined(context, Tracer.ParentSpan)
    return (
      this.find(chunk, id)?.span ??
      above(around, id) ??
      Tracer.externalSpan({ spanId: id, traceId: traceId ?? around?.traceId ?? "" })
    )
  }

  /** An item's result has come. */
  itemEnded(chunk: number, position: number, exit: Exit.Exit<unknown, unknown>): void {
    const open = this.chunks.get(chunk)
    const item = open?.items.get(position)
    if (open === undefined || item === undefined) return
    open.items.delete(position)
    open.spans.delete(item.id)
    this.endAt(item, item.end ?? item.tracing.now, exit)
  }

  /** A chunk has ended: its items have, and what has not may go on by itself. */
  chunkEnded(chunk: number): void {
    const open = this.chunks.get(chunk)
    if (open === undefined) return
    // items without a result were interrupted
    for (const position of open.items.keys()) this.itemEnded(chunk, position, Exit.interrupt())
    this.chunks.delete(chunk)
    for (const [id, span] of open.spans) this.outliving.set(id, span)
    for (const id of this.outliving.keys()) {
      if (this.outliving.size <= mostOutliving) return
      this.outliving.delete(id)
    }
  }

  /** The worker has ended, with whatever ran in it. */
  workerEnded(exit: Exit.Exit<unknown, unknown>): void {
    if (this.isOver) return
    this.isOver = true
    // what is within a span ends before it
    const open = [...this.outliving.values(), ...[...this.chunks.values()].flatMap(({ spans }) => [...spans.values()])]
    for (const span of open.toReversed()) this.endAt(span, span.tracing.now, exit)
    this.outliving.clear()
    this.chunks.clear()
  }

  // ---------------------------------------------------------------------------
  // Spans
  // ---------------------------------------------------------------------------

  private readRows({ chunk, rows: values }: SpansRecord, told: Told): void {
    let traceId = ""
    let parent: string | undefined = undefined
    let name = ""
    for (let next = 0; next < values.length;) {
      const kind = values[next]
      if (kind === rows.begun) {
        if (values[next + 1] !== asBefore) traceId = values[next + 1] as string
        if (values[next + 2] !== asBefore) parent = values[next + 2] as string | undefined
        if (values[next + 4] !== asBefore) name = values[next + 4] as string
        this.begun(chunk, traceId, parent, name, values, next, told)
        next += 12
      } else if (kind === rows.ended) {
        this.ended(chunk, values, next, told)
        next += 7
      } else throw new Error("It told of spans what no worker tells")
    }
  }

  private begun(
    chunk: number,
    traceId: string,
    parentId: string | undefined,
    name: string,
    values: ReadonlyArray<unknown>,
    at: number,
    told: Told
  ): void {
    const id = values[at + 3] as string
    const within = parentId === undefined ? undefined : this.find(chunk, parentId)
    // what outlives its chunk is told where it began
    const tracing = within?.tracing ?? this.tracingOf(told.context)
    if (tracing === undefined) return
    const parent =
      within?.span ?? (parentId === undefined ? undefined : this.spanOf(chunk, parentId, told.context, traceId))
    const startTime = this.corrected(values[at + 5] as bigint, told, tracing, startOf(parent))
    const links = values[at + 10] as ReadonlyArray<EncodedLink> | undefined
    const span = tracing.make({
      name,
      parent: Option.fromUndefinedOr(parent),
      annotations: Context.empty(),
      links: links === undefined ? [] : links.map((link) => this.link(link, chunk, told)),
      startTime,
      kind: (values[at + 7] ?? "internal") as Tracer.SpanKind,
      root: parent === undefined,
      sampled: parent?.sampled !== false
    })
    if (span === undefined) return
    adopt(span, traceId, id)
    const open: Open = { span, tracing, parent: within, until: startTime }
    const attributes = values[at + 8] as SpanAdditions["attributes"]
    const events = values[at + 9] as SpanAdditions["events"]
    if (attributes !== undefined || events !== undefined) {
      this.addTo(span, { attributes, events, links: undefined }, told, chunk, tracing, startTime)
    }
    const end = values[at + 6] as bigint | undefined
    if (end === undefined) this.chunk(chunk).spans.set(id, open)
    else this.end(open, end, values[at + 11], told)
  }

  private ended(chunk: number, values: ReadonlyArray<unknown>, at: number, told: Told): void {
    const open = this.take(chunk, values[at + 1] as string)
    if (open === undefined) return
    const [attributes, events, links] = values.slice(at + 3, at + 6) as [
      SpanAdditions["attributes"],
      SpanAdditions["events"],
      SpanAdditions["links"]
    ]
    this.addTo(open.span, { attributes, events, links }, told, chunk, open.tracing, open.until)
    this.end(open, values[at + 2] as bigint, values[at + 6], told)
  }

  private end(open: Open, end: bigint, reasons: unknown, told: Told): void {
    const exit =
      reasons === undefined
        ? Exit.void
        : Exit.failCause(decodeCause(reasons as ReadonlyArray<EncodedReason>, undefined, undefined, undefined))
    this.endAt(open, this.corrected(end, told, open.tracing, open.until), exit)
  }

  private endAt(open: Open, time: bigint, exit: Exit.Exit<unknown, unknown>): void {
    const { parent, span, tracing, until } = open
    const end = time < until && tracing.isTimed ? until : time
    tracing.end(span, exit, end)
    if (parent !== undefined && parent.until < end) parent.until = end
  }

  private addTo(
    span: Tracer.Span,
    { attributes, events, links }: SpanAdditions,
    told: Told,
    chunk: number,
    tracing: Tracing,
    since: bigint
  ): void {
    if (attributes === undefined && events === undefined && links === undefined) return
    guarded(
      () => {
        forPairs(attributes, (key, value) => span.attribute(key, value))
        for (const [name, time, values] of events ?? []) {
          span.event(name, this.corrected(time, told, tracing, since), attributesOf(values))
        }
        if (links !== undefined) span.addLinks(links.map((link) => this.link(link, chunk, told)))
      },
      // the caller's tracer is users' code (F8)
      () => {}
    )
  }

  private link({ attributes, ...span }: EncodedLink, chunk: number, { context }: Told): Tracer.SpanLink {
    const known =
      this.find(chunk, span.spanId)?.span ?? above(Context.getOrUndefined(context, Tracer.ParentSpan), span.spanId)
    return { span: known ?? Tracer.externalSpan(span), attributes }
  }

  // ---------------------------------------------------------------------------
  // Items
  // ---------------------------------------------------------------------------

  private beginItems({ chunk, items }: ItemsRecord, told: Told): void {
    const open = this.chunk(chunk)
    for (const [position, id, start, end] of items) {
      const item = this.itemOf(chunk, position)
      const tracing = item && this.tracingOf(item.context)
      // of `run`s that share a chunk, one may be traced and another not
      if (item === undefined || tracing === undefined) continue
      const parent = propagated(Context.getOrUndefined(item.context, Tracer.ParentSpan))
      const startTime = this.corrected(fromMillis(start, tracing), told, tracing, startOf(parent))
      const span = tracing.start({ name: "pool.item", parent, attributes: { index: item.index } }, startTime)
      if (span === undefined || !span.sampled) continue
      adopt(span, undefined, id)
      const own: OpenItem = { span, tracing, parent: undefined, until: startTime, id, end: undefined }
      if (end !== undefined) own.end = this.corrected(fromMillis(end, tracing), told, tracing, startTime)
      open.items.set(position, own)
      open.spans.set(id, own)
    }
  }

  private noteEnds({ chunk, items }: ItemsEnded, told: Told): void {
    for (const [position, end] of items) {
      const item = this.chunks.get(chunk)?.items.get(position)
      if (item !== undefined) item.end = this.corrected(fromMillis(end, item.tracing), told, item.tracing, item.until)
    }
  }

  // ---------------------------------------------------------------------------
  // What is open
  // ---------------------------------------------------------------------------

  /**
   * A time of the worker's by the caller's Clock: no earlier than `earliest`, and not to come, so that spans nest whatever
   * the worker's clock says.
   */
  private corrected(time: bigint, { offset }: Told, tracing: Tracing, earliest: bigint): bigint {
    if (!tracing.isTimed || time === zero) return time
    const own = offset === 0 ? time : time + BigInt(Math.round(offset * nanos))
    // the Clock is asked once for a message, which may have thousands of times in it
    if (this.latestBy !== tracing) {
      this.latestBy = tracing
      this.latest = tracing.now
    }
    const past = own > this.latest ? this.latest : own
    return past < earliest ? earliest : past
  }

  private chunk(chunk: number): OpenChunk {
    let open = this.chunks.get(chunk)
    if (open === undefined) this.chunks.set(chunk, (open = { spans: new Map(), items: new Map() }))
    return open
  }

  private find(chunk: number, id: string): Open | undefined {
    return this.chunks.get(chunk)?.spans.get(id) ?? this.chunks.get(poolsOwn)?.spans.get(id) ?? this.outliving.get(id)
  }

  private take(chunk: number, id: string): Open | undefined {
    const open = this.find(chunk, id)
    this.chunks.get(chunk)?.spans.delete(id)
    this.outliving.delete(id)
    return open
  }

  private tracingOf(context: Context.Context<never>): Tracing | undefined {
    let tracing = this.tracings.get(context)
    if (tracing === undefined) {
      tracing = Tracing.of(context)
      if (tracing !== undefined) this.tracings.set(context, tracing)
    }
    return tracing
  }
}

/** The chunk of the pool's own hooks and services. */
const poolsOwn = -1

/** The span of an id among a span and those around it. */
const above = (span: Tracer.AnySpan | undefined, id: string): Tracer.AnySpan | undefined => {
  if (span === undefined || span.spanId === id) return span
  return span._tag === "Span" ? above(Option.getOrUndefined(span.parent), id) : undefined
}

/** When a span began, as far as that is known: what is within it began no earlier. */
export const startOf = (span: Tracer.AnySpan | undefined): bigint =>
  span?._tag === "Span" ? span.status.startTime : zero

const fromMillis = (millis: number, tracing: Tracing): bigint =>
  tracing.isTimed ? BigInt(Math.round(millis * 1000)) * thousand : zero

const thousand = BigInt(1000)

const forPairs = (pairs: ReadonlyArray<unknown> | undefined, each: (key: string, value: unknown) => void): void => {
  if (pairs === undefined) return
  for (let next = 0; next < pairs.length; next += 2) each(pairs[next] as string, pairs[next + 1])
}

const attributesOf = (pairs: SpanEvent[2]): Record<string, unknown> | undefined => {
  if (pairs === undefined) return undefined
  const attributes: Record<string, unknown> = {}
  forPairs(pairs, (key, value) =>
    Object.defineProperty(attributes, key, { value, configurable: true, enumerable: true, writable: true })
  )
  return attributes
}

/** Gives a span the ids that it has in its worker, unless its tracer has read or made others. */
const adopt = (span: Tracer.Span, traceId: string | undefined, spanId: string): void => {
  const own = span as { _spanId?: unknown; _traceId?: unknown }
  guarded(
    () => {
      if ("_spanId" in own && own._spanId === undefined) own._spanId = spanId
      if (traceId !== undefined && "_traceId" in own && own._traceId === undefined) own._traceId = traceId
    },
    () => {}
  )
}
