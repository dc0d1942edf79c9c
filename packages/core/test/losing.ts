/**
 * Fibers that vanish: some of them, after a random time, with all that they hold, as a process does.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as errors from "../src/internal/common/errors.ts"
import * as portable from "../src/internal/task/portable.ts"
import type { WorkerIdentity, WorkerPoolError } from "../src/WorkerPoolError.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"
import { noise } from "./support.ts"

/** A chunk as the fibers see it: nothing more is heard of it once its worker is gone. */
interface Muted {
  readonly chunk: WorkerRuntime.Chunk
  started: number
}

/**
 * Of those that vanish some are killed, and end later. What they have in hand is said exactly; `vanished` hears of each.
 */
export const losing = (
  seed: number,
  vanished: (worker: WorkerIdentity) => void
): Layer.Layer<WorkerRuntime.WorkerRuntime> =>
  Layer.effect(
    WorkerRuntime.WorkerRuntime,
    Effect.map(WorkerRuntime.WorkerRuntime, (fibers) => ({
      name: "lossy fibers",
      start: (options: WorkerRuntime.StartOptions) =>
        Effect.gen(function* () {
          const worker = yield* fibers.start(options)
          const gone = yield* Deferred.make<never, WorkerPoolError>()
          const chunks = new Map<WorkerRuntime.Chunk, Muted>()
          const { generation, id } = options.worker
          const random = (salt: number) => noise(seed + salt, id * 1000 + generation)
          const after = random(7) % 100
          let isGone = false
          let isAsked = true
          const vanish = Effect.gen(function* () {
            isGone = true
            vanished(options.worker)
            const killed = random(8) % 2 === 0
            const inHand = new Map(
              [...chunks].map(([chunk, { started }]) => [
                chunk,
                { started, timedOut: [], moved: false, failure: undefined }
              ])
            )
            const ended = yield* Deferred.make<void>()
            const closed = { exitCode: 1 }
            const tell = Effect.sync(() => {
              if (!isAsked) return
              options.onLost({ closed, killed, inHand, ended: Deferred.await(ended) })
              Deferred.doneUnsafe(gone, Exit.fail(errors.workerLost(options.worker, closed)))
            })
            if (killed) yield* tell
            yield* worker.kill
            if (killed) yield* Effect.sleep(random(9) % 30)
            Deferred.doneUnsafe(ended, Exit.void)
            if (!killed) yield* tell
          })
          if (after < 60) {
            const vanishing = yield* Effect.forkDetach(
              Effect.andThen(Effect.sleep(after), Effect.uninterruptible(vanish))
            )
            yield* Effect.addFinalizer(() => Effect.sync(() => vanishing.interruptUnsafe()))
          }
          const muted = (chunk: WorkerRuntime.Chunk): Muted => {
            const task = chunk.task as unknown as (item: unknown, worker: unknown) => unknown
            const one: Muted = {
              started: 0,
              chunk: {
                ...chunkFields(chunk),
                task: portable.closure((item: unknown, worker: unknown) => {
                  one.started++
                  return task(item, worker)
                }),
                onSuccess: (position, value) => isGone || chunk.onSuccess(position, value),
                onSuccesses: (position, values) => isGone || chunk.onSuccesses(position, values),
                onFailure: (position, cause) => isGone || chunk.onFailure(position, cause),
                onTime: (items, millis) => isGone || chunk.onTime(items, millis),
                onEnd: (failure) => {
                  if (isGone) return
                  chunks.delete(chunk)
                  chunk.onEnd(failure)
                }
              }
            }
            return one
          }
          const unlessGone = <A, E>(effect: Effect.Effect<A, E>) =>
            Effect.raceFirst(
              Effect.catchCause(effect, (cause) => (isGone ? Effect.never : Effect.failCause(cause))),
              Deferred.await(gone)
            )
          const initFailure = (error: WorkerPoolError | WorkerRuntime.InitFailure): WorkerRuntime.InitFailure =>
            "of" in error ? error : { error, of: "init" }
          const made: WorkerRuntime.Worker = {
            init: (hook) => Effect.mapError(unlessGone(worker.init(hook)), initFailure),
            interruptInit: () => worker.interruptInit(),
            exit: (hook) => unlessGone(worker.exit(hook)),
            close: (timeout) => unlessGone(worker.close(timeout)),
            kill: Effect.suspend(() => {
              isAsked = false
              return worker.kill
            }),
            run: (chunk) => {
              const one = muted(chunk)
              chunks.set(chunk, one)
              if (!isGone) worker.run(one.chunk)
            },
            limitTo: (chunk, items) => {
              const one = chunks.get(chunk)
              return isGone || one === undefined ? chunk.items.length : worker.limitTo(one.chunk, items)
            },
            started: (chunk) => {
              const one = chunks.get(chunk)
              return isGone || one === undefined ? undefined : worker.started(one.chunk)
            },
            interrupt: (chunk) => {
              const one = chunks.get(chunk)
              if (!isGone && one !== undefined) worker.interrupt(one.chunk)
            }
          }
          return made
        })
    }))
  ).pipe(Layer.provide(WorkerRuntime.layerFibers()))

const chunkFields = (
  chunk: WorkerRuntime.Chunk
): Omit<WorkerRuntime.Chunk, "task" | "onSuccess" | "onSuccesses" | "onFailure" | "onTime" | "onEnd"> => ({
  context: chunk.context,
  contexts: chunk.contexts,
  discard: chunk.discard,
  index: (position) => chunk.index(position),
  items: chunk.items,
  reportInterval: chunk.reportInterval,
  timeout: chunk.timeout,
  longerThan: chunk.longerThan,
  onLong: (position, items, millis) => chunk.onLong(position, items, millis)
})
