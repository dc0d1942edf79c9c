import { ClusterRuntime, Members, Runner } from "@effect-mpire/cluster"
import { Portable, WorkerPool } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { readFileSync } from "node:fs"
import { dial } from "../src/internal/driver/dial.ts"
import { mine } from "../src/internal/link/versions.ts"
import * as security from "../src/internal/secret/security.ts"
import { startHere } from "./here.ts"
import { reasonOf } from "../../node-runtime/test/support.ts"
import { clusterOf, eventually, secret } from "./runners.ts"
import { isRefused, recordedLog } from "./support.ts"

const square = Portable.inline((n: number) => n * n)

const lengthOf = Portable.inline((bytes: Uint8Array) => bytes.length)

const zeros = Portable.inline((length: number) => new Uint8Array(length))

const sleeping = Portable.inline(
  (millis: number) => new Promise<number>((resolve) => setTimeout(() => resolve(millis), millis))
)

const environment = Portable.inline(() => Object.values(process.env).join(" "))

const at = ({ port }: Runner.Runner["Service"]) => `127.0.0.1:${port}`

const refused: ReadonlyArray<readonly [option: keyof Runner.Options, value: unknown]> = [
  ["listen", "nowhere"],
  ["listen", "::1:80"],
  ["slots", 0],
  ["slots", 1.5],
  ["workers", "fibers"],
  ["lease", 0],
  ["lease", "soon"],
  ["drainTimeout", -1],
  ["drainTimeout", "30 days"],
  ["lease", "25 days"],
  ["labels", Array.from({ length: 101 }, (_, n) => `${n}`)],
  ["labels", ["x".repeat(1001)]],
  ["deployment", "x".repeat(1001)],
  ["minTenure", 0],
  ["minTenure", "forever"],
  ["labels", [""]],
  ["deployment", ""],
  ["maxMessageSize", 0],
  ["maxMessageSize", 2 ** 32],
  ["root", "/nowhere/at/all"],
  ["inline", "yes"],
  ["cache", "large"],
  ["cache", -1],
  ["allowMixed", "yes"],
  ["workerOptions", "--max-old-space-size=100"],
  ["workerOptions", null]
]

/** What JavaScript lets be given in the place of options. */
const noOptions: ReadonlyArray<unknown> = [null, 4, "127.0.0.1:7433", ["127.0.0.1:7433"], true]

const refusedOfDriver: ReadonlyArray<readonly [option: keyof ClusterRuntime.Options, value: unknown]> = [
  ["members", ["127.0.0.1:7433"]],
  ["suspectAfter", 0],
  ["suspectAfter", "25 days"],
  ["roomTimeout", "later"],
  ["driverStall", -5],
  ["where", "gpu"],
  ["deployment", ""],
  ["maxMessageSize", Number.NaN]
]

describe("a runner's options", () => {
  for (const [option, value] of refused) {
    it.effect(`C8 refuses ${option}: ${JSON.stringify(value).slice(0, 60)}`, () =>
      Effect.scoped(
        isRefused(Layer.build(Runner.layer({ listen: "127.0.0.1:0", insecure: true, [option]: value })), option, value)
      )
    )
  }

  it.effect.each(noOptions)("C8 refuses %j in their place", (value) =>
    Effect.scoped(isRefused(Layer.build(Runner.layer(value as Runner.Options)), "options", value))
  )

  it.effect.each(noOptions)("C8 refuses %j in the place of a target", (value) =>
    isRefused(Runner.statusOf(value as Runner.Target), "options", value)
  )

  it.live("says where it cannot listen", () =>
    Effect.gen(function* () {
      const { port } = yield* startHere()
      const listen = `127.0.0.1:${port}`
      const error = yield* Effect.flip(Layer.build(Runner.layer({ listen, insecure: true })))
      assert(error._tag === "ListenFailed")
      assert.strictEqual(error.listen, listen)
    })
  )
})

