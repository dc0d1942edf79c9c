import { PoolEvent, Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Array, Console, Effect, Fiber, FileSystem, Layer, Stream } from "effect"
import type * as Tasks from "./insights.tasks.ts"

// #region program
const tasks = Portable.module<typeof Tasks>(new URL("./insights.tasks.ts", import.meta.url))

const frames = Array.makeBy(60, (n) => ({ name: `frame-${n}`, millis: n === 59 ? 300 : 10 }))

export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ name: "film", size: 2 })
  // listens from here on; without `startImmediately` the map below might begin first
  const listening = yield* pool.events.pipe(
    Stream.takeUntil(({ _tag }) => _tag === "CallEnded"),
    Stream.runCollect,
    Effect.forkChild({ startImmediately: true })
  )
  yield* pool.map(frames, tasks.render)
  const events = yield* Fiber.join(listening)
  return { events, trace: PoolEvent.toChromeTrace(events) }
}).pipe(Effect.scoped)
// #endregion

// #region failures
/** Says which items fail, and when a worker goes down, as long as the pool lives. */
export const watched = (pool: { readonly events: Stream.Stream<PoolEvent.PoolEvent> }) =>
  Stream.runForEach(pool.events, (event) => {
    switch (event._tag) {
      case "ItemFailed":
        return Effect.logWarning(`${event.pool}: item ${event.index} (${event.input}) failed: ${event.failure}`)
      case "WorkerLost":
        return Effect.logError(`${event.pool}: worker ${event.worker} was lost`)
      case "Missed":
        return Effect.logWarning(`${event.pool}: ${event.count} events were missed`)
      default:
        return Effect.void
    }
  })
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(
    Effect.flatMap(({ events, trace }) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* fs.writeFileString("trace.json", JSON.stringify(trace))
        yield* Console.log(`${events.length} events, ${trace.traceEvents.length} entries in trace.json`)
      })
    ),
    Effect.provide(Layer.mergeAll(NodeWorkerRuntime.layerThreads(), NodeFileSystem.layer)),
    NodeRuntime.runMain
  )
}
