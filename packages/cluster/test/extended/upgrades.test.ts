/** Runners of another protocol or of another deployment, as during a rolling upgrade. */
import { ClusterRuntime, Members } from "@effect-mpire/cluster"
import { Portable, WorkerPool } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { createServer, type Server } from "node:net"
import { Link } from "../../src/internal/link/link.ts"
import { clusterOf, eventually, type RunnerProcess, startRunner } from "../runners.ts"
import { recordedLog } from "../support.ts"

const tasks = Portable.module<typeof import("../fixtures/cluster.tasks.ts")>(
  new URL("../fixtures/cluster.tasks.ts", import.meta.url)
)

const items = Array.from({ length: 200 }, (_, n) => ({ n, millis: 10 }))

const squares = items.map(({ n }) => n * n)

/** What a runner does that speaks the next protocol: it refuses each greeting. Counts them. */
const nextProtocol: Effect.Effect<{ readonly address: string; readonly greetings: () => number }, never, Scope.Scope> =
  Effect.gen(function* () {
    let greetings = 0
    const server = yield* Effect.acquireRelease(
      Effect.callback<Server>((resume) => {
        const server = createServer((socket) => {
          const link = new Link(socket)
          link.receive((_, bytes) => {
            greetings++
            const { protocol } = JSON.parse(bytes.toString("utf8")) as { readonly protocol: number }
            const [here, there] = [String(protocol + 1), String(protocol)]
            link.say({ _tag: "Refused", why: { _tag: "VersionMismatch", what: "protocol", here, there } })
            link.receive(() => {})
            link.end()
          })
        })
        server.listen({ host: "127.0.0.1", port: 0 }, () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
    )
    const { port } = server.address() as { readonly port: number }
    return { address: `127.0.0.1:${port}`, greetings: () => greetings }
  })

const mapped = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
  yield* pool.start
  return yield* pool.map(items, tasks.squareAfter, { chunkSize: 5 })
})

const memberOf = ({ port }: RunnerProcess): Members.Member => ({ host: "127.0.0.1", port, labels: [] })

describe("a runner of another version", () => {
  /** Accident: a runner speaks another protocol. */
  it.live("K12 is left out by itself if it speaks another protocol, which the log says once", () =>
    Effect.gen(function* () {
      const runner = yield* startRunner({ slots: 2 })
      const newer = yield* nextProtocol
      const { layer, lines } = recordedLog()
      const results = yield* Effect.gen(function* () {
        const results = yield* mapped
        // it is greeted again and again: it may have been replaced
        yield* eventually(Effect.sync(() => newer.greetings() >= 3))
        return results
      }).pipe(Effect.scoped, Effect.provide(clusterOf([newer.address, runner.address])), Effect.provide(layer))
      assert.deepStrictEqual(results, squares)
      assert.strictEqual(lines.length, 1, lines.join("\n"))
      for (const part of ["Warn", newer.address, "protocol", "1", "2"]) assert.include(lines[0], part)
    })
  )

  /** Accident: a runner names another `deployment` than the driver. */
  it.live("K12 is left out by itself if it names another deployment than the driver, which the log says once", () =>
    Effect.gen(function* () {
      const [old, next] = yield* Effect.all([
        startRunner({ slots: 2, deployment: "v1" }),
        startRunner({ slots: 2, deployment: "v2" })
      ])
      const { layer, lines } = recordedLog()
      const pids = yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
        yield* eventually(Effect.sync(() => lines.length > 0))
        yield* pool.start
        const inputs = Array.from({ length: 20 }, () => 10)
        return yield* pool.map(inputs, tasks.whereAfter, { chunkSize: 1 })
      }).pipe(
        Effect.scoped,
        Effect.provide(clusterOf([old.address, next.address], { deployment: "v1" })),
        Effect.provide(layer)
      )
      assert.deepStrictEqual([...new Set(pids)], [old.child.pid])
      assert.strictEqual(lines.length, 1, lines.join("\n"))
      for (const part of [next.address, "deployment", "v1", "v2"]) assert.include(lines[0], part)
    })
  )
})

describe("a rolling upgrade", () => {
  /** Accident: all runners are replaced in the midst of a map. */
  it.live(
    "K8 K9 K12 runners of another deployment come, the old ones drain one by one, and the map goes on",
    () =>
      Effect.gen(function* () {
        // runners outlive the pool
        const scope = yield* Effect.scope
        const start = (deployment: string) => startRunner({ slots: 2, deployment })
        const old = yield* Effect.all([start("v1"), start("v1")])
        const list = yield* SubscriptionRef.make(old.map(memberOf))
        const runtime = ClusterRuntime.layer({
          members: Members.make({ changes: SubscriptionRef.changes(list) }),
          insecure: true
        })
        yield* Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 4, keepAlive: true })
          yield* pool.start
          const upgrade = { isOver: false }
          const inputs = function* () {
            for (let n = 0; !upgrade.isOver; n++) yield { n, millis: 10 }
          }
          const map = yield* Effect.forkChild(
            pool.map(inputs(), tasks.squareAndWhere, { chunkSize: 5, maxActive: 40 }),
            {
              startImmediately: true
            }
          )
          yield* eventually(Effect.map(pool.stats, ({ busy }) => busy === 4))
          const next = yield* Scope.provide(Effect.all([start("v2"), start("v2")]), scope)
          yield* SubscriptionRef.set(list, [...old, ...next].map(memberOf))
          for (const runner of old) {
            yield* Effect.sync(() => runner.child.kill("SIGTERM"))
            yield* Effect.promise(() => runner.ended)
            yield* eventually(Effect.map(pool.stats, ({ busy }) => busy === 4))
          }
          yield* SubscriptionRef.set(list, next.map(memberOf))
          upgrade.isOver = true
          const results = yield* Fiber.join(map)
          assert.deepStrictEqual(
            results.map(({ square }) => square),
            results.map((_, n) => n * n)
          )
          const pids = new Set(results.map(({ pid }) => pid))
          for (const { child } of [...old, ...next]) assert.isTrue(pids.has(child.pid!))
          assert.strictEqual((yield* pool.stats).lost, 0)
        }).pipe(Effect.scoped, Effect.provide(Layer.orDie(runtime)))
      }),
    120_000
  )
})
