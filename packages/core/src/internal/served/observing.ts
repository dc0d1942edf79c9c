/**
 * The contexts in which a worker's Effects run: their caller's References, and what tells the pool of logs instead of
 * writing them (O3). What the services provide of their own wins, and is not told.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import { withCaller } from "../wire/caller.ts"
import { type Caller, poolsOwn } from "../wire/observed.ts"
import { forwardingLogger } from "./forwardingLogger.ts"
import { forwardingRegistry } from "./forwardingMetrics.ts"
import { CallersSpan, forwardingTracer, type SeenSpan } from "./forwardingTracer.ts"
import type { Observer } from "./observer.ts"
import { CurrentOrigin, Origin } from "./origin.ts"

export class Observing {
  private readonly observer: Observer
  private readonly worker: number
  private services: Context.Context<never> = Context.empty()
  private readonly forwarding: Context.Context<never>
  private base: Context.Context<never>

  constructor(worker: number, observer: Observer) {
    this.worker = worker
    this.observer = observer
    // no logger that adds events to spans: those are added where the line is written
    const loggers = new Set([forwardingLogger(this.observer)])
    const forwarding = Context.make(References.CurrentLoggers, loggers)
    this.forwarding = Context.add(forwarding, Metric.MetricRegistry, forwardingRegistry(this.observer))
    this.base = this.forwarding
  }

  /** The services of the pool have been built. */
  provide(services: Context.Context<never>): void {
    this.services = services
    this.base = Context.merge(this.forwarding, services)
  }

  /** The context of a hook, or of the services while they are built. */
  contextOfHook(caller: Caller | undefined): Context.Context<never> {
    return this.contextOf(poolsOwn, 0, caller, undefined)
  }

  /**
   * The context of the items of a chunk that have the same caller; `position` is that of the first of them. `span` is the
   * id of the item's own span, if it has one.
   */
  contextOf(
    chunk: number,
    position: number,
    caller: Caller | undefined,
    span: string | undefined
  ): Context.Context<never> {
    const { base, services, worker } = this
    const origin = new Origin(chunk, position, caller, worker)
    const own = Context.add(base, CurrentOrigin, origin)
    const called = caller === undefined ? own : this.traced(withCaller(own, caller, services), caller, origin, span)
    // annotations that the services provide win
    return Context.getOrUndefined(services, References.CurrentLogAnnotations) === undefined
      ? Context.add(called, References.CurrentLogAnnotations, origin.annotations)
      : called
  }

  /** Adds a tracer that tells of spans, and the caller's span as one that tells what is added to it. */
  private traced(
    context: Context.Context<never>,
    caller: Caller,
    origin: Origin,
    item: string | undefined
  ): Context.Context<never> {
    const { observer, services } = this
    if (caller.traced !== true || Context.getOrUndefined(services, Tracer.Tracer) !== undefined) return context
    const traced = Context.add(context, Tracer.Tracer, forwardingTracer(observer, origin))
    if (Context.getOrUndefined(services, Tracer.ParentSpan) !== undefined) return traced
    const span = Context.getOrUndefined(context, Tracer.ParentSpan)
    if (span?._tag !== "Span" || !span.sampled) return traced
    const own = item === undefined ? span : itemIn(span, item, context)
    return Context.add(traced, Tracer.ParentSpan, new CallersSpan(own, observer, origin))
  }
}

/** The span of an item that begins. */
const itemIn = (span: Tracer.Span, spanId: string, context: Context.Context<never>): SeenSpan => {
  const { traceId } = span
  const isTimed = Context.get(context, References.TracerTimingEnabled)
  const startTime = isTimed ? Context.get(context, Clock.Clock).currentTimeNanosUnsafe() : BigInt(0)
  return {
    name: "pool.item",
    spanId,
    traceId,
    parent: Option.some(span),
    annotations: Context.empty(),
    kind: "internal",
    status: { _tag: "Started", startTime }
  }
}
