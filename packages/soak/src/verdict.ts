/**
 * Whether what an operation came to is what it had to come to.
 */
import { WorkerPoolError } from "@effect-mpire/core"
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import { isDeepStrictEqual } from "node:util"
import { type Act, answer, failsByResult, type Item, isUnreadable, maySucceed } from "./item.ts"
import type { Hooks } from "./layers.ts"
import type { Call, CallKind, Operation } from "./script.ts"
import { later, type Reach, sourceFailed } from "./sources.ts"

/** What went on in the pool while the operation did. */
export interface Circumstances {
  readonly lost: number
  readonly killed: number
  readonly terminated: boolean
  readonly closed: boolean
  readonly maxPending: boolean
  readonly initFails: boolean
  readonly exitFails: boolean
  /** By operation: hostile hooks whose `init` its workers may have run, and whose `exit` (L6, L10). */
  readonly inits: Hooks
  readonly exits: Hooks
  /** Whether workers can be lost at all. */
  readonly mayLose: boolean
  /** The operation whose hostile `init` was what a worker did last, if it was. */
  readonly doomed: (worker: number, generation: number) => number | undefined
}

/** An item's outcome, as the Exit kinds give it. */
export interface Outcome {
  readonly index: number
  readonly exit: Exit.Exit<unknown, unknown>
}

export interface Performed {
  readonly operation: Operation
  readonly exit: Exit.Exit<unknown, unknown>
  /** The results that came, in the order in which they came. */
  readonly results: ReadonlyArray<unknown>
  /** What its source says of itself, when all is over. */
  readonly source: Pick<Reach, "hasInterrupted" | "late" | "pulls" | "returns">
}

/** The problems with it. */
export const judge = (performed: Performed, around: Circumstances): ReadonlyArray<string> => {
  const { exit, operation, source } = performed
  const problems: Array<string> = []
  if (Exit.isFailure(exit)) problems.push(...unexplained(exit.cause, operation, around, operation.call?.items ?? []))
  if (operation.call !== undefined) problems.push(...results(performed, operation.call, around))
  if (source.hasInterrupted && !(Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause)))
    problems.push("it was not interrupted, though its source interrupted it")
  const isReturn = ({ _tag, error }: { readonly _tag: string; readonly error?: unknown }) =>
    _tag === "Fail" && WorkerPoolError.isWorkerPoolError(error) && error.reason._tag === "InputFailed"
  if (operation.call?.source === "returnThrows" && Exit.isFailure(exit) && exit.cause.reasons.every(isReturn))
    problems.push("it failed by nothing but what its source threw when no more was wanted")
  if (source.returns > 1) problems.push(`its source was told ${source.returns} times that no more is wanted`)
  if (source.late > 0) problems.push(`its source was pulled ${source.late} times after no more was wanted`)
  if (operation.call?.source === "endless" && source.pulls > 0 && source.returns === 0)
    problems.push("its source was never told that no more is wanted")
  return problems
}

const results = ({ exit, operation, results }: Performed, call: Call, around: Circumstances): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const { items, take } = call
  const kind = operation.kind as CallKind
  const isComplete = Exit.isSuccess(exit)
  const wanted = Math.min(take ?? items.length, items.length)
  const isWhole = take === undefined || take > items.length
  if (isComplete && isWhole && failing.has(call.source)) problems.push("it succeeded, though its source failed")
  if (isComplete && isWhole && call.source === "silent") problems.push("it succeeded, though its source had not ended")
  if (kind === "forEach") {
    const culprit = items.find(({ act }) => !maySucceed(act) && !failsByResult(act))
    if (isComplete && culprit !== undefined) problems.push(`it succeeded, though item ${culprit.index} could not`)
    return problems
  }
  if (isComplete && results.length !== wanted) problems.push(`it gave ${results.length} results, not ${wanted}`)
  const isExit = kind.endsWith("Exit") || kind === "runs"
  const isOrdered = !kind.includes("Unordered")
  const seen = new Set<number>()
  results.forEach((result, position) => {
    const index = (result as { readonly index?: unknown } | undefined)?.index
    const item = typeof index === "number" ? itemAt(call, index) : undefined
    if (item === undefined) {
      problems.push(`result ${position} is of no item: ${print(result)}`)
      return
    }
    if (seen.has(item.index)) problems.push(`item ${item.index} has two results`)
    seen.add(item.index)
    if (isOrdered && item.index !== position) problems.push(`result ${position} is that of item ${item.index}`)
    const outcome = isExit ? (result as Outcome).exit : Exit.succeed(result)
    if (Exit.isFailure(outcome)) problems.push(...unexplained(outcome.cause, operation, around, [item]))
    else if (!maySucceed(item.act)) problems.push(`item ${item.index} succeeded, though it is to ${item.act}`)
    else if (!isDeepStrictEqual(outcome.value, answer(item, call.salt ?? 0)))
      problems.push(`item ${item.index} gave ${print(outcome.value)}, not ${print(answer(item, call.salt ?? 0))}`)
  })
  return problems
}

