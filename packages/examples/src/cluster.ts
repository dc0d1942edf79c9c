/**
 * A cluster on this machine: two runners, each a process, and a driver that maps over both. One runner is killed midway; what
 * it had in hand is done by the other one, and the sum is compared with what this process counts by itself.
 */
import { ClusterRuntime, Members } from "@effect-mpire/cluster"
import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { randomBytes } from "node:crypto"
import { fileURLToPath } from "node:url"
import { countPrimes } from "./first.tasks.ts"
import type * as Tasks from "./first.tasks.ts"

const tasks = Portable.module<typeof Tasks>(new URL("./first.tasks.ts", import.meta.url))

const ranges = Array.from({ length: 100 }, (_, i) => [i * 30_000, (i + 1) * 30_000] as const)

const sum = (counts: Iterable<number>): number => [...counts].reduce((sum, count) => sum + count, 0)

/** What `npx effect-mpire-runner` runs. */
const program = fileURLToPath(new URL("internal/program/runner.ts", import.meta.resolve("@effect-mpire/cluster")))

/** Starts a runner with two slots; it ends with the Scope. */
const startRunner = Effect.gen(function* () {
  const runner = yield* ChildProcess.make(
    process.execPath,
    [program, "--listen", "127.0.0.1:0", "--slots", "2", "--workers", "threads"],
    { stderr: "inherit" }
  )
  const lines = runner.stdout.pipe(Stream.decodeText(), Stream.splitLines)
  const [said] = yield* Stream.runCollect(
    Stream.take(
      Stream.filter(lines, (line) => line.includes("listens at")),
      1
    )
  )
  return { runner, address: /listens at (\S+)/.exec(said ?? "")![1]! }
})

// #region driver
/** Workers on the runners at these addresses, such as "10.0.0.1:7433". */
const overRunners = (addresses: ReadonlyArray<string>) =>
  ClusterRuntime.layer({
    members: Members.fromList(addresses),
    secret: { env: "EFFECT_MPIRE_SECRET" }
  })
// #endregion

const job = Effect.gen(function* () {
  const [first, second] = yield* Effect.all([startRunner, startRunner], { concurrency: 2 })
  yield* Console.log(`two runners listen, at ${first.address} and at ${second.address}`)

  const counts = yield* Effect.gen(function* () {
    // as many workers as the runners have slots
    const pool = yield* WorkerPool.make({ onWorkerLost: { retries: 3 } })
    const { size } = yield* pool.stats
    yield* Console.log(`${size} workers count the primes below 3,000,000 in ${ranges.length} ranges`)
    const counts = yield* pool.streamUnordered(ranges, tasks.countPrimes, { chunkSize: 2 }).pipe(
      Stream.mapEffect((count, index) =>
        index === 30
          ? Effect.andThen(
              Console.log(`the runner at ${first.address} is killed after ${index} ranges`),
              Effect.as(first.runner.kill({ killSignal: "SIGKILL" }), count)
            )
          : Effect.succeed(count)
      ),
      Stream.runCollect
    )
    yield* Console.log(`${(yield* pool.stats).lost} workers were lost with it`)
    return counts
  }).pipe(Effect.scoped, Effect.provide(overRunners([first.address, second.address])))

  const here = sum(ranges.map(countPrimes))
  if (sum(counts) !== here)
    return yield* Effect.die(new Error(`${sum(counts)} primes, and this process counts ${here}`))
  yield* Console.log(`${sum(counts)} primes, as many as this process counts by itself`)
})

// the runners inherit it; else it would be a file, or a variable that is set where the program is deployed
process.env["EFFECT_MPIRE_SECRET"] = randomBytes(32).toString("base64")

job.pipe(Effect.scoped, Effect.provide(NodeServices.layer), NodeRuntime.runMain)
