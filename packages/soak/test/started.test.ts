import { ClusterRuntime, Members } from "@effect-mpire/cluster"
import { Portable, WorkerPool } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { randomBytes, randomUUID } from "node:crypto"
import { KeptRunner } from "../src/keptRunner.ts"
import { commandOf, mark, startedWith } from "../src/started.ts"

const tasks = Portable.module<typeof import("../src/chaos.tasks.ts")>(new URL("../src/chaos.tasks.ts", import.meta.url))

const options = {
  slots: 1,
  workers: "processes",
  lease: 500,
  drainTimeout: 3_000,
  key: "EFFECT_MPIRE_STARTED_KEY"
} as const

const eventually = (isSo: () => boolean) =>
  Effect.gen(function* () {
    while (!isSo()) yield* Effect.sleep(10)
  })

/** A runner with one process as its worker, which is stopped: its id, once the runner is killed. The Scope lets it go on. */
const leftWorker = (text: string) =>
  Effect.gen(function* () {
    process.env[options.key] = randomBytes(32).toString("base64")
    mark(text)
    const runner = new KeptRunner(options)
    yield* Effect.acquireRelease(
      Effect.promise(() => runner.start()),
      () => Effect.sync(() => runner.kill())
    )
    const members = Members.fromList([`127.0.0.1:${runner.port}`])
    const layer = Layer.orDie(ClusterRuntime.layer({ members, secret: { env: options.key }, suspectAfter: 1_000 }))
    const worker = yield* Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, init: tasks.open, keepAlive: true })
      const worker = yield* pool.run(tasks.where, undefined)
      process.kill(worker, "SIGSTOP")
      const { ended } = runner
      runner.kill()
      yield* Effect.promise(() => ended)
      return worker
    }).pipe(Effect.scoped, Effect.provide(layer))
    yield* Effect.addFinalizer(() => Effect.sync(() => process.kill(worker, "SIGCONT")))
    return worker
  })

describe("what a run has started", () => {
  it.live("F5 is a worker that is left after its runner, until it ends, and nothing of another run", () =>
    Effect.gen(function* () {
      const text = randomUUID()
      const worker = yield* Effect.scoped(
        Effect.gen(function* () {
          const worker = yield* leftWorker(text)
          assert.deepStrictEqual(startedWith(text), [worker])
          assert.deepStrictEqual(startedWith(randomUUID()), [])
          assert.include(commandOf(worker), process.execPath)
          return worker
        })
      )
      // it goes on, and finds that its runner has gone
      yield* eventually(() => startedWith(text).length === 0)
      assert.strictEqual(commandOf(worker), "")
    })
  )

  it.live("a runner that ends by itself is a fault of it, and one that is killed is none", () =>
    Effect.gen(function* () {
      process.env[options.key] = randomBytes(32).toString("base64")
      const runner = new KeptRunner({ ...options, workers: "threads" })
      yield* Effect.acquireRelease(
        Effect.promise(() => runner.start()),
        () => Effect.sync(() => runner.kill())
      )
      for (const [signal, faults] of [
        ["SIGKILL", []],
        ["SIGABRT", []],
        ["SIGUSR2", ["SIGUSR2"]]
      ] as const) {
        const { starts } = runner
        runner.victim.kill(signal)
        yield* eventually(() => runner.starts > starts && runner.isWell)
        assert.deepStrictEqual<ReadonlyArray<string>>(runner.faults, faults)
      }
      // it is asked to, and drains
      assert.strictEqual(yield* Effect.promise(() => runner.end()), 0)
      const wrong = new KeptRunner({ ...options, slots: 0 })
      yield* Effect.acquireRelease(
        Effect.sync(() => void wrong.start()),
        () => Effect.sync(() => wrong.kill())
      )
      yield* eventually(() => wrong.faults.length > 0)
      assert.strictEqual(wrong.faults[0], "code 1")
    })
  )
})
