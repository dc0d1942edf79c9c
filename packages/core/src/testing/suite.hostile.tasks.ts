/**
 * Tasks and hooks of `RuntimeSuite` that return or throw what throws when it is looked at. Free of Effect, so that
 * workers which run only these start fast.
 *
 * @since 0.1.0
 */
import type { WorkerContext } from "../WorkerContext.ts"

/** How a value is hostile: what of it throws. `""` is one that is not. */
export type HostileValue =
  | ""
  | "get trap"
  | "getPrototypeOf trap"
  | "has trap"
  | "ownKeys trap"
  | "revoked Proxy"
  | "then getter"
  | "then"
  | "getter"

/** All the ways in which a value is hostile. */
export const hostileValues = [
  "get trap",
  "getPrototypeOf trap",
  "has trap",
  "ownKeys trap",
  "revoked Proxy",
  "then getter",
  "then",
  "getter"
] as const satisfies ReadonlyArray<HostileValue>

const thrower = (what: string) => (): never => {
  throw new RangeError(`hostile ${what}`)
}

/** What makes a value a Promise in the eyes of those who look. */
const thenKey = "the".concat("n")

const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

/** Makes a value; "fine" for one that is not hostile. */
export const makeValue = (how: HostileValue): unknown => {
  switch (how) {
    case "":
      return "fine"
    case "get trap":
      return new Proxy({}, { get: thrower(how) })
    case "getPrototypeOf trap":
      return new Proxy({}, { getPrototypeOf: thrower(how) })
    case "has trap":
      return new Proxy({}, { has: thrower(how) })
    case "ownKeys trap":
      return new Proxy({}, { ownKeys: thrower(how) })
    case "revoked Proxy":
      return revoked()
    case "then getter":
      return Object.defineProperty({}, thenKey, { enumerable: true, get: thrower(how) })
    case "then":
      return Object.defineProperty({}, thenKey, { value: thrower(how) })
    case "getter":
      return Object.defineProperty({}, "n", { enumerable: true, get: thrower(how) })
  }
}

/** How an error is hostile. `""` is none at all. */
export type HostileError =
  | ""
  | "message"
  | "stack"
  | "name"
  | "Symbol as name"
  | "cause"
  | "own property"
  | "revoked Proxy"

/** All the ways in which an error is hostile. */
export const hostileErrors = [
  "message",
  "stack",
  "name",
  "Symbol as name",
  "cause",
  "own property",
  "revoked Proxy"
] as const satisfies ReadonlyArray<HostileError>

/** Makes an error that throws when it is looked at, or that cannot be cloned. */
export const makeError = (how: Exclude<HostileError, "">): unknown =>
  how === "revoked Proxy"
    ? revoked()
    : how === "Symbol as name"
      ? Object.assign(new Error("hostile"), { name: Symbol("name") })
      : Object.defineProperty(new Error("hostile"), how === "own property" ? "own" : how, {
          enumerable: how === "own property",
          get: thrower(how)
        })

// -----------------------------------------------------------------------------
// Tasks
// -----------------------------------------------------------------------------

/** Returns such a value. */
export const returnValue = (how: HostileValue): unknown => makeValue(how)

/** The same, by a Promise. */
export const resolveValue = (how: HostileValue): Promise<unknown> => Promise.resolve().then(() => makeValue(how))

/** Throws such an error. */
export const throwError = (how: HostileError): string => {
  if (how !== "") throw makeError(how)
  return "fine"
}

/** Rejects with such an error. */
export const rejectError = (how: HostileError): Promise<string> => Promise.resolve().then(() => throwError(how))

/** Says whether it got the item that says so. */
export const isFine = (item: unknown): boolean => item === "fine"

// -----------------------------------------------------------------------------
// Hooks
// -----------------------------------------------------------------------------

/** A state that such a value is. */
export const openValue = (how: HostileValue): unknown => makeValue(how)

/** Throws such an error. */
export const openError = (how: HostileError): string => throwError(how)

/** An exit result that such a value is. */
export const closeValue = (how: HostileValue): unknown => makeValue(how)

/** Throws such an error. */
export const closeError = (how: HostileError): string => throwError(how)

/** A state that is a bound name. */
export const openBound = (bound: { readonly name: string }): string => bound.name

/** A state that is a name, after `milliseconds`. */
export const openAfter = async (name: string, milliseconds: number): Promise<string> => {
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
  return name
}

/** Never settles in the second slot. */
export const pendInSecond = (worker: WorkerContext<void>): string | Promise<never> =>
  worker.id === 1 ? new Promise(() => {}) : "first"

/** Throws when the worker's state is not a name. */
export const failIn = (slot: number, n: number, worker: WorkerContext): number | Promise<number> => {
  if (worker.id === slot) throw new RangeError(`item ${n}`)
  return n
}

/** Never settles, and ignores its signal, for one item. */
export const ignoreAt = (item: number, n: number): number | Promise<never> => (n === item ? new Promise(() => {}) : n)

/** Fails "fail" soon, and never settles "pend", which ignores its signal. */
export const pendOrFail = async (what: "pend" | "fail"): Promise<never> => {
  await new Promise((resolve) => (what === "fail" ? setTimeout(resolve, 20) : undefined))
  throw new RangeError(what)
}
