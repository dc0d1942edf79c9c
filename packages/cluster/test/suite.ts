import { afterAll, beforeAll } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { runSuite } from "../../core/test/utils/runtimeSuite.ts"
import { without } from "../../core/test/utils/without.ts"
import { clusterOf, type RunnerOptions, secret, startRunner } from "./runners.ts"

/** The conformance suite over two runners, each a process, with workers of one kind. */
export const suiteOver = (workers: NonNullable<RunnerOptions["workers"]>): void => {
  const scope = Scope.makeUnsafe()
  let addresses: ReadonlyArray<string> = []
  beforeAll(async () => {
    const start = Effect.all(
      [1, 2].map(() => startRunner({ workers, slots: 16, secret })),
      { concurrency: 2 }
    )
    const runners = await Effect.runPromise(Scope.provide(start, scope))
    addresses = runners.map(({ address }) => address)
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  const runtime = Layer.unwrap(Effect.sync(() => clusterOf(addresses, { secret })))
  const cannot = workers === "threads" ? without.threads : []
  runSuite(`two runners with ${workers}`, runtime, {
    without: [...without.processes, ...without.farAway, ...without.elsewhere, ...cannot]
  })
}
