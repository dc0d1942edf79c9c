/**
 * A worker's hooks. Equal ones are one object from admission on (L6), so that users' `Equal` is asked in one place, and
 * everything else compares them by identity.
 */
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import type { Code } from "../../WorkerRuntime.ts"
import { guarded } from "../common/turn.ts"
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

/** Whether `init` and `exit` are the same: if not, a change from one to the other may need a warning (L7). */
export const same = (left: Hooks, right: Hooks): boolean => left.init === right.init && left.exit === right.exit

/** Whether workers are initialised in the same way: if not, what one fails with says nothing about the other (L10). */
export const sameInit = (left: Hooks, right: Hooks): boolean =>
  left.init === right.init && left.initTimeout === right.initTimeout

/** By address and Equal bound values, or by reference in a FiberPool (L7); `left` is the hook of the call in question. */
const sameAddress = (left: portable.Address, right: portable.Address): boolean => {
  if (left === right) return true
  switch (left._tag) {
    case "Export":
      return right._tag === "Export" && left.url === right.url && left.name === right.name
    case "Inline":
      return right._tag === "Inline" && left.source === right.source
    case "Bound":
      return right._tag === "Bound" && sameAddress(left.target, right.target) && sameValue(left.value, right.value)
    case "Closure":
      return right._tag === "Closure" && left.value === right.value
  }
}

/** Asks `own` alone, as far as one can: what is bound to a hook of another call's must not fail this one (F8). */
const sameValue = (own: unknown, others: unknown): boolean => {
  if (own === others) return true
  const hash = guarded(
    () => Hash.hash(others),
    () => {}
  )
  if (hash === undefined) return false
  try {
    return Equal.equals(own, others)
  } catch (defect) {
    // data has no code that could have thrown: a key of it looks like Equal's, and it equals nothing but itself (S1)
    if (isData(own)) return false
    throw defect
  }
}

/** Whether it is what JSON can be parsed to, at any depth. */
const isData = (value: unknown): boolean => {
  // a Set takes more while it is gone through, and nothing twice: there may be cycles
  const parts = new Set([value])
  for (const part of parts) {
    if (typeof part === "function") return false
    if (typeof part !== "object" || part === null) continue
    const prototype: unknown = Object.getPrototypeOf(part)
    if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return false
    for (const property of Object.values(Object.getOwnPropertyDescriptors(part))) {
      // a getter is code
      if (!("value" in property)) return false
      parts.add(property.value)
    }
  }
  return true
}

/**
 * The hook that stands for all that are equal to `code`: one of those `inUse`, or else `code` itself. Throws what the
 * `Equal` of the value throws that is bound to `code`.
 */
export const interned = (code: Code, inUse: Iterable<Hooks>): Code => {
  const known = new Set<Code>()
  for (const { exit, init } of inUse) {
    if (init === code || exit === code) return code
    if (init !== undefined) known.add(init)
    if (exit !== undefined) known.add(exit)
  }
  const { address } = portable.definition(code)
  for (const other of known) if (sameAddress(address, portable.definition(other).address)) return other
  return code
}
