/** K6: how a runner grants its slots to several drivers, word by word. */
import type { Runner } from "@effect-mpire/cluster"
import { WorkerPool, type WorkerPoolError } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Fiber from "effect/Fiber"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { dial } from "../../src/internal/driver/dial.ts"
import { kinds } from "../../src/internal/frames/frame.ts"
import type { Link } from "../../src/internal/link/link.ts"
import { mine } from "../../src/internal/link/versions.ts"
import * as vigil from "../../src/internal/link/vigil.ts"
import * as words from "../../src/internal/link/words.ts"
import * as security from "../../src/internal/secret/security.ts"
import { startHere } from "../here.ts"
import { reasonOf } from "../../../node-runtime/test/support.ts"
import { clusterOf, eventually, secret } from "../runners.ts"

const readWord = words.reader(words.FromRunner)

const suspectAfter = 60_000

interface Connected {
  readonly link: Link
  readonly said: Array<words.FromRunner>
}

/** A connection of a driver that this test is; `undefined` where the runner refuses a worker. */
const connect = (runner: Runner.Runner["Service"], driver: string, worker?: words.Hello["worker"]) =>
  Effect.gen(function* () {
    const address = { host: "127.0.0.1", port: runner.port }
    const keys = yield* Effect.orDie(security.make({ secret: { env: secret } }))
    const hello: words.Hello = { _tag: "Hello", ...mine(undefined), driver, suspectAfter, worker }
    const { answer, link } = yield* Effect.acquireRelease(
      Effect.orDie(dial(address, keys, hello)),
      ({ link }) => Effect.sync(() => link.destroy()),
      { interruptible: true }
    )
    if (answer._tag === "Refused") return undefined
    const said: Array<words.FromRunner> = []
    const beats = vigil.suspect(link, suspectAfter)
    link.receive((kind, bytes) => {
      if (!vigil.take(link, beats, kind, bytes, true) && kind === kinds.word) said.push(readWord(bytes))
    })
    link.resume()
    return { link, said } satisfies Connected
  })

const driverOf = (runner: Runner.Runner["Service"], name: string) =>
  Effect.map(connect(runner, name), (connected) => connected!)

const worker = (grant?: number) => ({ id: 0, generation: 1, controls: 0, ...(grant === undefined ? {} : { grant }) })

const wants = ({ link }: Connected, count: number, seen = 0) => link.say({ _tag: "Wants", count, seen })

const grants = ({ said }: Connected) => said.flatMap((word) => (word._tag === "Granted" ? [word.grant] : []))

const room = ({ said }: Connected) => said.findLast((word) => word._tag === "Room")

const until = (isSo: () => boolean) => eventually(Effect.sync(isSo))

const isUnwanted = ({ said }: Connected) => said.some(({ _tag }) => _tag === "Unwanted")

/** What is measured of runners, of the one at `port` where that is given: slots by their states, and what is wanted. */
const measured = (port?: number) =>
  Effect.map(Metric.snapshot, (all): Record<string, number> => {
    const seen: Record<string, number> = {}
    for (const { attributes, id, state } of all) {
      if (!id.startsWith("effect_mpire_runner_")) continue
      const named = attributes
      if (port !== undefined && named?.["listen"] !== `127.0.0.1:${port}`) continue
      seen[named?.["state"] ?? id] = (state as { readonly value: number }).value
    }
    return seen
  })

const inOwnRegistry = Effect.provideServiceEffect(
  Metric.MetricRegistry,
  Effect.sync(() => new Map())
)

