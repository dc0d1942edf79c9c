/**
 * Tasks and hooks that return Effects.
 */
import type { WorkerContext } from "@effect-mpire/core/WorkerContext"
import * as WorkerPoolError from "@effect-mpire/core/WorkerPoolError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Answer, events, type Failed, type Item, type State } from "./item.ts"
import * as plain from "./plain.tasks.ts"
import { act, begin, end, noteWorker } from "./worker.ts"

export const init = (plan: plain.HookPlan, worker: WorkerContext): Effect.Effect<State, never, Scope.Scope> =>
  Effect.gen(function* () {
    // before there is anything to finalize: whoever listens to nobody finalizes nothing
    if (plan.fate === "never" && worker.id % 2 === 0)
      return yield* Effect.uninterruptible(Effect.promise(() => plain.never(plan, worker)))
    yield* Effect.acquireRelease(
      Effect.sync(() => noteWorker(plan.ledger, events.scoped, worker)),
      () => Effect.sync(() => noteWorker(plan.ledger, events.finalized, worker))
    )
    if (plan.millis > 0) yield* Effect.sleep(plan.millis)
    if (plan.fate === "never") return yield* Effect.promise(() => plain.never(plan, worker))
    if (plan.fate === "failsAsPool") {
      noteWorker(plan.ledger, events.acquire, worker)
      return yield* Effect.die(WorkerPoolError.make(new WorkerPoolError.Terminated({})))
    }
    return plain.initialised(plan, worker)
  })

export const exit = (plan: plain.HookPlan, worker: WorkerContext<State>): Effect.Effect<string> =>
  Effect.gen(function* () {
    noteWorker(plan.ledger, events.exit, worker)
    yield* Effect.ensuring(
      Effect.sleep(plan.millis),
      Effect.sync(() => noteWorker(plan.ledger, events.exited, worker))
    )
    if (plan.fate === "never") return yield* Effect.promise(() => new Promise<never>(() => {}))
    return plain.exited(plan, worker)
  })

type Result = Answer | Promise<Answer> | Effect.Effect<Answer, Failed, Scope.Scope>

export const task = (item: Item, worker: WorkerContext<State>): Result => salted(0, item, worker)

/** A task of one more parameter, to be bound. */
export const salted = (salt: number, item: Item, worker: WorkerContext<State>): Result =>
  item.style === "effect" ? effect(salt, item, worker) : plain.salted(salt, item, worker)

const effect = (salt: number, item: Item, worker: WorkerContext<State>): Effect.Effect<Answer, Failed, Scope.Scope> => {
  const { index, operation } = item
  if (item.act === "noEffect") return comesToNoEffect(item, worker)
  return Effect.gen(function* () {
    yield* Effect.acquireRelease(
      Effect.sync(() => begin(item, worker)),
      () => Effect.sync(() => end(item, worker))
    )
    if (item.act === "fail") return yield* Effect.fail<Failed>({ _tag: "SoakFailed", operation, index })
    if (item.act === "wait") yield* Effect.sleep(item.millis)
    if (item.act === "never") return yield* Effect.uninterruptible(Effect.promise(() => new Promise<never>(() => {})))
    if (item.act === "deaf" || item.act === "late") yield* Effect.uninterruptible(Effect.sleep(item.millis))
    return act(item, worker, salt)
  })
}

/** The fiber of an Effect that comes to no Effect ends without its finalizers, so that the item says before that it has ended. */
const comesToNoEffect = (item: Item, worker: WorkerContext<State>): Effect.Effect<never> =>
  Effect.flatMap(
    Effect.sync(() => {
      begin(item, worker)
      end(item, worker)
    }),
    () => undefined as unknown as Effect.Effect<never>
  )
