/** O2: what a pool tells of its workers and chunks, the same on every runtime. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Exit from "effect/Exit"
import type { PoolEvent } from "../../PoolEvent.ts"
import * as Portable from "../../Portable.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import type { WorkerRuntime } from "../../WorkerRuntime.ts"
import * as assert from "./assert.ts"
import { type Case, harmful, plain, tasks } from "./case.ts"

/** What a pool tells while `use` uses it, and when it is closed after that. */
const heard = <A, E>(
  options: WorkerPool.PoolOptions,
  use: (pool: WorkerPool.WorkerPool) => Effect.Effect<A, E>
): Effect.Effect<
  { readonly result: A; readonly events: ReadonlyArray<PoolEvent> },
  E | WorkerPoolError,
  WorkerRuntime
> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const pool = yield* Scope.provide(WorkerPool.make(options), scope)
    const listening = yield* Effect.forkDetach(Stream.runCollect(pool.events), { startImmediately: true })
    const result = yield* Effect.ensuring(use(pool), Scope.close(scope, Exit.void))
    return { result, events: yield* Fiber.join(listening) }
  })

/** An event without what differs from one runtime, or one time, to the next. */
const told = (event: PoolEvent): string => {
  switch (event._tag) {
    case "WorkerStarting":
    case "WorkerInitialised":
    case "WorkerReleased":
    case "WorkerLost":
    case "WorkerKilled":
      return `${event._tag} ${event.worker}.${event.generation}`
    case "ChunkSent":
      return `ChunkSent ${event.call}: ${event.items} from ${event.index}`
    case "ChunkDone":
      return `ChunkDone ${event.call}: ${event.succeeded} + ${event.failed} + ${event.interrupted}`
    case "ItemFailed":
      return `ItemFailed ${event.call}: ${event.index}, ${event.input}`
    case "CallStarted":
      return `CallStarted ${event.call}: ${event.runs ? "runs" : event.length}`
    case "CallEnded":
      return `CallEnded ${event.call}: ${event.outcome}, ${event.succeeded} + ${event.failed} in ${event.chunks}`
    default:
      return event._tag
  }
}

/** How far calls have come is told now and then, and so not the same each time. */
const sequence = (events: ReadonlyArray<PoolEvent>): ReadonlyArray<string> =>
  events.filter(({ _tag }) => _tag !== "Progressed").map(told)

/** Whether the times of events never go back. */
const areInOrder = (events: ReadonlyArray<PoolEvent>): boolean =>
  events.every(({ time }, n) => n === 0 || time >= events[n - 1]!.time)

export const cases: ReadonlyArray<Case> = [
  {
    rule: "O2",
    name: "tells the same of the same program",
    effect: Effect.gen(function* () {
      const { events, result } = yield* heard({ size: 1, keepAlive: true, name: "told" }, (pool) =>
        Effect.gen(function* () {
          const halves = yield* Effect.exit(pool.map([2, 4, 6], tasks.halve, { chunkSize: 3 }))
          yield* Effect.exit(pool.map([2, 5], tasks.halve, { chunkSize: 2 }))
          yield* pool.restart
          yield* pool.run(plain.where, undefined)
          return halves
        })
      )
      yield* assert.equal<unknown>(result, Exit.succeed([1, 2, 3]), "results")
      yield* assert.equal(
        sequence(events),
        [
          "CallStarted 1: 3",
          "WorkerStarting 0.1",
          "WorkerInitialised 0.1",
          "ChunkSent 1: 3 from 0",
          "ChunkDone 1: 3 + 0 + 0",
          "CallEnded 1: succeeded, 3 + 0 in 1",
          "CallStarted 2: 2",
          "ChunkSent 2: 2 from 0",
          "ItemFailed 2: 1, 5",
          "ChunkDone 2: 1 + 1 + 0",
          "CallEnded 2: failed, 1 + 1 in 1",
          "WorkerReleased 0.1",
          "CallStarted 3: runs",
          "WorkerStarting 0.2",
          "WorkerInitialised 0.2",
          "ChunkSent 3: 1 from 0",
          "ChunkDone 3: 1 + 0 + 0",
          "CallEnded 3: succeeded, 1 + 0 in 1",
          "WorkerReleased 0.2"
        ],
        "events"
      )
      yield* assert.isTrue(areInOrder(events), "times never go back", events)
      yield* assert.isTrue(
        events.every(({ pool }) => pool === "told"),
        "the pool's name",
        events
      )
    })
  },
  {
    rule: "O2",
    name: "tells that a worker was lost, which item failed by it, and that its chunk is done",
    needs: ["vanishing"],
    effect: Effect.gen(function* () {
      const { events } = yield* heard({ size: 1, keepAlive: true }, (pool) =>
        Effect.gen(function* () {
          yield* assert.failsWith(pool.map([1, 7], Portable.bind(harmful.exitAt, 7), { chunkSize: 1 }), "WorkerLost")
          yield* pool.run(plain.where, undefined)
        })
      )
      const all = sequence(events)
      const lost = all.indexOf("WorkerLost 0.1")
      const after = all.slice(lost, all.indexOf("CallEnded 1: failed, 1 + 1 in 2") + 1)
      const expected = ["WorkerLost 0.1", "ItemFailed 1: 1, 7", "ChunkDone 1: 0 + 1 + 0"]
      yield* assert.equal(after, [...expected, "CallEnded 1: failed, 1 + 1 in 2"], "after the loss")
      const workers = all.filter((line) => line.startsWith("Worker") && line.endsWith(".1"))
      yield* assert.equal(workers, ["WorkerStarting 0.1", "WorkerInitialised 0.1", "WorkerLost 0.1"], "the worker")
    })
  },
  {
    rule: "O2",
    name: "tells that a worker was killed, and that what it had is done",
    needs: ["killing"],
    effect: Effect.gen(function* () {
      const { events } = yield* heard({ size: 1, keepAlive: true, killAfter: 50 }, (pool) =>
        Effect.gen(function* () {
          yield* pool.start
          yield* assert.failsWith(pool.run(plain.compute, 60_000, { timeout: 50 }), "TaskTimedOut")
        })
      )
      const all = sequence(events)
      yield* assert.equal(
        all.filter((line) => line.startsWith("Worker")),
        ["WorkerStarting 0.1", "WorkerInitialised 0.1", "WorkerKilled 0.1"],
        "the worker"
      )
      yield* assert.equal(all.at(-1), "CallEnded 1: failed, 0 + 1 in 1", "the call")
      yield* assert.isTrue(all.includes("ChunkDone 1: 0 + 1 + 0"), "its chunk is done", all)
    })
  },
  {
    rule: "O2",
    name: "tells that terminate has killed workers, and that their calls have ended",
    effect: Effect.gen(function* () {
      const { events } = yield* heard({ size: 2, keepAlive: true }, (pool) =>
        Effect.gen(function* () {
          yield* pool.start
          const fiber = yield* Effect.forkChild(pool.map([1e6, 1e6], tasks.whereAfter, { chunkSize: 1 }), {
            startImmediately: true
          })
          yield* pool.terminate
          yield* Fiber.await(fiber)
        })
      )
      const all = sequence(events)
      yield* assert.equal(
        all.filter((line) => line.startsWith("WorkerKilled") || line.startsWith("ChunkDone")).toSorted(),
        ["ChunkDone 1: 0 + 0 + 0", "ChunkDone 1: 0 + 0 + 0", "WorkerKilled 0.1", "WorkerKilled 1.1"],
        "what was killed"
      )
      yield* assert.equal(all.at(-1), "CallEnded 1: failed, 0 + 0 in 2", "the call")
    })
  }
]