/** Sources that fail the call once all items have been pulled. */
const failing: ReadonlySet<Call["source"]> = new Set<Call["source"]>([
  "failingStream",
  "throwingGenerator",
  "throwsUnreadably",
  "throwsUndefined",
  "badResult",
  "noIterator"
])

const itemAt = ({ items, source }: Call, index: number): Item | undefined =>
  items[index] ?? (source === "endless" ? later(items, index) : undefined)

/** What nothing in the plan, and nothing that happened, explains. Items are those that may be what failed. */
const unexplained = (
  cause: Cause.Cause<unknown>,
  operation: Operation,
  around: Circumstances,
  items: ReadonlyArray<Item>
): ReadonlyArray<string> => {
  const problems: Array<string> = []
  if (cause.reasons.length === 0) problems.push("it failed for no reason")
  for (const reason of cause.reasons) {
    switch (reason._tag) {
      case "Interrupt":
        if (operation.interruptAfter === undefined && operation.call?.source !== "interrupts")
          problems.push("it was interrupted by nobody")
        break
      case "Die":
        if (!isPlanned(reason.defect, operation, items)) problems.push(`it died: ${print(reason.defect)}`)
        break
      case "Fail": {
        const { error } = reason
        const isExplained = WorkerPoolError.isWorkerPoolError(error)
          ? explains(error.reason, operation, around, items)
          : failsTyped(error, operation, items)
        if (!isExplained) problems.push(`it failed: ${print(error)}`)
      }
    }
  }
  return problems
}

const isPlanned = (defect: unknown, operation: Operation, items: ReadonlyArray<Item>): boolean => {
  if (items.some(({ act }) => isUnreadable(act))) return true
  if (defect === undefined) return items.some(({ act }) => act === "throwUndefined")
  const message = messageOf(defect)
  return (
    items.some(
      ({ act, index }) =>
        (dying.has(act) && message === `planned ${operation.number} ${index}`) ||
        (act === "noEffect" && message.includes("valid effect"))
    ) ||
    (operation.call?.loggerThrows === true && message === `hostile logger ${operation.number}`) ||
    (operation.call?.init?.unequal !== undefined && message === `hostile equal ${operation.number}`)
  )
}

/** Acts that fail with what they throw when somebody looks at what they return, or when they run. */
const dying: ReadonlySet<Act> = new Set<Act>(["die", "traps", "thenGetter", "thenThrows"])

/** What cannot be read has none. */
const messageOf = (error: unknown): string => {
  try {
    return typeof error === "string" ? error : String((error as { readonly message?: unknown } | null)?.message)
  } catch {
    return ""
  }
}

const failsTyped = (error: unknown, operation: Operation, items: ReadonlyArray<Item>): boolean =>
  isDeepStrictEqual(error, sourceFailed)
    ? operation.call?.source === "failingStream"
    : Cause.isTimeoutError(error)
      ? operation.timeoutAfter !== undefined
      : items.some(
          ({ act, index }) =>
            isUnreadable(act) ||
            (act === "fail" && isDeepStrictEqual(error, { _tag: "SoakFailed", operation: operation.number, index }))
        )

