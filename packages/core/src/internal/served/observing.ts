/**
 * The contexts in which a worker's Effects run: their caller's References, and what tells the pool of logs instead of
 * writing them (O3). What the services provide of their own wins, and is not told.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import type { Channel } from "../../Channel.ts"
import { withCaller } from "../wire/caller.ts"
import type { Caller } from "../wire/observed.ts"
import { forwardingLogger } from "./forwardingLogger.ts"
import { forwardingRegistry } from "./forwardingMetrics.ts"
import { Observer } from "./observer.ts"
import { CurrentOrigin, Origin, poolsOwn } from "./origin.ts"
import type { Sender } from "./sender.ts"

export class Observing {
  private readonly observer: Observer
  private readonly worker: number
  private services: Context.Context<never> = Context.empty()
  private readonly forwarding: Context.Context<never>
  private base: Context.Context<never>

  constructor(worker: number, sender: Sender, channel: Pick<Channel, "aside" | "flushed">) {
    this.worker = worker
    this.observer = new Observer(sender, channel)
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

  ending(): void {
    this.observer.ending()
  }

  /** The context of hooks, and of the services while they are built. */
  get hooks(): Context.Context<never> {
    return this.contextOf(poolsOwn, 0, undefined)
  }

  /** The context of the items of a chunk that have the same caller; `position` is that of the first of them. */
  contextOf(chunk: number, position: number, caller: Caller | undefined): Context.Context<never> {
    const { base, services, worker } = this
    const origin = new Origin(chunk, position, caller, worker)
    const own = Context.add(base, CurrentOrigin, origin)
    const called = caller === undefined ? own : withCaller(own, caller, services)
    // annotations that the services provide win
    return Context.getOrUndefined(services, References.CurrentLogAnnotations) === undefined
      ? Context.add(called, References.CurrentLogAnnotations, origin.annotations)
      : called
  }
}
