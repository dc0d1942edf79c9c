/**
 * A pool under everything at once: overlapping calls and controls at random times, some of them interrupted, on workers
 * whose hooks and tasks take random times and fail now and then.
 */
import { assert } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { WorkerContext } from "../src/WorkerContext.ts"
import type * as WorkerPool from "../src/WorkerPool.ts"
import * as WorkerPoolError from "../src/WorkerPoolError.ts"
import { losing } from "./losing.ts"
import {
  driven,
  type Entry,
  type Generated,
  integer,
  kinds,
  Ledger,
  makePool,
  noise,
  oneOf,
  optional,
  type Pool,
  recordLogs,
  releaseFailed,
  source,
  sourceKinds
} from "./support.ts"

const operations = Arbitrary.all({
  kind: oneOf(
    "map",
    "map",
    "mapExit",
    "stream",
    "take",
    "run",
    "run",
    "stop",
    "restart",
    "terminate",
    "setSize",
    "setKeepAlive",
    "start"
  ),
  input: oneOf(...sourceKinds),
  at: integer(0, 200),
  interruptAfter: optional(integer(0, 60)),
  length: integer(0, 12),
  chunkSize: optional(integer(1, 4)),
  lifespan: optional(integer(1, 4)),
  maxActive: optional(integer(1, 6)),
  dispatch: oneOf("available", "available", "ordered"),
  timeout: optional(integer(1, 15)),
  retries: oneOf(-1, 0, 2, 50),
  /** How long the consumer of a stream takes for a result. */
  consumes: oneOf(0, 0, 10),
  fails: oneOf(false, false, true),
  size: integer(1, 4),
  keepAlive: oneOf(false, true, 0, 15)
})

export type Operation = Generated<typeof operations>

/** All that happens in a run. */
export const scripts = Arbitrary.all({
  kind: oneOf(...kinds),
  size: integer(1, 4),
  tasksPerWorker: oneOf(1, 1, 3),
  keepAlive: oneOf(false, true, 0, 15),
  minSize: oneOf(0, 0, 1),
  lifespan: optional(integer(1, 5)),
  hooksFail: oneOf(false, true),
  hooksTimeOut: oneOf(false, false, true),
  operations: Arbitrary.array(operations, { minLength: 1, maxLength: 12 }),
  seed: integer(0, 1_000_000)
})

export type Script = Generated<typeof scripts>

export interface Played {
  readonly ledger: Ledger
  /** What came of the operations, and of a call after them. */
  readonly exits: ReadonlyArray<Exit.Exit<unknown, unknown>>
  /** Workers that were there when the pool was terminated. */
  readonly killed: ReadonlySet<Entry>
  /** Releases that failed in workers that were not killed, hook and timeout alike. */
  readonly failedReleases: number
  /** Failed releases that were logged. */
  readonly logged: number
  /** The most slots that the pool has had. */
  readonly mostSlots: number
}

export interface PlayOptions {
  /** Which operations are played. */
  readonly restrict?: (operation: Operation) => boolean
  /** Whether workers vanish now and then. */
  readonly lossy?: boolean
}

