/**
 * The current hooks, which are read at the moment when a worker is acquired or released (L6).
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
   * Makes the hooks that a new call has `named` current: over the pool's defaults if it is the only call of the map
   * family (`isAlone`), or else over the hooks that are current now (L6). The Effect warns if live workers in `slots`
   * were acquired with other hooks (L7).
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
