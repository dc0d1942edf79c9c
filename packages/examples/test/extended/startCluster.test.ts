/** `pnpm start:cluster`: runners are killed, and results are right, or else the program says so. */
import { Portable } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { job } from "../../src/cluster/main.ts"
import * as Runners from "../../src/cluster/runners.ts"
import type * as Tasks from "../../src/compress.tasks.ts"

const run = (...args: ReadonlyArray<string>) =>
  promisify(execFile)(
    process.execPath,
    [fileURLToPath(new URL("../../src/cluster/main.ts", import.meta.url)), ...args],
    // only if it hangs
    { timeout: 100_000 }
  )

/** Whether there is such a process. */
const isThere = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe("start:cluster", () => {
  it("K4 maps on two runners of which one is killed, says so, verifies the results and leaves nothing behind", async () => {
    const { stderr, stdout } = await run("--every", "12")
    assert.match(stderr, /^✔ two runners  (\d+)\/\1 files in /m)
    assert.match(stdout, /^Runner 2, process \d+ at 127\.0\.0\.1:\d+, was killed midway\.$/m)
    const [, noticed, workers, again] =
      /^(\d+) ms later.* lost with it: (\d+)\. .* runner 1: (\d+)\.$/m.exec(stdout) ?? []
    assert.strictEqual(workers, "2")
    // by the end of its connections, and not by its silence
    assert.isBelow(Number(noticed), 5000)
    assert.isAtLeast(Number(again), 1)
    assert.match(stdout, /^Verified/m)
    const pids = [...stdout.matchAll(/process (\d+) at/g)].map(([, pid]) => Number(pid))
    assert.isAtLeast(pids.length, 2)
    for (const pid of pids) assert.isFalse(isThere(pid), `${pid}`)
  })

  it.live("fails when a result is wrong", () =>
    Effect.gen(function* () {
      const wrong = Portable.module<typeof Tasks>(new URL("../fixtures/wrong.tasks.ts", import.meta.url))
      const error = yield* Effect.flip(job({ every: 24, quality: 11, slots: 2 }, wrong))
      assert.match(error.message, /the output is not the serial pass's$/)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("fails when a runner does not start", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Runners.start(2, "/no/such/secret"))
      assert.instanceOf(error, Runners.RunnerFailed)
      assert.include(error.message, "there is no such file")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it("ends with 1 when it fails", async () => {
    const failure: unknown = await run("--quality", "12").then(
      () => undefined,
      (error: unknown) => error
    )
    assert.include(failure, { code: 1 })
  })
})