/** Plays a script to its end: every operation has ended, and the pool's Scope is closed. */
export const play = (
  script: Script,
  { lossy = false, restrict = () => true }: PlayOptions = {}
): Effect.Effect<Played> =>
  Effect.gen(function* () {
    const ledger = new Ledger()
    const killed = new Set<Entry>()
    const failed = new Set<string>()
    const random = (worker: WorkerContext, salt: number) =>
      noise(script.seed + salt, worker.id * 1000 + worker.generation)
    const init = ledger.init((worker) =>
      Effect.andThen(
        Effect.sleep(random(worker, 1) % 20),
        Effect.suspend(() => (script.hooksFail && random(worker, 2) % 6 === 0 ? Effect.fail("init") : Effect.void))
      )
    )
    const failRelease = (worker: WorkerContext) => Effect.sync(() => failed.add(`${worker.id}.${worker.generation}`))
    const exit = ledger.exit((worker) => {
      const timesOut = script.hooksTimeOut && random(worker, 3) % 5 === 0
      if (timesOut) return Effect.andThen(failRelease(worker), Effect.sleep(1000))
      return Effect.andThen(
        Effect.sleep(random(worker, 4) % 20),
        Effect.suspend(() =>
          script.hooksFail && random(worker, 5) % 5 === 0
            ? Effect.andThen(failRelease(worker), Effect.fail("exit"))
            : Effect.void
        )
      )
    })
    const task = (operation: Operation) =>
      ledger.task((n: number, worker) =>
        Effect.suspend(() => {
          const chance = noise(script.seed + 6, n * 100 + worker.id + operation.at)
          const wait = chance % 3 === 0 ? Effect.yieldNow : Effect.sleep(chance % 20)
          return Effect.andThen(
            // some cannot be interrupted
            chance % 5 === 0 ? Effect.uninterruptible(wait) : wait,
            operation.fails && chance % 7 === 0
              ? Effect.fail("task")
              : operation.fails && chance % 7 === 1
                ? Effect.die("task")
                : Effect.succeed(n + 1)
          )
        })
      )
    const given: Array<Record<"results" | "expected", ReadonlyArray<unknown>>> = []
    const perform = (pool: Pool, operation: Operation): Effect.Effect<unknown, unknown> => {
      const { chunkSize, dispatch, lifespan, maxActive, retries, timeout } = operation
      const onWorkerLost: WorkerPool.OnWorkerLost = retries < 0 ? "fail" : { retries }
      const options = { chunkSize, dispatch, lifespan, maxActive, onWorkerLost, timeout }
      const consume = (stream: Stream.Stream<unknown, unknown>) =>
        Stream.runFold(
          Stream.tap(stream, () => Effect.sleep(operation.consumes)),
          (): Array<unknown> => [],
          (results, result) => [...results, result]
        )
      // whatever was lost and sent again, what succeeds has all of its results, each once and in its place
      const expected = Array.from({ length: operation.length }, (_, n) => n + 1)
      const exact = <E>(results: Effect.Effect<Array<unknown>, E>) =>
        Effect.tap(results, (results) => Effect.sync(() => given.push({ expected, results })))
      const items = source(operation.input, operation.length)
      switch (operation.kind) {
        case "map":
          return exact(pool.map(items, task(operation), options))
        case "mapExit":
          return exact(
            Effect.map(pool.mapExit(items, task(operation), options), (exits) =>
              exits.map((exit, n) => (Exit.isSuccess(exit) ? exit.value : n + 1))
            )
          )
        case "stream":
          return exact(consume(pool.stream(items, task(operation), options)))
        case "take":
          return consume(Stream.take(pool.streamUnordered(items, task(operation), options), 2))
        case "run":
          return pool.run(task(operation), 0, { onWorkerLost, timeout })
        case "stop":
          return pool.stop
        case "restart":
          return pool.restart
        case "terminate":
          return Effect.suspend(() => {
            for (const entry of ledger.present.values()) killed.add(entry)
            return pool.terminate
          })
        case "setSize":
          return pool.setSize(operation.size)
        case "setKeepAlive":
          return pool.setKeepAlive(operation.keepAlive)
        case "start":
          return pool.start
      }
    }
    const timedOf = (pool: Pool, operation: Operation) =>
      Effect.gen(function* () {
        yield* Effect.sleep(operation.at)
        const fiber = yield* Effect.forkChild(perform(pool, operation))
        if (operation.interruptAfter !== undefined) {
          yield* Effect.sleep(operation.interruptAfter)
          yield* Fiber.interrupt(fiber)
        }
        return yield* Fiber.await(fiber)
      })
    const logs = recordLogs()
    // it takes what it holds with it, so its exit hook is not run
    const vanished = (worker: WorkerPoolError.WorkerIdentity) => {
      const entry = ledger.present.get(worker.id)
      if (entry?.generation === worker.generation) killed.add(entry)
    }
    const played = script.operations.filter(restrict)
    const exits = yield* Effect.gen(function* () {
      const pool = yield* makePool<any, any>(
        lossy ? "WorkerPool" : script.kind,
        {
          size: script.size,
          tasksPerWorker: script.tasksPerWorker,
          keepAlive: script.keepAlive,
          minSize: script.minSize,
          lifespan: script.lifespan,
          exitTimeout: script.hooksTimeOut ? 100 : undefined,
          init,
          exit
        },
        lossy ? losing(script.seed, vanished) : undefined
      )
      const exits = yield* Effect.forEach(played, (operation) => timedOf(pool, operation), { concurrency: "unbounded" })
      // idle workers go, or stay until the scope closes
      yield* Effect.sleep(2000)
      const stats = yield* pool.stats
      assert.strictEqual(stats.calls, 0, "no call is in progress")
      assert.strictEqual(stats.pending, 0, "no run waits")
      assert.strictEqual(stats.busy, 0, "no worker is busy")
      assert.strictEqual(stats.live + stats.starting, ledger.present.size, "live workers are counted right")
      const last = yield* Effect.exit(
        pool.map(
          [1, 2, 3],
          ledger.task((n: number) => Effect.succeed(n))
        )
      )
      if (!script.hooksFail && !script.hooksTimeOut && !lossy) assert.deepStrictEqual(last, Exit.succeed([1, 2, 3]))
      return [...exits, last]
    }).pipe(Effect.scoped, Effect.provide(logs.layer), driven)
    for (const { expected, results } of given) assert.deepStrictEqual(results, expected)
    const names = new Set([...killed].map((entry) => `${entry.id}.${entry.generation}`))
    return {
      ledger,
      exits,
      killed,
      failedReleases: [...failed].filter((name) => !names.has(name)).length,
      logged: logs.lines.filter((line) => line === releaseFailed).length,
      mostSlots: Math.max(script.size, ...played.filter(({ kind }) => kind === "setSize").map(({ size }) => size))
    }
  }).pipe(Effect.orDie)

/** How many failed releases a call says that it caused. */
export const reported = (exit: Exit.Exit<unknown, unknown>): number =>
  Exit.isSuccess(exit)
    ? 0
    : exit.cause.reasons.filter(
        (reason) =>
          reason._tag === "Fail" &&
          WorkerPoolError.isWorkerPoolError(reason.error) &&
          (reason.error.reason._tag === "ExitFailed" || reason.error.reason._tag === "ExitTimedOut")
      ).length
