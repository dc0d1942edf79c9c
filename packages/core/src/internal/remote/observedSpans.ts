/**
 * The spans of a worker's Effects and items, made again with the tracers of their callers (O3).
 */
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { Tracing } from "../common/tracing.ts"
import * as usersSpan from "../common/usersSpan.ts"
import { arrived } from "../wire/arrived.ts"
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
import { type Open, type OpenItem, OpenSpans } from "./openSpans.ts"

/** Whose an item is. */
export interface ItemOf {
  readonly context: Context.Context<never>
  /** Its index in its call's input. */
  readonly index: number
}

/** What is known of chunks. */
interface Chunks {
  /** Whose an item is; `undefined` for a chunk that has ended. */
  readonly itemOf: (chunk: number, position: number) => ItemOf | undefined
  /** Whether the end of a chunk is yet to be told. */
  readonly hasChunk: (chunk: number) => boolean
}

const nanos = 1_000_000

const zero = BigInt(0)

export class ObservedSpans {
  private readonly itemOf: Chunks["itemOf"]
  private readonly open: OpenSpans
  private readonly tracings = new WeakMap<Context.Context<never>, Tracing>()
  /** What the Clock of `latestBy` said. */
  private latest = zero
  private latestBy: Tracing | undefined = undefined
  /** Whether the worker has ended: what comes then is of no span. */
  private isOver = false

  constructor({ hasChunk, itemOf }: Chunks) {
    this.itemOf = itemOf
    // what comes of it is not known any more, and who exports it gets it only once it has ended
    this.open = new OpenSpans(hasChunk, (span) => this.endAt(span, span.tracing.now, Exit.interrupt()))
  }

  /** Another message has come. */
  arrived(): void {
    this.latestBy = undefined
  }

  /** The number of spans that are open. */
  get size(): number {
    return this.open.size
  }

