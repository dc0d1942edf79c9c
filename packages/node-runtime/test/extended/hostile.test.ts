/**
 * Users' code that throws where it is read, on both ends of real workers: what becomes of it is its item's, or its
 * hook's, and nobody else's.
 */
import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as hostile from "../fixtures/hostile.tasks.ts"
import { bare, reasonOf } from "../support.ts"

const tasks = Portable.module<typeof import("../fixtures/hostile.tasks.ts")>(
  new URL("../fixtures/hostile.tasks.ts", import.meta.url)
)

const names = hostile.names()

/** Each name with its neighbours, which must not be hurt. */
const inputs = names.flatMap((name) => [`before ${name}`, name, `after ${name}`])

for (const [name, runtime] of [
  ["threads", NodeWorkerRuntime.layerThreads(bare)],
  ["processes", NodeWorkerRuntime.layerProcesses(bare)]
] as const) {
  describe(`what cannot be read, on ${name}`, () => {
    it.live("F8 a revoked Proxy in the middle of a map fails it, and the pool lives on", () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
        const items: ReadonlyArray<unknown> = [1, hostile.gives("revokedProxy"), 3]
        assert.deepInclude(
          { ...reasonOf(yield* Effect.exit(pool.map(items, tasks.echo))) },
          { _tag: "NotSerializable", direction: "input", index: 1 }
        )
        assert.deepStrictEqual(yield* pool.map([1, 2, 3], tasks.echo), [1, 2, 3])
        const exits = yield* pool.mapExit(items, tasks.echo, { chunkSize: 3 })
        assert.deepStrictEqual([exits[0], exits[2]], [Exit.succeed(1), Exit.succeed(3)])
        assert.deepInclude({ ...reasonOf(exits[1]!) }, { _tag: "NotSerializable", direction: "input", index: 1 })
        assert.deepInclude(yield* pool.stats, { calls: 0, lost: 0, killed: 0 })
      }).pipe(Effect.provide(runtime))
    )

    it.live("F4 F8 an input of any kind fails its item alone", () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
        const items = names.flatMap((name, n) => [n, hostile.gives(name)])
        const exits = yield* pool.mapExit(items, tasks.echo, { chunkSize: items.length })
        exits.forEach((exit, index) => {
          if (index % 2 === 0) assert.deepStrictEqual(exit, Exit.succeed(index / 2))
          else if (Exit.isFailure(exit)) {
            const where = { _tag: "NotSerializable", direction: "input", index } as const
            assert.deepInclude({ ...reasonOf(exit) }, where, names[index >> 1])
          }
        })
        assert.deepInclude(yield* pool.stats, { live: 1, lost: 0, killed: 0 })
      }).pipe(Effect.provide(runtime))
    )

    for (const tasksPerWorker of [1, 4]) {
      it.live(`F4 F8 what a task returns, throws or goes on with ends its item alone, ${tasksPerWorker} at once`, () =>
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, tasksPerWorker })
          for (const task of ["gives", "givesLater", "throws", "fails", "dies", "goesOn"] as const) {
            // without a timeout outcomes share messages, which are sent again without those that cannot cross
            for (const options of task === "goesOn" || tasksPerWorker > 1 ? [{}] : [{}, { timeout: 30_000 }]) {
              const f: any = tasks[task]
              const exits: ReadonlyArray<Exit.Exit<unknown, unknown>> = yield* pool.mapExit(inputs, f, {
                chunkSize: inputs.length,
                ...options
              })
              exits.forEach((exit, index) => {
                const what = `${task} ${inputs[index]}`
                if (index % 3 !== 1) assert.deepStrictEqual(exit, Exit.succeed(inputs[index]), what)
                // it can be read, and so can its text
                else if (Exit.isFailure(exit)) assert.isString(Cause.pretty(exit.cause), what)
                else assert.include(["gives", "givesLater"], task, what)
              })
            }
          }
          assert.deepInclude(yield* pool.stats, { live: 1, lost: 0, killed: 0 })
        }).pipe(Effect.provide(runtime))
      )
    }

    it.live("F8 an init or exit that throws it fails with a description, and the next call finds a worker", () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
        for (const what of ["message", "revokedProxy"]) {
          const broken = Portable.bind(tasks.hook, what) as any
          const failed = reasonOf(yield* Effect.exit(pool.map([1], tasks.echo, { init: broken })))
          assert.strictEqual(failed._tag, "InitFailed", what)
          assert.isString(failed.message)
          assert.deepStrictEqual(yield* pool.map([1], tasks.echo), [1])
          yield* pool.map([1], tasks.echo, { exit: broken })
          const exited = reasonOf(yield* Effect.exit(pool.stop))
          assert.strictEqual(exited._tag, "ExitFailed", what)
          assert.isString(exited.message)
        }
        assert.deepStrictEqual(yield* pool.map([1], tasks.echo), [1])
        assert.deepInclude(yield* pool.stats, { lost: 0, killed: 0 })
      }).pipe(Effect.provide(runtime))
    )

    it.live("F4 F8 an exit that returns it is NotSerializable, or ExitFailed", () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
        for (const what of ["message", "moody"]) {
          yield* pool.map([1], tasks.echo, { exit: Portable.bind(tasks.hookGives, what) as any })
          const { _tag } = reasonOf(yield* Effect.exit(pool.stop))
          assert.strictEqual(_tag, what === "revokedProxy" ? "ExitFailed" : "NotSerializable", what)
        }
        assert.deepInclude(yield* pool.stats, { lost: 0, killed: 0 })
      }).pipe(Effect.provide(runtime))
    )
  })
}
