/**
 * What a driver and a runner must have in common (K12).
 */
import type { Versions } from "./words.ts"

/** The version of the protocol between drivers and runners, and of the messages within. */
const protocol = 1

/** The version of this package; a test compares it with the manifest. */
export const library = "0.1.0"

const engine = process.versions["bun"] !== undefined ? "bun" : process.versions["deno"] !== undefined ? "deno" : "node"

/** What this process is, as its greeting tells. */
export const mine = (deployment: string | undefined): Versions => ({
  protocol,
  library,
  engine,
  major: Number(process.versions.node.split(".")[0]),
  ...(deployment === undefined ? {} : { deployment })
})

/** What differs and must not. `here` is the runner's. */
export interface Difference {
  readonly what: string
  readonly here: string
  readonly there: string
}

/**
 * What of a driver's versions must not differ from a runner's and does. The serialisation of one major version of Node.js has
 * values that another cannot read: with `allowMixed` whoever runs them answers for that. A version of the library alone may
 * differ, as during a rolling upgrade, since the protocol has a number of its own.
 */
export const difference = (here: Versions, there: Versions, allowMixed: boolean): Difference | undefined => {
  const compared: ReadonlyArray<keyof Versions> = allowMixed
    ? ["protocol", "engine", "deployment"]
    : ["protocol", "engine", "major", "deployment"]
  const what = compared.find((key) =>
    key === "deployment" ? differs(here.deployment, there.deployment) : here[key] !== there[key]
  )
  return what === undefined ? undefined : { what, here: String(here[what]), there: String(there[what]) }
}

/** Where only one end names its deployment, there is nothing to compare. */
const differs = (here: string | undefined, there: string | undefined): boolean =>
  here !== undefined && there !== undefined && here !== there