  tell(record: TraceRecord, told: Told): void {
    if (this.isOver) return
    switch (record._tag) {
      case "Spans":
        return this.readRows(record, told)
      case "SpanChange": {
        const span = this.spanOf(record.chunk, record.id, told.context)
        const tracing = this.tracingOf(told.context)
        if (usersSpan.isOwn(span) && tracing !== undefined) {
          this.addTo(span, record, told, record.chunk, tracing, usersSpan.startOf(span))
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
      this.open.find(chunk, id)?.span ??
      usersSpan.above(around, id) ??
      Tracer.externalSpan({ spanId: id, traceId: traceId ?? (around && usersSpan.traceIdOf(around)) ?? "" })
    )
  }

  /** An item's result has come. */
  itemEnded(chunk: number, position: number, exit: Exit.Exit<unknown, unknown>): void {
    const item = this.open.takeItem(chunk, position)
    if (item === undefined) return
    const end = item.end ?? item.tracing.now
    this.endAt(item, end, exit)
    this.open.itemEnded(chunk, end)
  }

  /**
   * An item runs in a worker that ends now and may not have told of it: items that are short are told of together. It began no
   * earlier than the one before it ended.
   */
  itemRuns(chunk: number, position: number): void {
    if (this.isOver || this.open.item(chunk, position) !== undefined) return
    const item = this.itemOf(chunk, position)
    const tracing = item && this.tracingOf(item.context)
    if (item !== undefined && tracing !== undefined) {
      this.beginItem(chunk, position, item, tracing, undefined, () => this.open.untilOf(chunk))
    }
  }

  /** A chunk has ended: its items have, and what has not may go on by itself. */
  chunkEnded(chunk: number): void {
    // items without a result were interrupted
    for (const position of this.open.itemsOf(chunk)) this.itemEnded(chunk, position, Exit.interrupt())
    this.open.chunkEnded(chunk)
  }

  /** The worker has ended, with whatever ran in it. */
  workerEnded(exit: Exit.Exit<unknown, unknown>): void {
    if (this.isOver) return
    this.isOver = true
    // what is within a span ends before it
    for (const span of this.open.takeAll().toReversed()) this.endAt(span, span.tracing.now, exit)
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
    const within = parentId === undefined ? undefined : this.open.find(chunk, parentId)
    // what outlives its chunk is told where it began
    const tracing = within?.tracing ?? this.tracingOf(told.context)
    if (tracing === undefined) return
    const parent =
      within?.span ?? (parentId === undefined ? undefined : this.spanOf(chunk, parentId, told.context, traceId))
    const startTime = this.corrected(values[at + 5] as bigint, told, tracing, usersSpan.startOf(parent))
    const links = values[at + 10] as ReadonlyArray<EncodedLink> | undefined
    const span = tracing.make({
      name,
      parent: Option.fromUndefinedOr(parent),
      annotations: Context.empty(),
      links: links === undefined ? [] : links.map((link) => this.link(link, chunk, told)),
      startTime,
      kind: (values[at + 7] ?? "internal") as Tracer.SpanKind,
      root: parent === undefined,
      sampled: usersSpan.isSampled(parent)
    })
    if (span === undefined) return
    usersSpan.adopt(span, traceId, id)
    const open: Open = { span, tracing, parent: within, until: startTime }
    const attributes = values[at + 8] as SpanAdditions["attributes"]
    const events = values[at + 9] as SpanAdditions["events"]
    if (attributes !== undefined || events !== undefined) {
      this.addTo(span, { attributes, events, links: undefined }, told, chunk, tracing, startTime)
    }
    const end = values[at + 6] as bigint | undefined
    if (end === undefined) this.open.add(chunk, id, open)
    else this.end(open, end, values[at + 11], told)
  }

  private ended(chunk: number, values: ReadonlyArray<unknown>, at: number, told: Told): void {
    const open = this.open.take(chunk, values[at + 1] as string)
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
        : Exit.failCause(decodeCause(arrived(reasons) as ReadonlyArray<EncodedReason>, undefined, undefined, undefined))
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
    forPairs(attributes, (key, value) => usersSpan.attribute(span, key, value))
    if (events !== undefined) {
      for (const [name, time, values] of events) {
        usersSpan.event(span, name, this.corrected(time, told, tracing, since), attributesOf(values))
      }
    }
    if (links !== undefined) {
      usersSpan.addLinks(
        span,
        links.map((link) => this.link(link, chunk, told))
      )
    }
  }

  private link({ attributes, ...span }: EncodedLink, chunk: number, { context }: Told): Tracer.SpanLink {
    const known =
      this.open.find(chunk, span.spanId)?.span ??
      usersSpan.above(Context.getOrUndefined(context, Tracer.ParentSpan), span.spanId)
    return { span: known ?? Tracer.externalSpan(span), attributes: arrived(attributes) as typeof attributes }
  }

  // ---------------------------------------------------------------------------
  // Items
  // ---------------------------------------------------------------------------

  private beginItems({ chunk, items }: ItemsRecord, told: Told): void {
    for (const [position, id, start, end] of items) {
      const item = this.itemOf(chunk, position)
      const tracing = item && this.tracingOf(item.context)
      // of `run`s that share a chunk, one may be traced and another not
      if (item === undefined || tracing === undefined) continue
      const own = this.beginItem(chunk, position, item, tracing, id, (earliest) =>
        this.corrected(fromMillis(start, tracing), told, tracing, earliest)
      )
      if (own === undefined || end === undefined) continue
      own.end = this.corrected(fromMillis(end, tracing), told, tracing, own.until)
    }
  }

  /** Begins the span of an item, at a time no earlier than its parent's. `id` is what it is called in its worker. */
  private beginItem(
    chunk: number,
    position: number,
    { context, index }: ItemOf,
    tracing: Tracing,
    id: string | undefined,
    startOf: (earliest: bigint) => bigint
  ): OpenItem | undefined {
    const parent = usersSpan.propagated(Context.getOrUndefined(context, Tracer.ParentSpan))
    const earliest = usersSpan.startOf(parent)
    const start = startOf(earliest)
    const startTime = start < earliest ? earliest : start
    const span = tracing.start({ name: "pool.item", parent, attributes: { index } }, startTime)
    if (span === undefined) return undefined
    // nothing of what is within one that is not sampled crosses
    if (id !== undefined && usersSpan.isSampled(span)) usersSpan.adopt(span, undefined, id)
    const item = {
      span,
      tracing,
      parent: undefined,
      until: startTime,
      id: id ?? `${chunk}/${position}`,
      end: undefined
    }
    this.open.addItem(chunk, position, item)
    return item
  }

  private noteEnds({ chunk, items }: ItemsEnded, told: Told): void {
    for (const [position, end] of items) {
      const item = this.open.item(chunk, position)
      if (item !== undefined) item.end = this.corrected(fromMillis(end, item.tracing), told, item.tracing, item.until)
    }
  }

  // ---------------------------------------------------------------------------
  // Times
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

  private tracingOf(context: Context.Context<never>): Tracing | undefined {
    let tracing = this.tracings.get(context)
    if (tracing === undefined) {
      tracing = Tracing.of(context)
      if (tracing !== undefined) this.tracings.set(context, tracing)
    }
    return tracing
  }
}

const fromMillis = (millis: number, tracing: Tracing): bigint =>
  tracing.isTimed ? BigInt(Math.round(millis * 1000)) * thousand : zero

const thousand = BigInt(1000)

const forPairs = (pairs: ReadonlyArray<unknown> | undefined, each: (key: string, value: unknown) => void): void => {
  if (pairs === undefined) return
  for (let next = 0; next < pairs.length; next += 2) each(pairs[next] as string, arrived(pairs[next + 1]))
}

const attributesOf = (pairs: SpanEvent[2]): Record<string, unknown> | undefined => {
  if (pairs === undefined) return undefined
  const attributes: Record<string, unknown> = {}
  forPairs(pairs, (key, value) =>
    Object.defineProperty(attributes, key, { value, configurable: true, enumerable: true, writable: true })
  )
  return attributes
}
