/**
 * Operations and what comes of them, in words.
 */
import type * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import type * as script from "./script.ts"
import { print } from "./verdict.ts"

/** The reasons of an Exit in a word each. */
export const kindsOf = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isSuccess(exit) ? "success" : exit.cause.reasons.map((reason) => kindOf(reason)).join("+")

/** The reasons of a Cause, with all that is known of its defects. */
export const kindsOfCause = ({ reasons }: Cause.Cause<unknown>): string =>
  reasons.map((reason) => (reason._tag === "Die" ? print(reason.defect) : kindOf(reason))).join("+")

const kindOf = (reason: { readonly _tag: string; readonly error?: any }): string =>
  reason._tag === "Fail" ? (reason.error?.reason?._tag ?? reason.error?._tag ?? "Fail") : reason._tag

/** An operation, for whoever wants to play it again. */
export const describe = ({
  call,
  hostile,
  interruptAfter,
  kind,
  number,
  place,
  timeoutAfter
}: script.Operation): string =>
  `operation ${number} (${hostile === undefined ? "" : `${hostile}: `}${kind} at place ${place}${interruptAfter === undefined ? "" : `, interrupted after ${interruptAfter} ms`}` +
  (timeoutAfter === undefined ? "" : `, given up after ${timeoutAfter} ms`) +
  `${call === undefined ? "" : `, ${call.items.length} items${acts(call)} of a ${call.source}, ${print({ ...call.options, take: call.take })}${hooks(call)}`})`

const acts = ({ items }: script.Call): string => {
  const special = items.filter(({ act }) => act !== "ok" && act !== "wait")
  return special.length === 0
    ? ""
    : ` (${special
        .slice(0, 8)
        .map(({ act, index, style }) => `${index} ${act} ${style}`)
        .join(", ")})`
}

const hooks = ({ exit, init }: script.Call): string =>
  `${init === undefined ? "" : `, init ${print(init)}`}${exit === undefined ? "" : `, exit ${print(exit)}`}`
