import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { Effect, Layer, ManagedRuntime, Stream } from "effect"
import { createServer, type Server } from "node:http"
import type * as Tasks from "./first.tasks.ts"

const tasks = Portable.module<typeof Tasks>(new URL("./first.tasks.ts", import.meta.url))

class Primes extends WorkerPool.Service<Primes>()("app/Primes", { size: 2, keepAlive: true }) {}

/** The pool, for code that knows Promises only; workers start when there is something to do. */
const runtime = ManagedRuntime.make(Primes.layer.pipe(Layer.provide(NodeWorkerRuntime.layerThreads())))

const rangesBelow = (limit: number) =>
  Array.from({ length: 8 }, (_, i) => [(i * limit) / 8, ((i + 1) * limit) / 8] as const)

/** How many primes there are; aborting the signal interrupts the tasks that run. */
export const countPrimes = async (limit: number, signal?: AbortSignal): Promise<number> => {
  const counts = runtime.runPromise(
    Primes.use((pool) => pool.map(rangesBelow(limit), tasks.countPrimes)),
    { signal }
  )
  try {
    return (await counts).reduce((sum, count) => sum + count)
  } catch (error) {
    // an AbortError, where Effect says that its fibers were interrupted
    signal?.throwIfAborted()
    throw error
  }
}

/** The same, range by range, as results come; to leave the loop early interrupts the tasks that run. */
export async function* countEach(limit: number): AsyncGenerator<number> {
  const counts = Stream.unwrap(
    Primes.use((pool) => Effect.succeed(pool.streamUnordered(rangesBelow(limit), tasks.countPrimes)))
  )
  yield* await runtime.runPromise(Stream.toAsyncIterableEffect(counts))
}

/** Answers requests such as `/1000000`, and stops counting for a client that has gone. */
export const serve = (): Server =>
  createServer((request, response) => {
    const gone = new AbortController()
    response.on("close", () => gone.abort())
    countPrimes(Number(request.url?.slice(1)), gone.signal).then(
      (primes) => response.end(`${primes}\n`),
      (error: unknown) => response.writeHead(500).end(`${String(error)}\n`)
    )
  })

/** Releases the workers; what comes later fails. */
export const dispose = (): Promise<void> => runtime.dispose()

if (process.argv[1] === import.meta.filename) {
  console.log(await countPrimes(1_000_000))
  await dispose()
}
