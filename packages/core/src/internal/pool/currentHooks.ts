/**
 * The current hooks, which are read at the moment when a worker is acquired or released. They are layers: the pool's
 * defaults, and one for each call that named any; current is their merge (L6).
 */
import type { Code } from "../../WorkerRuntime.ts"
import type { Call } from "../call/call.ts"
import * as hooks from "../slot/hooks.ts"
import * as options from "./options.ts"

interface Layer {
  /** The call that named them. */
  readonly call: Call
  readonly named: options.AnyCallOptions
}

export class CurrentHooks {
  private readonly defaults: hooks.Hooks
  private layers: Array<Layer> = []
  private current: hooks.Hooks

  constructor(defaults: options.AnyCallOptions) {
    this.defaults = options.hooks(defaults)
    this.current = this.defaults
  }

  get(): hooks.Hooks {
    return this.current
  }

  /** The hooks that a call keeps: those that were current when it was admitted (L10). */
  keptBy({ admittedWith }: Call): hooks.Hooks {
    // a field of the call, because a WeakMap would cost each `run` a microsecond, and more in garbage collections
    return (admittedWith as hooks.Hooks | undefined) ?? this.current
  }

  /** `run`s begin to share a call: they change no hooks (L6), and keep those that are current. */
  keep(call: Call): void {
    call.admittedWith = this.current
  }

  /**
   * Equal hooks are one object from here on (L6): those in `others`, and the current ones, stand for those that are equal
   * to them. Users' `Equal` runs here, and nowhere else: it may throw, so that this must be done before anything of a
   * call is registered (F8).
   */
  intern(named: options.AnyCallOptions, others: Iterable<hooks.Hooks>): options.AnyCallOptions {
    const { exit, init } = named
    if (init === undefined && exit === undefined) return named
    const inUse = [this.current, this.defaults, ...others]
    const of = (code: unknown) => (code === undefined ? undefined : hooks.interned(code as Code, inUse))
    return { ...named, init: of(init), exit: of(exit) }
  }

  /**
   * Makes the interned hooks that a new call has `named` current: over the pool's defaults if it is the only call of the
   * map family (`isAlone`), or else over the hooks that are current now (L6). Returns whether `init` or `exit` changed.
   */
  admit(call: Call, named: options.AnyCallOptions, isAlone: boolean): boolean {
    if (isAlone) this.layers = []
    if (options.namesHooks(named)) this.layers.push({ call, named })
    const isChanged = this.merge()
    this.keep(call)
    return isChanged
  }

  /** Removes what a call has named, of which no item was given to a worker (L6); returns whether hooks changed. */
  withdraw(call: Call): boolean {
    this.layers = this.layers.filter((layer) => layer.call !== call)
    return this.merge()
  }

  private merge(): boolean {
    const before = this.current
    this.current = this.layers.reduce((merged, { named }) => options.hooks(named, merged), this.defaults)
    return !hooks.same(before, this.current)
  }
}