describe("a runner's slots", () => {
  it.live("K6 are granted to who waits, by asking who has more than its share, after the tenure", () =>
    Effect.gen(function* () {
      const runner = yield* startHere({ slots: 2, minTenure: "300 millis" })
      const one = yield* driverOf(runner, "one")
      const workers = [yield* connect(runner, "one", worker()), yield* connect(runner, "one", worker())]
      // there is no room for who has not been granted any
      assert.isUndefined(yield* connect(runner, "two", worker()))
      const two = yield* driverOf(runner, "two")
      wants(two, 2)
      const ready = performance.now()
      for (const held of workers) held!.link.say({ _tag: "Ready" })
      // of two connections either may be heard first
      const asked = () => workers.filter((held) => isUnwanted(held!))
      yield* until(() => asked().length > 0)
      assert.isAbove(performance.now() - ready, 299)
      assert.lengthOf(asked(), 1)
      assert.deepStrictEqual(grants(two), [])
      asked()[0]!.link.say({ _tag: "End" })
      yield* until(() => grants(two).length === 1)
      // nobody else can take what is kept for it
      assert.isUndefined(yield* connect(runner, "one", worker()))
      assert.isUndefined(yield* connect(runner, "one", worker(grants(two)[0])))
      assert.isDefined(yield* connect(runner, "two", worker(grants(two)[0])))
      assert.deepStrictEqual(grants(one), [])
    })
  )

  it.live("K6 that a driver gives back, does not want any more or leaves behind, are the others'", () =>
    Effect.gen(function* () {
      const runner = yield* startHere({ slots: 1 })
      const first = yield* Scope.make()
      const one = yield* Scope.provide(driverOf(runner, "one"), first)
      const two = yield* driverOf(runner, "two")
      const three = yield* driverOf(runner, "three")
      wants(one, 1)
      yield* until(() => grants(one).length === 1)
      wants(two, 1)
      yield* until(() => room(two)?.isQueued === false && room(two)?.free === 0)
      wants(three, 5)
      yield* until(() => room(three)?.isQueued === true)
      one.link.say({ _tag: "GivesBack", grant: grants(one)[0]! })
      yield* until(() => grants(two).length === 1)
      // what is given back by another is not its to give
      one.link.say({ _tag: "GivesBack", grant: grants(two)[0]! })
      wants(one, 1, 1)
      wants(three, 0)
      two.link.say({ _tag: "GivesBack", grant: grants(two)[0]! })
      yield* until(() => grants(one).length === 2)
      assert.deepStrictEqual(grants(three), [])
      wants(three, 5)
      yield* Scope.close(first, Exit.void)
      yield* until(() => grants(three).length === 1)
    })
  )

  it.live("K6 that are granted while a driver says what it wants count for it", () =>
    Effect.gen(function* () {
      const runner = yield* startHere({ slots: 4 })
      const one = yield* driverOf(runner, "one")
      wants(one, 2)
      // it did not know of the two
      wants(one, 2)
      // and knows of them now
      wants(one, 1, 2)
      yield* until(() => grants(one).length === 3)
      wants(one, 0, 3)
      const two = yield* driverOf(runner, "two")
      wants(two, 1)
      yield* until(() => grants(two).length === 1)
      assert.strictEqual(grants(one).length, 3)
    })
  )

  it.live("K6 O5 are counted by their states, with what is wanted, until the runner's Scope closes", () =>
    Effect.gen(function* () {
      const isMeasured = (free: number, starting: number, used: number, draining: number, wanted: number) => {
        const expected = { free, starting, used, draining, effect_mpire_runner_wanted: wanted }
        return eventually(
          Effect.map(measured(), (seen) => JSON.stringify(sorted(seen)) === JSON.stringify(sorted(expected)))
        )
      }
      const scope = yield* Scope.make()
      const runner = yield* Scope.provide(
        startHere({ slots: 3, minTenure: "50 millis", drainTimeout: "100 millis" }),
        scope
      )
      yield* isMeasured(3, 0, 0, 0, 0)
      const one = yield* driverOf(runner, "one")
      wants(one, 1)
      yield* isMeasured(2, 1, 0, 0, 0)
      const workers: Array<Connected> = []
      for (let n = 0; n < 2; n++) workers.push((yield* connect(runner, "one", worker()))!)
      yield* isMeasured(0, 3, 0, 0, 0)
      const two = yield* driverOf(runner, "two")
      // more than there are slots, as a sign for who adds machines
      wants(two, 7)
      yield* isMeasured(0, 3, 0, 0, 7)
      workers[0]!.link.say({ _tag: "Ready" })
      yield* until(() => isUnwanted(workers[0]!))
      yield* isMeasured(0, 2, 0, 1, 7)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* measured(), {})
    }).pipe(inOwnRegistry)
  )
})