describe("a driver's options", () => {
  for (const [option, value] of refusedOfDriver) {
    it.effect(`C8 refuses ${option}: ${JSON.stringify(value).slice(0, 60)}`, () =>
      Effect.scoped(
        isRefused(
          Layer.build(
            ClusterRuntime.layer({ members: Members.fromList(["127.0.0.1:7433"]), insecure: true, [option]: value })
          ),
          option,
          value
        )
      )
    )
  }

  it.effect.each(noOptions)("C8 refuses %j in their place", (value) =>
    Effect.scoped(isRefused(Layer.build(ClusterRuntime.layer(value as ClusterRuntime.Options)), "options", value))
  )

  it.live("K5 a `suspectAfter` that is not longer than a runner's lease is refused, and the error names both", () =>
    Effect.gen(function* () {
      const runner = yield* startHere({ lease: "3 seconds" })
      const exit = yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1 })
        return yield* pool.run(square, 1)
      }).pipe(
        Effect.scoped,
        Effect.provide(clusterOf([at(runner)], { secret, suspectAfter: "3 seconds", roomTimeout: "2 seconds" })),
        Effect.exit
      )
      const reason = reasonOf(exit)
      assert(reason._tag === "StartFailed")
      assert.match(
        String(reason.cause),
        /suspectAfter must be longer than the lease of the runner at .*, 3000 .*got 3000/
      )
    })
  )
})

describe("a runner", () => {
  it.live("K12 says what it is, and the library's version is that of its manifest", () =>
    Effect.gen(function* () {
      const runner = yield* startHere({ labels: ["gpu"], deployment: "a1" })
      const { engine, ...status } = yield* Runner.statusOf({ address: at(runner), secret: { env: secret } })
      const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))
      assert.deepStrictEqual(status, {
        id: runner.id,
        slots: 2,
        used: 0,
        draining: false,
        labels: ["gpu"],
        library: manifest.version,
        deployment: "a1"
      })
      assert.strictEqual(engine, `${mine(undefined).engine} ${mine(undefined).major}`)
    })
  )

  it.live("K8 drains when it is asked to, and is told as such", () =>
    Effect.gen(function* () {
      const runner = yield* startHere()
      const target = { address: at(runner), secret: { env: secret } }
      assert.isTrue((yield* Runner.drainOf(target)).draining)
      assert.isTrue((yield* runner.status).draining)
      assert.isTrue((yield* Runner.statusOf(target)).draining)
    })
  )

  it.live("K8 who asks it to drain waits until no worker is left", () =>
    Effect.gen(function* () {
      const runner = yield* startHere()
      const target = { address: at(runner), secret: { env: secret } }
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1 })
        const item = yield* Effect.forkChild(pool.run(sleeping, 4000), { startImmediately: true })
        yield* eventually(Effect.map(runner.status, ({ used }) => used === 1))
        yield* eventually(Effect.map(pool.stats, ({ busy }) => busy === 1))
        const drained = yield* Effect.forkChild(Runner.drainOf(target), { startImmediately: true })
        yield* eventually(Effect.map(runner.status, ({ draining }) => draining))
        assert.isUndefined(drained.pollUnsafe())
        assert.strictEqual(yield* Fiber.join(item), 4000)
        assert.deepInclude(yield* Fiber.join(drained), { draining: true, used: 0 })
      }).pipe(Effect.scoped, Effect.provide(clusterOf([at(runner)], { secret })))
    })
  )

  /** Accident: a runner's `lease` is too long for the driver's `suspectAfter`. */
  it.live("K5 a runner that a driver is left out by is named in its log, once, though another one serves it", () =>
    Effect.gen(function* () {
      const logged = recordedLog()
      const short = yield* startHere({ lease: "20 seconds" })
      const fitting = yield* startHere({ lease: "8 seconds" })
      const cluster = clusterOf([at(short), at(fitting)], { secret, suspectAfter: "20 seconds" })
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1 })
        assert.strictEqual(yield* pool.run(square, 3), 9)
        yield* eventually(Effect.sync(() => logged.lines.length > 0))
      }).pipe(Effect.scoped, Effect.provide(cluster), Effect.provide(logged.layer))
      assert.lengthOf(logged.lines, 1)
      assert.include(logged.lines.join(), at(short))
    })
  )

  it.live("K11 starts workers without the key", () =>
    Effect.gen(function* () {
      const runner = yield* startHere()
      const seen = yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1 })
        return yield* pool.run(environment, undefined)
      }).pipe(Effect.scoped, Effect.provide(clusterOf([at(runner)], { secret })))
      assert.isNotEmpty(seen)
      assert.notInclude(seen, process.env[secret]!)
    })
  )

  /** Accident: an input or a result is larger than `maxMessageSize`. */
  it.live("F4 a message that is too large is NotSerializable for its item, in both directions", () =>
    Effect.gen(function* () {
      const runner = yield* startHere({ maxMessageSize: 1_000_000 })
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1 })
        const inputs = [new Uint8Array(10), new Uint8Array(2_000_000), new Uint8Array(20)]
        const there = yield* pool.mapExit(inputs, lengthOf, { chunkSize: 1 })
        const back = yield* pool.mapExit([10, 2_000_000, 20], zeros, { chunkSize: 1 })
        for (const exits of [there, back]) {
          assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, false, true])
          const reason = reasonOf(exits[1]!)
          assert(reason._tag === "NotSerializable")
          assert.match(String(reason.cause), /The message has 200\d{4} bytes, and may have 1000000/)
        }
      }).pipe(Effect.scoped, Effect.provide(clusterOf([at(runner)], { secret, maxMessageSize: 1_000_000 })))
    })
  )

  it.live("brings 20 MB there and back in pieces, beside small messages", () =>
    Effect.gen(function* () {
      const runner = yield* startHere()
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
        const large = new Uint8Array(20_000_000).fill(7)
        const [length, result, squares] = yield* Effect.all(
          [pool.run(lengthOf, large), pool.run(zeros, 20_000_000), pool.map([1, 2, 3], square)],
          { concurrency: 3 }
        )
        assert.strictEqual(length, 20_000_000)
        assert.strictEqual(result.length, 20_000_000)
        assert.deepStrictEqual(squares, [1, 4, 9])
      }).pipe(Effect.scoped, Effect.provide(clusterOf([at(runner)], { secret })))
    })
  )
})

