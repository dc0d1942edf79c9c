/**
 * Checks options (C8), and translates them into the engine's terms.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { isPortable } from "../../Portable.ts"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Code } from "../../WorkerRuntime.ts"
import * as Chunking from "../call/chunking.ts"
import type { Retries } from "../call/resends.ts"
import { areOptions, invalidOption, noOptions } from "../common/options.ts"
import type { Hooks } from "../slot/hooks.ts"
import type { DispatchOptions, OnWorkerLost, PoolOptions } from "./dispatchOptions.ts"
import { nearest } from "./nearest.ts"

/** Options of a map-family call, whatever their hooks' types. */
export interface AnyCallOptions extends DispatchOptions {
  readonly init?: unknown
  readonly exit?: unknown
}

/** Options of a pool, whatever its hooks' types. */
export interface AnyPoolOptions extends PoolOptions, AnyCallOptions {
  readonly services?: unknown
}

/** Those of a pool that has been made: it has a name. */
export type NamedPoolOptions = AnyPoolOptions & { readonly name: string }

interface Check {
  readonly expected: string
  readonly accepts: (value: unknown) => boolean
}

const integer = (least: number): Check => ({
  expected: `an integer >= ${least}`,
  accepts: (value) => Number.isSafeInteger(value) && (value as number) >= least
})

/** Whether it is the option `progress`: a label, or an object with one and nothing that there is not. */
const isProgress = (value: unknown): boolean => {
  const isLabel = (label: unknown) => typeof label === "string" && label !== ""
  if (typeof value !== "object" || value === null) return isLabel(value)
  const { label, unit, weight, ...others } = value as { readonly [option: string]: unknown }
  return (
    isLabel(label) &&
    (unit === undefined || isLabel(unit)) &&
    (weight === undefined || typeof weight === "function") &&
    Object.keys(others).length === 0
  )
}

const isDuration = (value: unknown): boolean => {
  if (typeof value === "number") return value >= 0
  const duration = Duration.fromInput(value as Duration.Input)
  return Option.isSome(duration) && Duration.toMillis(duration.value) >= 0
}

const duration: Check = { expected: "a duration >= 0", accepts: isDuration }

/** What each option accepts; `satisfies` makes an option without a check a type error. */
const checks = {
  name: {
    expected: "a text that is not empty",
    accepts: (value) => typeof value === "string" && value !== ""
  },
  size: integer(1),
  minSize: integer(0),
  chunkSize: integer(1),
  chunks: integer(1),
  length: integer(0),
  maxActive: integer(1),
  lifespan: integer(1),
  tasksPerWorker: integer(1),
  maxPending: integer(1),
  timeout: duration,
  initTimeout: duration,
  exitTimeout: duration,
  startTimeout: duration,
  killAfter: {
    expected: `a duration >= 0 or "never"`,
    accepts: (value) => value === "never" || isDuration(value)
  },
  onWorkerLost: {
    expected: `"fail" or { retries: an integer >= 0 }`,
    accepts: (value) =>
      value === "fail" || integer(0).accepts((value as { readonly retries?: unknown } | null)?.retries)
  },
  keepAlive: {
    expected: "a boolean or a duration >= 0",
    accepts: (value) => typeof value === "boolean" || isDuration(value)
  },
  dispatch: {
    expected: `"available" or "ordered"`,
    accepts: (value) => value === "available" || value === "ordered"
  },
  describe: {
    expected: "a function or false",
    accepts: (value) => value === false || typeof value === "function"
  },
  progress: {
    expected: "a text that is not empty, or { label, unit?, weight? }",
    accepts: isProgress
  },
  trace: {
    expected: `"calls", "items" or false`,
    accepts: (value) => value === "calls" || value === "items" || value === false
  }
} satisfies Record<keyof PoolOptions, Check>

const isChecked = (option: string): option is keyof typeof checks => Object.hasOwn(checks, option)

const roles = ["init", "exit", "services"] as const

const isRole = (option: string): boolean => (roles as ReadonlyArray<string>).includes(option)

/** Whose options they are: a pool has all, and what is not a call's would be of no effect there. */
export type Owner = "pool" | "call" | "mapArray" | "run"

const ofPools: ReadonlySet<string> = new Set([
  "name",
  "size",
  "minSize",
  "keepAlive",
  "tasksPerWorker",
  "maxPending",
  "killAfter",
  "startTimeout",
  "services"
] satisfies ReadonlyArray<Exclude<keyof AnyPoolOptions, keyof AnyCallOptions>>)

const ofRuns: ReadonlySet<string> = new Set([
  "timeout",
  "onWorkerLost",
  "describe",
  "progress",
  "trace"
] satisfies ReadonlyArray<keyof AnyCallOptions>)

const isOf = (owner: Owner, option: string): boolean => {
  if (owner === "pool") return true
  if (owner === "run") return ofRuns.has(option)
  return !ofPools.has(option) && (owner === "call" || option !== "length")
}