const sorted = (record: Record<string, number>) =>
  Object.entries(record).toSorted(([one], [other]) => (one < other ? -1 : 1))

const at = ({ port }: Runner.Runner["Service"]) => `127.0.0.1:${port}`

describe("a driver that waits for room", () => {
  /** Waits until a runner has so many free slots, and this driver wants so many workers there. */
  const untilAt = ({ port }: Runner.Runner["Service"], free: number, wanted: number) =>
    eventually(
      Effect.map(measured(port), (seen) => seen["free"] === free && seen["effect_mpire_runner_wanted"] === wanted)
    )

  it.live("K6 wants it at every runner with its labels, takes what it is granted first, and gives the rest back", () =>
    Effect.gen(function* () {
      const labels = ["gpu"]
      const runners = yield* Effect.all([1, 2].map(() => startHere({ slots: 1, labels })))
      const unlike = yield* startHere({ slots: 1 })
      const holders = yield* Effect.forEach([...runners, unlike], (runner) => connect(runner, "other", worker()))
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
        const start = yield* Effect.forkChild(pool.start, { startImmediately: true })
        for (const runner of runners) yield* untilAt(runner, 0, 1)
        yield* untilAt(unlike, 0, 0)
        for (const holder of holders) holder!.link.say({ _tag: "End" })
        yield* Fiber.join(start)
        assert.deepInclude(yield* pool.stats, { live: 1, starting: 0 })
        // whichever of them was the first
        yield* eventually(
          Effect.map(Effect.all(runners.map(({ port }) => measured(port))), (all) => {
            const free = all.reduce((sum, seen) => sum + seen["free"]!, 0)
            return free === 1 && all.every((seen) => seen["effect_mpire_runner_wanted"] === 0)
          })
        )
      }).pipe(Effect.scoped, Effect.provide(clusterOf([...runners, unlike].map(at), { secret, where: labels })))
    }).pipe(inOwnRegistry)
  )

  it.live("K6 does not want any more once its callers have gone", () =>
    Effect.gen(function* () {
      const runner = yield* startHere({ slots: 1 })
      const holder = yield* connect(runner, "other", worker())
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 3, keepAlive: true })
        const start = yield* Effect.forkChild(pool.start, { startImmediately: true })
        yield* untilAt(runner, 0, 3)
        yield* Fiber.interrupt(start)
        yield* untilAt(runner, 0, 0)
        holder!.link.say({ _tag: "End" })
        yield* untilAt(runner, 1, 0)
      }).pipe(Effect.scoped, Effect.provide(clusterOf([at(runner)], { secret })))
    }).pipe(inOwnRegistry)
  )

  it.live("K7 gives up after `roomTimeout` from when it is its turn, and not while others or a tenure come first", () =>
    Effect.gen(function* () {
      const minTenure = 4000
      const roomTimeout = 1000
      const runner = yield* startHere({ slots: 1, minTenure })
      const holder = (yield* connect(runner, "other", worker()))!
      holder.link.say({ _tag: "Ready" })
      const began = performance.now()
      const reason = yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1 })
        return reasonOf(yield* Effect.exit(pool.start))
      }).pipe(Effect.scoped, Effect.provide(clusterOf([at(runner)], { secret, roomTimeout })))
      // it was asked for its worker, and has kept it
      assert.isTrue(isUnwanted(holder))
      assert.isAbove(performance.now() - began, minTenure + roomTimeout - 1)
      assert(reason._tag === "StartFailed")
      const cause = reason.cause as WorkerPoolError.NoRoom
      assert.strictEqual(cause._tag, "NoRoom")
      assert.isAtLeast(cause.waited, roomTimeout)
      assert.isBelow(cause.waited, minTenure)
    })
  )
})
