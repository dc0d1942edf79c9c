/** Runners and drivers that are killed, stopped or asked to end. */
import { ClusterRuntime, Members } from "@effect-mpire/cluster"
import { Portable, WorkerPool, type WorkerRuntime } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { spawn } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { clusterOf, eventually, type RunnerProcess, secret, startRunner } from "../runners.ts"
import { folder } from "../support.ts"

const tasks = Portable.module<typeof import("../fixtures/cluster.tasks.ts")>(
  new URL("../fixtures/cluster.tasks.ts", import.meta.url)
)

// In all of these only what a test does is to cost a worker: others than the one that is stopped must be able to be late by so much
const times = { lease: 2000, suspectAfter: 4000 }

/** For tests in which nothing is to be silent for too long, however busy the machine is. */
const patient = { lease: 20_000, suspectAfter: 40_000 }

const two = ({ lease }: { readonly lease: number }) =>
  Effect.all(
    [1, 2].map(() => startRunner({ slots: 2, secret, lease, drainTimeout: 2000 })),
    { concurrency: 2 }
  )

const over = (runners: ReadonlyArray<RunnerProcess>, { suspectAfter }: { readonly suspectAfter: number } = times) =>
  clusterOf(
    runners.map(({ address }) => address),
    { secret, suspectAfter }
  )

const items = Array.from({ length: 300 }, (_, n) => ({ n, millis: 10 }))

/** How many milliseconds something may take beside what a rule says: at least so many, and more where starting `took` long. */
const slack = (least: number, took: number): number => Math.max(least, 4 * took)

const squares = items.map(({ n }) => n * n)

/** Maps over four workers of two runners, and does something to one of them midway. */
const mapWhile = (runners: ReadonlyArray<RunnerProcess>, act: (victim: RunnerProcess) => void) =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.make({ size: 4, keepAlive: true, onWorkerLost: { retries: 5 } })
    yield* pool.start
    const map = yield* Effect.forkChild(pool.map(items, tasks.squareAfter, { chunkSize: 5 }), {
      startImmediately: true
    })
    yield* eventually(Effect.map(pool.stats, ({ busy }) => busy === 4))
    const acted = performance.now()
    yield* Effect.sync(() => act(runners[0]!))
    yield* eventually(Effect.map(pool.stats, ({ lost }) => lost > 0))
    const at = performance.now()
    return { at, noticed: at - acted, results: yield* Fiber.join(map) }
  }).pipe(Effect.scoped, Effect.provide(over(runners)))

describe("a lost runner", () => {
  /** Accident: a runner is killed, or its process ends by itself. */
  it.live("K4 is noticed at once by its connections' end, and a map with retries is exact", () =>
    Effect.gen(function* () {
      let least = Number.POSITIVE_INFINITY
      // a busy machine may be late once, and not each time
      for (let n = 0; n < 3 && least >= 250; n++) {
        let ended = Number.POSITIVE_INFINITY
        const { at, results } = yield* mapWhile(yield* two(times), ({ child }) => {
          child.kill("SIGKILL")
          child.once("exit", () => {
            ended = performance.now()
          })
        })
        assert.deepStrictEqual(results, squares)
        assert.isBelow(at - ended, times.suspectAfter / 2)
        least = Math.min(least, at - ended)
      }
      assert.isBelow(least, 250)
    })
  )

  /** Accident: a runner is stopped, as by SIGSTOP, or hangs. */
  it.live("K5 is given up after `suspectAfter` without a byte of it, and a map with retries is exact", () =>
    Effect.gen(function* () {
      let least = Number.POSITIVE_INFINITY
      // a busy machine may be late once, and not each time
      for (let n = 0; n < 3 && least >= times.suspectAfter + 1000; n++) {
        const { noticed, results } = yield* mapWhile(yield* two(times), ({ child }) => child.kill("SIGSTOP"))
        assert.deepStrictEqual(results, squares)
        // it was heard of last somewhat before it was stopped
        assert.isAbove(noticed, 0.7 * times.suspectAfter)
        least = Math.min(least, noticed)
      }
      assert.isBelow(least, times.suspectAfter + 1000)
    })
  )
})

