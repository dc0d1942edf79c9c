/**
 * The pool's own spans, made with the tracer of whoever caused them (O3). There are none where that is the default tracer,
 * which nobody can look into.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import * as usersSpan from "./usersSpan.ts"

export type Attributes = Readonly<Record<string, unknown>>

interface SpanOptions {
  readonly name: string
  readonly parent: Tracer.AnySpan | undefined
  readonly attributes: Attributes
  readonly links?: ReadonlyArray<Tracer.AnySpan | undefined> | undefined
}

/** Whether anybody can see the spans of a fiber. */
export const isTraced = ({ cache: { tracer, tracerEnabled } }: Fiber.Fiber<unknown, unknown>): boolean =>
  tracer !== undefined && tracer !== Tracer.nativeTracer && tracerEnabled

/** Makes spans as Effect would in a fiber with a context. A tracer that throws makes none, and harms nobody (F8). */
export class Tracing {
  readonly context: Context.Context<never>
  readonly tracer: Tracer.Tracer
  private readonly clock: Clock.Clock
  /** Whether spans have times. */
  readonly isTimed: boolean

  private constructor(context: Context.Context<never>, tracer: Tracer.Tracer) {
    this.context = context
    this.tracer = tracer
    this.clock = Context.get(context, Clock.Clock)
    this.isTimed = Context.get(context, References.TracerTimingEnabled)
  }

  /** What makes spans for a context; `undefined` where nobody would see them. */
  static of(context: Context.Context<never>): Tracing | undefined {
    const tracer = Context.getOrUndefined(context, Tracer.Tracer)
    if (tracer === undefined || tracer === Tracer.nativeTracer) return undefined
    return Context.get(context, References.TracerEnabled) ? new Tracing(context, tracer) : undefined
  }

  /** What its Clock says, in nanoseconds; 0 where spans have no times, or the Clock, which may be the user's, tells none. */
  get now(): bigint {
    if (!this.isTimed) return zero
    const now: unknown = usersSpan.safely(() => this.clock.currentTimeNanosUnsafe())
    return typeof now === "bigint" ? now : zero
  }

  start({ attributes, links = [], name, parent: given }: SpanOptions, startTime = this.now): Tracer.Span | undefined {
    const { context } = this
    const parent = usersSpan.propagated(given)
    const linked = links.filter((span) => span !== undefined)
    const span = usersSpan.made(() =>
      this.tracer.span({
        name,
        parent: Option.fromUndefinedOr(parent),
        annotations: Context.empty(),
        links: [
          ...Context.get(context, References.TracerSpanLinks),
          ...linked.map((span) => ({ span, attributes: {} }))
        ],
        startTime,
        kind: "internal",
        root: parent === undefined,
        sampled: usersSpan.isSampled(parent) && isSampled(context)
      })
    )
    if (span === undefined) return undefined
    const annotated = usersSpan.safely(() => Object.entries(Context.get(context, References.TracerSpanAnnotations)))
    for (const [key, value] of annotated ?? []) usersSpan.attribute(span, key, value)
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== undefined) usersSpan.attribute(span, key, value)
    }
    return span
  }

  /** Makes a span that has begun elsewhere. */
  make(options: Parameters<Tracer.Tracer["span"]>[0]): Tracer.Span | undefined {
    return usersSpan.made(() => this.tracer.span(options))
  }

  end(span: Tracer.Span, exit: Exit.Exit<unknown, unknown>, time = this.now): void {
    usersSpan.end(span, time, exit)
  }
}

const zero = BigInt(0)

/** Whether spans are looked at, by their level. */
const isSampled = (context: Context.Context<never>): boolean =>
  LogLevel.isGreaterThanOrEqualTo(
    Context.get(context, Tracer.CurrentTraceLevel),
    Context.get(context, Tracer.MinimumTraceLevel)
  )

/** A call that is traced. */
export interface TracedCall {
  readonly tracing: Tracing
  readonly span: Tracer.Span
}

/** Adds a span to a context, as that which others in it have for their parent. */
export const within = (context: Context.Context<never>, span: Tracer.AnySpan): Context.Context<never> =>
  Context.add(context, Tracer.ParentSpan, span)

/** A span of something that may turn out never to have been: it is made when that is known, as of when it began. */
export class LateSpan {
  private readonly tracing: Tracing
  private readonly options: SpanOptions
  private readonly startTime: bigint
  private span: Tracer.Span | undefined = undefined
  /** Whether it has been made, or was to be. */
  isBegun = false

  constructor(tracing: Tracing, options: SpanOptions) {
    this.tracing = tracing
    this.options = options
    this.startTime = tracing.now
  }

  begin(): Tracer.Span | undefined {
    if (!this.isBegun) {
      this.isBegun = true
      this.span = this.tracing.start(this.options, this.startTime)
    }
    return this.span
  }

  end(exit: Exit.Exit<unknown, unknown>): void {
    if (this.span !== undefined) this.tracing.end(this.span, exit)
  }

  /** Stands for it as the parent of spans that are made before it: it is made when their tracer asks who their parent is. */
  readonly parent: Tracer.ExternalSpan = ((late: LateSpan) => ({
    _tag: "ExternalSpan",
    annotations: Context.empty(),
    get spanId() {
      const span = late.begin()
      return (span && usersSpan.spanIdOf(span)) ?? ""
    },
    get traceId() {
      const span = late.begin()
      return (span && usersSpan.traceIdOf(span)) ?? ""
    },
    get sampled() {
      const span = late.begin()
      return span !== undefined && usersSpan.isSampled(span)
    }
  }))(this)
}

/** As `inRootSpan`, of what may turn out never to have been. Its span is made when `effectOf` has it begin, or where `isSeen`. */
export const inLateRootSpan = <A, E>(
  effectOf: (late: LateSpan | undefined) => Effect.Effect<A, E>,
  name: string,
  attributes: Attributes,
  cause: Tracer.AnySpan | undefined,
  exitOf: (exit: Exit.Exit<A, E>) => Exit.Exit<unknown, unknown>,
  isSeen: (exit: Exit.Exit<A, E>) => boolean
): Effect.Effect<A, E> =>
  Effect.withFiber((fiber) => {
    const tracing = isTraced(fiber) ? Tracing.of(fiber.context) : undefined
    if (tracing === undefined) return effectOf(undefined)
    const late = new LateSpan(tracing, { name, parent: undefined, attributes, links: [cause] })
    return Effect.onExit(effectOf(late), (exit) =>
      Effect.sync(() => {
        if (isSeen(exit)) late.begin()
        late.end(exitOf(exit))
      })
    )
  })

/**
 * Runs an Effect in a span without a parent, which is linked to that of its cause; without one where nobody looks.
 * `exitOf` says how the span ends.
 */
export const inRootSpan = <A, E>(
  effect: Effect.Effect<A, E>,
  name: string,
  attributes: Attributes,
  cause: Tracer.AnySpan | undefined,
  exitOf: (exit: Exit.Exit<A, E>) => Exit.Exit<unknown, unknown>
): Effect.Effect<A, E> =>
  Effect.withFiber((fiber) => {
    const tracing = isTraced(fiber) ? Tracing.of(fiber.context) : undefined
    const span = tracing?.start({ name, parent: undefined, attributes, links: [cause] })
    if (tracing === undefined || span === undefined) return effect
    return Effect.onExit(Effect.provideService(effect, Tracer.ParentSpan, span), (exit) =>
      Effect.sync(() => tracing.end(span, exitOf(exit)))
    )
  })