/** The error for the first option that is out of its range (C8), or hook or `services` without an address, if any. */
export const invalid = (options: AnyPoolOptions, owner: Owner): WorkerPoolError.WorkerPoolError | undefined => {
  if (!areOptions(options)) return noOptions(options)
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined) continue
    if (!isChecked(option) && !isRole(option)) return unknownOption(option, value)
    if (!isOf(owner, option)) return misplacedOption(option, value, owner)
    if (!isChecked(option)) continue
    const check = checks[option]
    if (!check.accepts(value)) return invalidOption(option, value, check.expected)
  }
  for (const role of roles) {
    const value = options[role]
    if (value !== undefined && !isPortable(value)) return notPortable(role, value)
  }
  return undefined
}

/** The error for an option that there is not, which JavaScript lets pass. */
const unknownOption = (option: string, value: unknown): WorkerPoolError.WorkerPoolError => {
  const meant = nearest(option, [...Object.keys(checks), ...roles])
  const hint = meant === undefined ? "" : ` (did you mean "${meant}"?)`
  return invalidOption(option, value, `left out, because there is no such option${hint}`)
}

/** The error for an option of something else, which JavaScript lets pass. */
const misplacedOption = (option: string, value: unknown, owner: Owner): WorkerPoolError.WorkerPoolError => {
  const whose = ofPools.has(option) ? "of the pool" : owner === "run" ? "of `map` and its like" : "of other calls"
  const where = owner === "call" ? "here" : `of \`${owner}\``
  return invalidOption(option, value, `left out ${where}, because it is an option ${whose}`)
}

/** The error for a task, hook or `services` without an address, such as a closure that was cast past the types. */
export const notPortable = (role: string, value: unknown): WorkerPoolError.WorkerPoolError =>
  WorkerPoolError.make(new WorkerPoolError.NotPortable({ role, value }))

/**
 * The options, with those replaced that `overrides` sets; each of `chunkSize` and `chunks` replaces the other. Of what cannot
 * have options it returns that, for `invalid` to refuse.
 */
export const override = <A extends AnyCallOptions>(options: A, overrides: Partial<A> | undefined): A => {
  if (overrides === undefined || !areOptions(options)) return options
  if (!areOptions(overrides)) return overrides as A
  const replaced =
    overrides.chunkSize !== undefined
      ? { chunks: undefined }
      : overrides.chunks !== undefined
        ? { chunkSize: undefined }
        : {}
  const named = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined))
  return { ...options, ...replaced, ...named }
}

/** In milliseconds; `undefined` when there is no limit. */
export const millis = (input: Duration.Input | undefined): number | undefined => {
  if (input === undefined) return undefined
  const value = Duration.toMillis(Duration.fromInputUnsafe(input))
  return value === Number.POSITIVE_INFINITY ? undefined : value
}

/** In milliseconds; `undefined` when an item that does not yield is waited for. */
export const killAfter = (input: Duration.Input | "never" | undefined): number | undefined =>
  input === "never" ? undefined : millis(input ?? 1000)

/** In milliseconds; `undefined` when there is no limit. */
export const startTimeout = (input: Duration.Input | undefined): number | undefined => millis(input ?? 30_000)

/** How often a lost item is sent again, by `onWorkerLost` (F2). */
export const retries = (input: OnWorkerLost | undefined): Retries =>
  input === undefined || input === "fail" ? "never" : input.retries

/** The chunking that options ask for; `length` is how many items there are, where that is known. */
export const chunking = (options: AnyCallOptions, length: number | undefined): Chunking.Chunking => {
  if (options.chunkSize !== undefined) return Chunking.fixed(options.chunkSize)
  if (options.chunks !== undefined && length !== undefined) return Chunking.byCount(options.chunks, length)
  return options.dispatch === "ordered" ? Chunking.repeatable : Chunking.automatic
}

/** `false`: workers are released when a call ends; `true`: kept; a number: released after that many idle milliseconds. */
export type KeepAlive = boolean | number

export const keepAlive = (input: boolean | Duration.Input | undefined): KeepAlive =>
  input === undefined ? false : typeof input === "boolean" ? input : (millis(input) ?? true)

/** In milliseconds; `initTimeout` has no default (T1). */
const defaultExitTimeout = 30_000

/** Whether the options of a call name any hooks, or what goes with them. */
export const namesHooks = ({ exit, exitTimeout, init, initTimeout, lifespan }: AnyCallOptions): boolean =>
  [exit, exitTimeout, init, initTimeout, lifespan].some((value) => value !== undefined)

/** The hooks in the options of a pool or call; those that the options do not set are taken from `base` (L6). */
export const hooks = (options: AnyCallOptions, base?: Hooks): Hooks => ({
  init: options.init === undefined ? base?.init : (options.init as Code),
  exit: options.exit === undefined ? base?.exit : (options.exit as Code),
  lifespan: options.lifespan ?? base?.lifespan,
  initTimeout: options.initTimeout === undefined ? base?.initTimeout : millis(options.initTimeout),
  exitTimeout:
    options.exitTimeout === undefined
      ? base === undefined
        ? defaultExitTimeout
        : base.exitTimeout
      : millis(options.exitTimeout)
})
