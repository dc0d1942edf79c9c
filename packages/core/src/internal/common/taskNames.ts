/**
 * What errors call a task or hook (F7).
 */
import * as portable from "../task/portable.ts"
import { guarded } from "./turn.ts"

/** Its module's URL and its name there, or the name of a function; `undefined` for what has no name. */
export const nameOf = (code: portable.Addressed): string | undefined => nameAt(portable.definition(code).address)

/** The same, of what is at an address. */
export const nameAt = (address: portable.Address): string | undefined => {
  switch (address._tag) {
    case "Export":
      return portable.key(address)
    case "Bound":
      return nameAt(address.target)
    case "Inline":
      return /^(?:async\s+)?function\s*\*?\s*([\w$]+)/.exec(address.source)?.[1]
    case "Closure":
      // a Proxy, say, may throw when it is asked
      return guarded(
        () => nameGiven((address.value as Partial<Record<"name", unknown>>).name),
        () => {}
      )
  }
}

const nameGiven = (name: unknown): string | undefined => (typeof name === "string" && name !== "" ? name : undefined)
