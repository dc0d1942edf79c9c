/**
 * A registry in a worker whose series tell the pool what is done to them, which does it to those of the caller's registry
 * (O3). They have their own state as well, which a task may read.
 */
import * as Context from "effect/Context"
import * as Fiber from "effect/Fiber"
import { constVoid } from "effect/Function"
import type * as Metric from "effect/Metric"
import * as realTime from "../task/realTime.ts"
import { attempt } from "../common/attempt.ts"
import { isSeries, mostUpdates, mostValues, type Series } from "../wire/series.ts"
import * as gathered from "./gathered.ts"
import type { Observer } from "./observer.ts"
import { CurrentOrigin, type Origin } from "./origin.ts"
import { seriesOf } from "./seriesOf.ts"

type Metadata = Metric.Metric.Metadata<any, any>
type Hooks = Metric.Metric.Hooks<any, any>

export const forwardingRegistry = (observer: Observer): Metric.MetricRegistry => new ForwardingRegistry(observer)

/**
 * No timer fires while a task computes, so the clock is read: once for up to `updates` updates, as long as they take no longer
 * than `millis` milliseconds together.
 */
const perReading = { updates: 16, millis: 1 }

class ForwardingRegistry extends Map<string, Metadata> {
  private readonly gathering: Gathering

  constructor(observer: Observer) {
    super()
    this.gathering = new Gathering(observer)
  }

  /** Effect goes on with the hooks of the very object that it has set, so those are replaced: a copy would miss them. */
  override set(key: string, metadata: Metadata): this {
    // one whose value is asked for instead, by `registerUnsafe`, takes no updates
    const isKept = forwarded.has(metadata.hooks) || metadata.hooks.update === constVoid
    const own = isKept ? undefined : understood(metadata)
    if (own !== undefined) {
      const hooks = this.gathering.hooks(own.series, own.hooks)
      forwarded.add(hooks)
      ;(metadata as { hooks: Hooks }).hooks = hooks
    }
    return super.set(key, metadata)
  }

  override delete(key: string): boolean {
    this.gathering.removed(key, Fiber.getCurrent()?.getRef(CurrentOrigin))
    return super.delete(key)
  }
}

/**
 * What is in a registry can be the user's own, and throw when it is read, or be nothing that the pool's end takes: it then
 * stays in the worker (F8).
 */
const understood = (metadata: Metadata): ReturnType<typeof seriesOf> =>
  attempt(() => {
    const found = seriesOf(metadata)
    return found !== undefined && isSeries(found.series) ? found : undefined
  }, undefined)

/** Hooks that tell of updates: those of an object that is in two registries tell once. */
const forwarded = new WeakSet<Hooks>()

/** Gathers what is done to series until it is told. */
class Gathering {
  private readonly observer: Observer
  /** The series of which something has been gathered. */
  private readonly open = new Set<ForwardedSeries>()
  private updates = 0
  private values = 0
  /** How many updates there are when the clock is read next. */
  private nextReading = 1
  /** How many there were when it was read last, and what it said. */
  private lastReading = 0
  private now = 0

  constructor(observer: Observer) {
    this.observer = observer
  }

  /** The hooks of a series that does as `own` does, and tells of it. */
  hooks(series: Series, own: Hooks): Hooks {
    const forwarded = new ForwardedSeries(series, this)
    const isValue = series.type === "Histogram" || series.type === "Summary"
    const done = isValue ? () => this.observed() : () => this.updated()
    return {
      get: own.get,
      update: (input, context) => {
        own.update(input, context)
        forwarded.of(context).update(input)
        done()
      },
      modify: (input, context) => {
        own.modify(input, context)
        forwarded.of(context).modify(input)
        done()
      }
    }
  }

  /** Something is done to a series for that caller: it is told of when the observer tells. */
  begin(series: ForwardedSeries, one: gathered.Gathered): void {
    this.open.add(series)
    const { chunk, position } = one.origin
    this.observer.addGathering(() => {
      this.close()
      return { _tag: "Metric", chunk, position, series: series.series, change: one.change }
    })
  }

  /** What is done from now on is told of later. */
  private close(): void {
    for (const series of this.open) series.close()
    this.open.clear()
    this.updates = 0
    this.values = 0
    this.nextReading = 1
    this.lastReading = 0
  }

  removed(key: string, origin: Origin | undefined): void {
    if (origin === undefined || typeof key !== "string") return
    // what was done before it is told of before it
    for (const series of this.open) series.close()
    this.open.clear()
    const { chunk, position } = origin
    this.observer.add(() => ({ _tag: "MetricRemoved", chunk, position, key }), false)
  }

  private updated(): void {
    if (++this.updates >= this.nextReading) this.look()
  }

  /** Tells if it is time to, and else says when to look again: soon, where updates come seldom. */
  private look(): void {
    const { lastReading, now: before, updates } = this
    const now = realTime.now()
    if (updates >= mostUpdates || this.observer.isDue(now)) return this.observer.flushNow()
    const fitting = lastReading === 0 ? 1 : (perReading.millis * (updates - lastReading)) / (now - before)
    const next = updates + Math.max(1, Math.min(perReading.updates, Math.floor(fitting)))
    this.nextReading = Math.min(mostUpdates, next)
    this.lastReading = updates
    this.now = now
  }

  private observed(): void {
    if (++this.values >= mostValues) this.observer.flushNow()
    else this.updated()
  }
}

class ForwardedSeries {
  readonly series: Series
  private readonly gathering: Gathering
  /** Of the caller that did something to it last; most do several things, one after the other. */
  private last: gathered.Gathered | undefined = undefined
  private readonly all = new Map<Origin, gathered.Gathered>()

  constructor(series: Series, gathering: Gathering) {
    this.series = series
    this.gathering = gathering
  }

  /** What is gathered of the caller whose Effect runs in that context. */
  of(context: Context.Context<never>): gathered.Gathered {
    const origin = Context.get(context, CurrentOrigin)
    const { last } = this
    return last !== undefined && last.origin === origin ? last : this.find(origin)
  }

  private find(origin: Origin): gathered.Gathered {
    let found = this.all.get(origin)
    if (found === undefined) {
      found = gathered.make(this.series, origin)
      this.all.set(origin, found)
      this.gathering.begin(this, found)
    }
    this.last = found
    return found
  }

  close(): void {
    this.last = undefined
    this.all.clear()
  }
}
