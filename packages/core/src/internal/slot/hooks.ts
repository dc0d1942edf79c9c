/**
 * A worker's hooks, and when two are the same: by address and Equal bound values, or by reference in a FiberPool (L7).
 */
import * as Equal from "effect/Equal"
import type { Code } from "../../WorkerRuntime.ts"
import * as portable from "../task/portable.ts"

/** The hooks, and what goes with them, as calls set them (L6). */
export interface Hooks {
  readonly init: Code | undefined
  readonly exit: Code | undefined
  /** How many items a worker may be given; `undefined` for any number. */
  readonly lifespan: number | undefined
  /** In milliseconds. */
  readonly initTimeout: number | undefined
  /** In milliseconds. */
  readonly exitTimeout: number | undefined
}

const sameAddress = (left: portable.Address, right: portable.Address): boolean => {
  if (left === right) return true
  switch (left._tag) {
    case "Export":
      return right._tag === "Export" && left.url === right.url && left.name === right.name
    case "Inline":
      return right._tag === "Inline" && left.source === right.source
    case "Bound":
      return right._tag === "Bound" && sameAddress(left.target, right.target) && Equal.equals(left.value, right.value)
    case "Closure":
      return right._tag === "Closure" && left.value === right.value
  }
}

const sameCode = (left: Code | undefined, right: Code | undefined): boolean =>
  left === right ||
  (left !== undefined &&
    right !== undefined &&
    sameAddress(portable.definition(left).address, portable.definition(right).address))

/** Whether `init` and `exit` are the same: if not, a change from one to the other may need a warning (L7). */
export const same = (left: Hooks, right: Hooks): boolean =>
  sameCode(left.init, right.init) && sameCode(left.exit, right.exit)
