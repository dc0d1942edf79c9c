/**
 * Whether what an operation came to is what it had to come to.
 */
import { WorkerPoolError } from "@effect-mpire/core"
import type * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import { isDeepStrictEqual } from "node:util"
import { answer, type Item, maySucceed } from "./item.ts"
import type { Call, CallKind, Operation } from "./script.ts"

/** What went on in the pool while the operation did. */
export interface Circumstances {
  readonly lost: number
  readonly killed: number
  readonly terminated: boolean
  readonly closed: boolean
  readonly maxPending: boolean
  readonly initFails: boolean
  readonly exitFails: boolean
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
}

export const sourceFailed = { _tag: "SourceFailed" } as const

/** The problems with it. */
export const judge = (performed: Performed, around: Circumstances): ReadonlyArray<string> => {
  const { exit, operation } = performed
  const problems: Array<string> = []
  if (Exit.isFailure(exit)) problems.push(...unexplained(exit.cause, operation, around, operation.call?.items ?? []))
  if (operation.call !== undefined) problems.push(...results(performed, operation.call, around))
  return problems
}

const results = ({ exit, operation, results }: Performed, call: Call, around: Circumstances): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const { items, take } = call
  const kind = operation.kind as CallKind
  const isComplete = Exit.isSuccess(exit)
  const wanted = Math.min(take ?? items.length, items.length)
  const isWhole = take === undefined || take > items.length
  const sourceFails = call.source === "failingStream" || call.source === "throwingGenerator"
  if (isComplete && isWhole && sourceFails) problems.push("it succeeded, though its source failed")
  if (kind === "forEach") {
    const culprit = items.find(({ act }) => !maySucceed(act) && act !== "uncloneable")
    if (isComplete && culprit !== undefined) problems.push(`it succeeded, though item ${culprit.index} could not`)
    return problems
  }
  if (isComplete && results.length !== wanted) problems.push(`it gave ${results.length} results, not ${wanted}`)
  const isExit = kind.endsWith("Exit") || kind === "runs"
  const isOrdered = !kind.includes("Unordered")
  const seen = new Set<number>()
  results.forEach((result, position) => {
    const index = (result as { readonly index?: unknown } | undefined)?.index
    const item = typeof index === "number" ? items[index] : undefined
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
        if (operation.interruptAfter === undefined) problems.push("it was interrupted by nobody")
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

const isPlanned = (defect: unknown, operation: Operation, items: ReadonlyArray<Item>): boolean =>
  defect === undefined
    ? items.some(({ act }) => act === "throwUndefined")
    : defect instanceof Error &&
      items.some(({ act, index }) => act === "die" && defect.message === `planned ${operation.number} ${index}`)

const failsTyped = (error: unknown, operation: Operation, items: ReadonlyArray<Item>): boolean =>
  isDeepStrictEqual(error, sourceFailed)
    ? operation.call?.source === "failingStream"
    : items.some(
        ({ act, index }) =>
          act === "fail" && isDeepStrictEqual(error, { _tag: "SoakFailed", operation: operation.number, index })
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
      return around.lost + around.killed > 0
    case "Terminated":
      return around.terminated
    case "PoolClosed":
      return around.closed
    case "Overloaded":
      return around.maxPending && (operation.kind === "run" || operation.kind === "runs")
    case "InitFailed":
      return around.initFails
    case "ExitFailed":
      return around.exitFails
    case "NotSerializable":
      return items.some(
        ({ act, index }) =>
          isOf(reason.index, index, operation) && act === (reason.direction === "input" ? "badInput" : "uncloneable")
      )
    case "StartFailed":
      // a timer that throws while a task is being loaded cannot be told from the task's module
      return (
        around.lost > 0 && /planned crash|exit code 1$/.test(reason.cause instanceof Error ? reason.cause.message : "")
      )
    case "InputFailed":
      return operation.call?.source === "throwingGenerator"
    case "InvalidOptions":
    case "NotPortable":
    case "InitTimedOut":
    case "ExitTimedOut":
      return false
  }
}

/** A `run` has one item, whose index is 0. */
const isOf = (found: number | undefined, index: number, { kind }: Operation): boolean =>
  kind === "runs" ? found === 0 : found === index

export const print = (value: unknown): string => {
  if (WorkerPoolError.isWorkerPoolError(value))
    return `WorkerPoolError ${value.message} ${JSON.stringify(value.reason)}`
  if (value instanceof Error) return value.stack ?? String(value)
  return JSON.stringify(value, (_, part) => (part instanceof Uint8Array ? `${part.length} bytes` : part)) ?? "undefined"
}
