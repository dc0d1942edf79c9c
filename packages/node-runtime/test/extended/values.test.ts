/** All kinds of values, in every position, on every runtime; docs/values.md is what is found here (`vitest -u` renews it). */
import { WorkerRuntime } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import { kinds, type Kind } from "../../../core/src/testing/suite.values.ts"
import { outcomes, positions } from "../../../core/src/testing/internal/values.ts"
import { bare } from "../support.ts"

const runtimes = {
  fibers: WorkerRuntime.layerFibers(),
  threads: NodeWorkerRuntime.layerThreads(bare),
  processes: NodeWorkerRuntime.layerProcesses(bare)
}

type Name = keyof typeof runtimes

const names = Object.keys(runtimes) as ReadonlyArray<Name>

/** What becomes of each kind on a runtime, which must be the same in all positions. */
const found: Record<Name, ReadonlyArray<string>> = { fibers: [], threads: [], processes: [] }

const isRight = ({ refused }: Kind, outcome: string): boolean =>
  outcome === "arrives" ? refused !== "always" : outcome === "refused" && refused !== undefined

const heading = `# What crosses, and as what

What a task is given, returns or fails with, what is bound to it, and what hooks return crosses between the pool and its
workers, and arrives as it was sent, or is refused with \`NotSerializable\` for that item alone. The test
\`packages/node-runtime/test/extended/values.test.ts\` tries the kinds below as inputs, results, bound values, properties of
errors, exit results and state, on each runtime, and writes this page.

Objects of classes of your own become plain objects, as structured clone documents; with the Schemas of \`Portable.make\`
they stay what they are. An error that is an item, a result, a failure or bound keeps its name, message, stack, cause,
\`_tag\` and own properties; one within another value keeps what structured clone keeps of it. A view of less than a half of
its memory, and any Buffer, arrives with memory of its own, so that two of them share none there.

| | ${names.join(" | ")} |
| --- | ${names.map(() => "---").join(" | ")} |
`

describe("values of all kinds", () => {
  for (const name of names) {
    it.live(`S3 arrive as they were sent, or are refused, in every position, on ${name}`, () =>
      Effect.gen(function* () {
        const wrong: Array<string> = []
        const perKind = kinds.map((): Set<string> => new Set())
        for (const position of positions) {
          const here = yield* Effect.scoped(outcomes(position))
          wrong.push(...here.slice(kinds.length).map((problem) => `${position}: ${problem}`))
          for (const [index, kind] of kinds.entries()) {
            const outcome = here[index]!
            perKind[index]!.add(outcome)
            if (!isRight(kind, outcome)) wrong.push(`${kind.name}, ${position}: ${outcome}`)
          }
        }
        assert.deepStrictEqual(wrong, [])
        found[name] = perKind.map((outcomes) => [...outcomes].toSorted().join(" or "))
      }).pipe(Effect.provide(runtimes[name]))
    )
  }

  it("S3 are listed in docs/values.md", async () => {
    const told = (outcome: string | undefined, { as }: Kind) =>
      (outcome ?? "").replace("arrives", as ?? "arrives").replace("refused", "`NotSerializable`")
    const rows = kinds.map(
      (kind, index) => `| ${kind.name} | ${names.map((name) => told(found[name][index], kind)).join(" | ")} |`
    )
    await expect(`${heading}${rows.join("\n")}\n`).toMatchFileSnapshot(
      fileURLToPath(new URL("../../../../docs/values.md", import.meta.url))
    )
  })
})