describe("a pool", () => {
  it.live("without a size has as many workers as the runners have slots", () =>
    Effect.gen(function* () {
      const runners = yield* Effect.all([startHere({ slots: 3 }), startHere({ slots: 2 })])
      const size = yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make()
        return (yield* pool.stats).size
      }).pipe(Effect.scoped, Effect.provide(clusterOf(runners.map(at), { secret })))
      assert.strictEqual(size, 5)
    })
  )

  /** Accident: the runners have less room than a pool wants. */
  it.live("K7 goes on with the workers for which there is room, and fails where there is none for any", () =>
    Effect.gen(function* () {
      const runner = yield* startHere({ slots: 1 })
      const refused = Effect.gen(function* () {
        const other = yield* WorkerPool.make({ size: 1 })
        return yield* other.run(square, 1)
      }).pipe(Effect.scoped, Effect.provide(clusterOf([at(runner)], { secret, roomTimeout: "2 seconds" })))
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 3, keepAlive: true })
        assert.deepStrictEqual(yield* pool.map([1, 2, 3, 4], square, { chunkSize: 1 }), [1, 4, 9, 16])
        assert.strictEqual((yield* pool.stats).live, 1)
        const reason = reasonOf(yield* Effect.exit(refused))
        assert(reason._tag === "StartFailed")
        assert.match(String(reason.cause), /NoRoom/)
      }).pipe(Effect.scoped, Effect.provide(clusterOf([at(runner)], { secret })))
    })
  )

  it.live(
    "K9 a pool that says no size has as many slots as its runners, and more when others join, until it is told",
    () =>
      Effect.gen(function* () {
        const [first, second, third, other] = yield* Effect.all([
          startHere({ slots: 1, labels: ["large"] }),
          startHere({ slots: 2, labels: ["large"] }),
          startHere({ slots: 4, labels: ["large"] }),
          startHere({ slots: 8, labels: ["small"] })
        ])
        const lists = yield* Queue.unbounded<ReadonlyArray<Members.Member>>()
        const join = (...runners: ReadonlyArray<Runner.Runner["Service"]>) =>
          Queue.offer(
            lists,
            runners.map(({ port }) => ({ host: "127.0.0.1", port, labels: [] }))
          )
        yield* join(first, other)
        const members = Members.make({ changes: Stream.fromQueue(lists) })
        yield* Effect.gen(function* () {
          const pool = yield* WorkerPool.make()
          const fixed = yield* WorkerPool.make({ size: 1 })
          const size = Effect.map(pool.stats, (stats) => stats.size)
          assert.strictEqual(yield* size, 1)
          yield* join(first, other, second)
          yield* eventually(Effect.map(size, (size) => size === 3))
          // who leaves takes no slot along
          yield* join(second, other)
          yield* pool.setSize(2)
          yield* join(first, second, third, other)
          const later = yield* WorkerPool.make()
          yield* eventually(Effect.map(later.stats, (stats) => stats.size === 7))
          assert.strictEqual(yield* size, 2)
          assert.strictEqual((yield* fixed.stats).size, 1)
          assert.deepStrictEqual(yield* pool.map([1, 2, 3], square), [1, 4, 9])
        }).pipe(
          Effect.scoped,
          Effect.provide(ClusterRuntime.layer({ members, secret: { env: secret }, where: ["large"] }))
        )
      })
  )

  it.live("K6 lets more drivers in than may be strangers, and serves who comes then", () =>
    Effect.gen(function* () {
      const runner = yield* startHere({ slots: 1 })
      const secured = yield* security.make({ secret: { env: secret } })
      const greet = (n: number) =>
        Effect.acquireRelease(
          dial({ host: "127.0.0.1", port: runner.port }, secured, {
            _tag: "Hello",
            ...mine(undefined),
            driver: `driver ${n}`,
            suspectAfter: 60_000
          }),
          ({ link }) => Effect.sync(() => link.destroy())
        )
      const drivers = yield* Effect.forEach(Array.from({ length: 80 }).keys(), greet, { concurrency: 8 })
      for (const { answer } of drivers) assert.strictEqual(answer._tag, "Welcome")
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1 })
        assert.strictEqual(yield* pool.run(square, 7), 49)
      }).pipe(Effect.scoped, Effect.provide(clusterOf([at(runner)], { secret })))
      for (const { link } of drivers) assert.isTrue(link.isOpen)
    })
  )

  /** Accident: a runner that drains kills a worker that has an item in hand. */
  it.live("K4 K8 charges no item when it kills what does not end in time, and says that it was the runner", () =>
    Effect.gen(function* () {
      const first = yield* startHere({ slots: 2, drainTimeout: 200 })
      const second = yield* startHere({ slots: 1 })
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, onWorkerLost: { retries: 0 } })
        const item = yield* Effect.forkChild(pool.run(sleeping, 4000), { startImmediately: true })
        yield* eventually(Effect.map(first.status, ({ used }) => used === 1))
        yield* eventually(Effect.map(pool.stats, ({ busy }) => busy === 1))
        yield* first.drain
        assert.strictEqual(yield* Fiber.join(item), 4000)
        assert.strictEqual((yield* pool.stats).lost, 1)
      }).pipe(Effect.scoped, Effect.provide(clusterOf([at(first), at(second)], { secret })))
    })
  )

  it.live("K9 labels of the list of members count as its own, and what has none of them is said", () =>
    Effect.gen(function* () {
      const runner = yield* startHere({ labels: ["large"] })
      const members = Members.fromList([{ host: "127.0.0.1", port: runner.port, labels: ["gpu"] }])
      const squared = (where: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 1 })
          return yield* pool.run(square, 5)
        }).pipe(
          Effect.scoped,
          Effect.provide(ClusterRuntime.layer({ members, secret: { env: secret }, where, roomTimeout: "2 seconds" }))
        )
      assert.strictEqual(yield* squared(["gpu", "large"]), 25)
      const reason = reasonOf(yield* Effect.exit(squared(["gpu", "small"])))
      assert(reason._tag === "StartFailed")
      assert.match(String(reason.cause), /None of 1 runners has the labels gpu, small/)
    })
  )
})
