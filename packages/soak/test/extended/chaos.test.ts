import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { chaos } from "../../src/chaos.ts"
import { mark } from "../../src/started.ts"

describe("chaos on a cluster", () => {
  it.live("F5 finds a process that is left", () =>
    Effect.gen(function* () {
      const text = randomUUID()
      mark(text)
      const args = ["-e", "setInterval(() => {}, 1000)"]
      const planted = yield* Effect.acquireRelease(
        Effect.sync(() => spawn(process.execPath, args, { stdio: "ignore" })),
        (child) => Effect.sync(() => void child.kill("SIGKILL"))
      )
      const told: Array<string> = []
      const { violations } = yield* chaos({
        seed: 1,
        seconds: 0,
        workers: "processes",
        mark: text,
        found: (problem) => void told.push(problem)
      })
      // and nothing else, such as the workers of its runners
      assert.deepStrictEqual(
        violations.map((violation) => violation.split("\n")[0]),
        [`processes are left: ${planted.pid} (${process.execPath} ${args.join(" ")})`]
      )
      assert.deepStrictEqual(told, violations)
    }).pipe(Effect.provide(Logger.layer([])))
  )
})