const explains = (
  reason: WorkerPoolError.Reason,
  operation: Operation,
  around: Circumstances,
  items: ReadonlyArray<Item>
): boolean => {
  switch (reason._tag) {
    case "TaskTimedOut":
      return (
        operation.call?.options.timeout !== undefined && items.some(({ index }) => isOf(reason.index, index, operation))
      )
    case "WorkerLost":
      return (
        around.mayLose &&
        around.lost + around.killed > 0 &&
        isMet(around.doomed(reason.worker, reason.generation), around.inits)
      )
    case "Terminated":
      return around.terminated
    case "PoolClosed":
      return around.closed
    case "Overloaded":
      return around.maxPending && (operation.kind === "run" || operation.kind === "runs")
    case "InitFailed":
      return (around.initFails && isOwn(reason.cause, "init")) || isHostile(reason.cause, around.inits, failingFates)
    case "ExitFailed":
      return (around.exitFails && isOwn(reason.cause, "exit")) || isHostile(reason.cause, around.exits, failingFates)
    case "NotSerializable":
      return items.some(
        ({ act, index }) =>
          isOf(reason.index, index, operation) && (reason.direction === "input" ? unsendable : unreturnable).has(act)
      )
    case "StartFailed":
      // a timer that throws while a task is being loaded cannot be told from the task's module
      return (
        [...around.inits.values()].some(({ fate }) => fate === "missing") ||
        (around.lost > 0 &&
          /planned crash|exit code 1$/.test(reason.cause instanceof Error ? reason.cause.message : ""))
      )
    case "InputFailed":
      return operation.call !== undefined && throwing.has(operation.call.source)
    case "InitTimedOut":
      return [...around.inits.values()].some(({ fate }) => fate === "never")
    case "ExitTimedOut":
      return [...around.exits.values()].some(({ fate }) => fate === "never")
    case "InvalidOptions":
    case "NotPortable":
      return false
  }
}

const unsendable: ReadonlySet<Act> = new Set<Act>(["badInput", "revoked", "getter"])

const unreturnable: ReadonlySet<Act> = new Set<Act>([
  "uncloneable",
  "traps",
  "thenGetter",
  "messageGetter",
  "stackGetter"
])

const throwing: ReadonlySet<Call["source"]> = new Set([...failing, "returnThrows" as const])

const failingFates: ReadonlySet<string | undefined> = new Set(["fails", "failsUnreadably", "failsAsPool"])

/** Whether a hook failed that the pool's plan says may fail. */
const isOwn = (cause: unknown, which: "init" | "exit"): boolean => messageOf(cause) === `planned ${which}`

/** Whether the failure of a hook is that of one of those hostile ones. */
const isHostile = (cause: unknown, hooks: Hooks, fates: ReadonlySet<string | undefined>): boolean => {
  const [, , operation] = /^hostile (init|exit) (\d+)$/.exec(messageOf(cause)) ?? []
  if (operation !== undefined) return fates.has(hooks.get(Number(operation))?.fate)
  // what cannot be read, and what looks like the pool's, does not say whose it is
  return [...hooks.values()].some(({ fate }) => fate === "failsUnreadably" || fate === "failsAsPool")
}

const isMet = (operation: number | undefined, hooks: Hooks): boolean => operation === undefined || hooks.has(operation)

/** A `run` has one item, whose index is 0. */
const isOf = (found: number | undefined, index: number, { kind }: Operation): boolean =>
  kind === "runs" ? found === 0 : found === index

export const print = (value: unknown): string => {
  try {
    return printed(value)
  } catch {
    return "what cannot be printed"
  }
}

const printed = (value: unknown): string => {
  if (WorkerPoolError.isWorkerPoolError(value))
    return `WorkerPoolError ${value.message} ${JSON.stringify(value.reason)}`
  if (value instanceof Error) return value.stack ?? String(value)
  return JSON.stringify(value, (_, part) => (part instanceof Uint8Array ? `${part.length} bytes` : part)) ?? "undefined"
}
