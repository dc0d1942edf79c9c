/**
 * The hooks that are current: what acquisitions and releases read (L6).
 */
import * as Effect from "effect/Effect"
import * as hooks from "../slot/hooks.ts"
import type { Slot } from "../slot/slot.ts"
import * as options from "./options.ts"

export class CurrentHooks {
  private readonly defaults: hooks.Hooks
  private current: hooks.Hooks

  constructor(defaults: hooks.Hooks) {
    this.defaults = defaults
    this.current = defaults
  }

  get(): hooks.Hooks {
    return this.current
  }

  /**
   * A call that names hooks begins: over the pool's defaults if no other runs, or else over those that are current (L6). The
   * Effect warns if workers live that were acquired with others (L7).
   */
  set(named: options.AnyCallOptions, isAlone: boolean, slots: ReadonlyArray<Slot>): Effect.Effect<void> {
    const before = this.current
    const now = options.hooks(named, isAlone ? this.defaults : before)
    this.current = now
    const isOther = ({ acquiredWith, isLive }: Slot) =>
      isLive && acquiredWith !== undefined && !hooks.same(acquiredWith, now)
    return hooks.same(before, now) || !slots.some(isOther) ? Effect.void : warning
  }
}

const warning = Effect.logWarning(
  "init or exit changed while workers live that were acquired with others: the new init is not run for them, and the new " +
    "exit runs when they are released"
)