describe("a runner that is started again", () => {
  /** Accident: a runner is killed and started again, again and again. */
  it.live(
    "K9 is soon used again, however often it has been lost",
    () =>
      Effect.gen(function* () {
        const options = { slots: 1, secret, lease: patient.lease }
        let runner = yield* startRunner(options)
        yield* Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
          let took = 0
          for (let times = 0; times < 6; times++) {
            const before = performance.now()
            yield* pool.start
            took = Math.max(took, performance.now() - before)
            // as long as one has to be there to count as one that was
            yield* Effect.sleep(600)
            const lost = performance.now()
            yield* Effect.sync(() => runner.child.kill("SIGKILL"))
            yield* Effect.promise(() => runner.ended)
            runner = yield* startRunner({ ...options, listen: runner.address })
            const began = performance.now()
            yield* pool.run(tasks.whereAfter, 0)
            // waits have doubled while it was away, and a worker takes a while to start
            assert.isBelow(performance.now() - began, 2 * (began - lost) + slack(3000, took))
          }
        }).pipe(Effect.scoped, Effect.provide(over([runner], patient)))
      }),
    120_000
  )
})

describe("a driver that dies", () => {
  /** Accident: a driver dies, or is stopped, while its workers compute. */
  it.live(
    "K2 takes its workers with it though they compute: at once when it is dead, after `lease` when it is stopped",
    () =>
      Effect.gen(function* () {
        const directory = yield* folder
        // of one that is killed the connection's end tells: no lease has to run out
        const signals = { SIGKILL: { lease: 60_000, suspectAfter: 120_000 }, SIGSTOP: times }
        for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
          const { lease, suspectAfter } = signals[signal]
          const file = join(directory, signal)
          const before = performance.now()
          const runner = yield* startRunner({ slots: 2, secret, lease })
          const settings = JSON.stringify({ address: runner.address, secret, file, suspectAfter })
          const program = fileURLToPath(new URL("../fixtures/driver.ts", import.meta.url))
          const driver = yield* Effect.acquireRelease(
            Effect.sync(() =>
              spawn(process.execPath, [program, settings], { stdio: ["ignore", "inherit", "inherit"] })
            ),
            (driver) => Effect.sync(() => void driver.kill("SIGKILL"))
          )
          const beats = () => (existsSync(file) ? readFileSync(file, "utf8").length : 0)
          yield* eventually(Effect.sync(() => beats() > 0))
          const began = performance.now()
          driver.kill(signal)
          // a worker that computes would write fifty times in a second; a busy machine lets it end late, and well before a lease of 60 s
          let then = Number.NaN
          const isSilent = Effect.sync(() => {
            const isSame = beats() === then
            then = beats()
            return isSame
          })
          yield* eventually(Effect.delay(isSilent, 500))
          const most = (signal === "SIGSTOP" ? lease : 0) + slack(2500, began - before)
          assert.isBelow(performance.now() - began, most, signal)
        }
      })
  )
})

