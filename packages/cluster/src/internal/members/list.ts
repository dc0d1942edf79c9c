/**
 * Runners that somebody has written down.
 */
import type { WorkerPoolError } from "@effect-mpire/core/WorkerPoolError"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Member, Members } from "../../Members.ts"
import { areTexts, invalidOption } from "../common/options.ts"
import * as address from "./address.ts"
import { make, tidy } from "./members.ts"

const expected = `${address.written}, or { host, port, labels? }`

/** The member that an entry stands for; `undefined` when it is none. JavaScript lets anything pass. */
const read = (entry: unknown): Member | undefined => {
  if (typeof entry === "string") {
    const parsed = address.parse(entry)
    return parsed === undefined ? undefined : { ...parsed, labels: [] }
  }
  if (typeof entry !== "object" || entry === null) return undefined
  const { host, labels = [], port } = entry as { readonly [field in keyof Member]?: unknown }
  return address.isHost(host) && address.isPort(port) && areTexts(labels) ? { host, port, labels } : undefined
}

export const fromList = (entries: ReadonlyArray<unknown>): Effect.Effect<Members, WorkerPoolError> =>
  Effect.suspend(() => {
    if (!Array.isArray(entries) || entries.length === 0) {
      return Effect.fail(invalidOption("members", entries, "a list of runners that is not empty"))
    }
    const members: Array<Member> = []
    for (const [n, entry] of (entries as ReadonlyArray<unknown>).entries()) {
      const member = read(entry)
      if (member === undefined) return Effect.fail(invalidOption(`members[${n}]`, shown(entry), expected))
      members.push(member)
    }
    return Effect.succeed(make({ changes: Stream.make(tidy(members)) }))
  })

/** An object says nothing in a message, and its address does. */
const shown = (entry: unknown): unknown => {
  if (typeof entry !== "object" || entry === null) return entry
  const { host, port } = entry as { readonly host?: unknown; readonly port?: unknown }
  return typeof host === "string" && typeof port === "number" ? `${host}:${port}` : entry
}
