/**
 * The engine behind `FiberPool`: that of `WorkerPool` over fibers, with closures in place of what has an address.
 */
import * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"
import { areOptions } from "./common/options.ts"
import { ambientRuntime } from "./fibers/fiberWorker.ts"
import * as portable from "./task/portable.ts"
import * as workerPool from "./workerPool.ts"

export const TypeId = "~effect-mpire/FiberPool" as const

export const isFiberPool = (u: unknown): boolean => hasProperty(u, TypeId)

const closure = (code: unknown): unknown => (code === undefined ? undefined : portable.closure(code))

export const make = (
  input: workerPool.Options = {}
): Effect.Effect<workerPool.Methods & { readonly [TypeId]: typeof TypeId }, unknown, unknown> =>
  Effect.gen(function* () {
    const options = yield* workerPool.resolve(input)
    const closed = areOptions(options)
      ? { ...options, init: closure(options.init), exit: closure(options.exit) }
      : options
    const pool = yield* workerPool.makePool(ambientRuntime, closed)
    return { [TypeId]: TypeId, ...workerPool.makeMethods(pool, closure) }
  })