describe("a driver whose main thread is blocked", () => {
  const blockFor = (millis: number) => {
    const until = performance.now() + millis
    while (performance.now() < until);
  }

  const lostWhile = (driver: (address: string) => Layer.Layer<WorkerRuntime.WorkerRuntime>) =>
    Effect.gen(function* () {
      const began = performance.now()
      const runner = yield* startRunner({ slots: 2, secret, lease: times.lease })
      const started = performance.now() - began
      return yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 2, keepAlive: true, onWorkerLost: { retries: 5 } })
        // on two workers, as long as it takes for the thread to start that keeps the leases, and loads as much as a runner does
        const length = Math.ceil((2 * Math.max(1500, 2 * started)) / 20)
        const inputs = Array.from({ length }, (_, n) => ({ n, millis: 20 }))
        const map = pool.map(inputs, tasks.squareAfter)
        yield* map
        const blocked = yield* Effect.forkChild(map, { startImmediately: true })
        yield* eventually(Effect.map(pool.stats, ({ busy }) => busy === 2))
        yield* Effect.sync(() => blockFor(1.2 * times.suspectAfter))
        assert.deepStrictEqual(
          yield* Fiber.join(blocked),
          inputs.map(({ n }) => n * n)
        )
        return (yield* pool.stats).lost
      }).pipe(Effect.scoped, Effect.provide(driver(runner.address)))
    })

  const options = { suspectAfter: times.suspectAfter, driverStall: 60_000 }

  /** Accident: the main thread of a driver is blocked for longer than `suspectAfter`. */
  it.live("K3 loses no worker for as long as `driverStall`: another thread keeps the leases", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* lostWhile((address) => clusterOf([address], { secret, ...options })), 0)
    })
  )

  /** Accident: the same, where the driver's key is in a file that is named by its URL. */
  it.live("K3 loses none then either", () =>
    Effect.gen(function* () {
      const file = pathToFileURL(join(yield* folder, "key"))
      yield* Effect.sync(() => writeFileSync(file, process.env[secret]!, { mode: 0o600 }))
      const over = (address: string) =>
        Layer.orDie(ClusterRuntime.layer({ members: Members.fromList([address]), secret: { file }, ...options }))
      assert.strictEqual(yield* lostWhile(over), 0)
    })
  )

  /** Accident: the main thread of a driver is blocked for longer than `driverStall`. */
  it.live("K3 loses its workers, and a map with retries is exact", () =>
    Effect.gen(function* () {
      const soon = { ...options, driverStall: 200 }
      assert.strictEqual(yield* lostWhile((address) => clusterOf([address], { secret, ...soon })), 2)
    })
  )
})

describe("a runner that is asked to end", () => {
  /** Accident: a runner gets SIGTERM in the midst of a map. */
  it.live("K8 loses nothing: its workers run their exit hooks, and the others go on", () =>
    Effect.gen(function* () {
      const [first, ...others] = yield* two(patient)
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 4, keepAlive: true, exit: tasks.pidAtExit })
        const before = performance.now()
        yield* pool.start
        const took = performance.now() - before
        const map = yield* Effect.forkChild(pool.map(items, tasks.squareAfter, { chunkSize: 5 }), {
          startImmediately: true
        })
        yield* eventually(Effect.map(pool.stats, ({ busy }) => busy === 4))
        const asked = performance.now()
        yield* Effect.sync(() => first!.child.kill("SIGTERM"))
        yield* Effect.promise(() => first!.ended)
        assert.isBelow(performance.now() - asked, slack(3000, took))
        assert.deepStrictEqual(yield* Fiber.join(map), squares)
        assert.strictEqual((yield* pool.stats).lost, 0)
        assert.deepStrictEqual(yield* pool.exitResults, [first!.child.pid!, first!.child.pid!])
        // there was no room for more (K7)
        assert.strictEqual((yield* pool.stats).live, 2)
      }).pipe(Effect.scoped, Effect.provide(over([first!, ...others], patient)))
    })
  )

  /** Accident: a runner gets SIGTERM, and its workers do not end. */
  it.live("K8 kills them after `drainTimeout`, and ends itself", () =>
    Effect.gen(function* () {
      const runners = yield* two(patient)
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 4, keepAlive: true, onWorkerLost: { retries: 1 } })
        const before = performance.now()
        yield* pool.start
        const took = performance.now() - before
        const map = yield* Effect.forkChild(
          pool.map([20_000, 20_000, 20_000, 20_000], tasks.whereAfter, { chunkSize: 1 }),
          { startImmediately: true }
        )
        yield* eventually(Effect.map(pool.stats, ({ busy }) => busy === 4))
        const asked = performance.now()
        yield* Effect.sync(() => runners[0]!.child.kill("SIGTERM"))
        yield* Effect.promise(() => runners[0]!.ended)
        assert.isAbove(performance.now() - asked, 1900)
        assert.isBelow(performance.now() - asked, 2000 + slack(1500, took))
        yield* Fiber.interrupt(map)
      }).pipe(Effect.scoped, Effect.provide(over(runners, patient)))
    })
  )
})
