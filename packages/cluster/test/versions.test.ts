/** What a runner and a driver must have in common. */
import { assert, it } from "@effect/vitest"
import { difference } from "../src/internal/link/versions.ts"

const here = { protocol: 1, library: "0.1.0", engine: "node", major: 24, deployment: "a1" }

interface Driver {
  readonly there: object
  /** What is refused of it, without `allowMixed` and with it. */
  readonly plain?: string
  readonly mixed?: string
}

const drivers: ReadonlyArray<Driver> = [
  { there: {} },
  { there: { library: "9.9.9" } },
  { there: { protocol: 2 }, plain: "protocol", mixed: "protocol" },
  { there: { engine: "bun" }, plain: "engine", mixed: "engine" },
  { there: { major: 22 }, plain: "major" },
  { there: { deployment: "b2" }, plain: "deployment", mixed: "deployment" },
  { there: { deployment: undefined } },
  { there: { major: 22, deployment: "b2" }, plain: "major", mixed: "deployment" },
  { there: { protocol: 2, engine: "bun", major: 1 }, plain: "protocol", mixed: "protocol" }
]

it.each(drivers)("K12 compares a greeting: %o", ({ mixed, plain, there }) => {
  const driver = { ...here, ...there }
  assert.strictEqual(difference(here, driver, false)?.what, plain)
  assert.strictEqual(difference(here, driver, true)?.what, mixed)
})

it("K12 says what differs on either side", () => {
  assert.deepStrictEqual(difference(here, { ...here, major: 22 }, false), { what: "major", here: "24", there: "22" })
})
