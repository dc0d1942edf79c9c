// What is public, and what is not.
import type * as Effect from "effect/Effect"
import { expect, test } from "tstyche"
import type * as FiberPool from "../../src/FiberPool.ts"
import type * as fiberPool from "../../src/internal/fiberPool.ts"
import type * as workerPool from "../../src/internal/workerPool.ts"
import type * as Portable from "../../src/Portable.ts"
import type * as WorkerPool from "../../src/WorkerPool.ts"

test("a pool has the methods that its interface declares, and no others", () => {
  type Made<Make extends (...args: any) => Effect.Effect<any, any, any>> = keyof Effect.Success<ReturnType<Make>>
  expect<Made<typeof workerPool.make>>().type.toBe<keyof WorkerPool.WorkerPool>()
  expect<Made<typeof fiberPool.make>>().type.toBe<keyof FiberPool.FiberPool>()
})

// Types that only the compiler uses, to check arguments and to write signatures

// @ts-expect-error has no exported member 'HookOf'
export type HookOf = WorkerPool.HookOf
// @ts-expect-error has no exported member 'Returned'
export type Returned = WorkerPool.Returned
// @ts-expect-error has no exported member 'StateOf'
export type StateOf = WorkerPool.StateOf
// @ts-expect-error has no exported member 'CheckHook'
export type CheckHook = WorkerPool.CheckHook
// @ts-expect-error has no exported member 'CheckTask'
export type CheckTask = WorkerPool.CheckTask
// @ts-expect-error has no exported member 'CheckArray'
export type CheckArray = WorkerPool.CheckArray
// @ts-expect-error has no exported member 'CheckRequirements'
export type CheckRequirements = WorkerPool.CheckRequirements
// @ts-expect-error has no exported member 'CheckExitResult'
export type CheckExitResult = WorkerPool.CheckExitResult
// @ts-expect-error has no exported member 'MapMethod'
export type MapMethod = WorkerPool.MapMethod
// @ts-expect-error has no exported member 'StreamMethod'
export type StreamMethod = WorkerPool.StreamMethod
// @ts-expect-error has no exported member 'StreamExitMethod'
export type StreamExitMethod = WorkerPool.StreamExitMethod
// @ts-expect-error has no exported member 'Kinds'
export type Kinds = WorkerPool.Kinds
// @ts-expect-error has no exported member 'Float16ArrayLike'
export type Float16ArrayLike = WorkerPool.Float16ArrayLike
// @ts-expect-error has no exported member 'WithoutScope'
export type WithoutScope = FiberPool.WithoutScope
// @ts-expect-error has no exported member 'MapMethod'
export type FiberMapMethod = FiberPool.MapMethod
// @ts-expect-error has no exported member 'CheckSchemas'
export type CheckSchemas = Portable.CheckSchemas
// @ts-expect-error has no exported member 'Encoded'
export type Encoded = Portable.Encoded
// @ts-expect-error has no exported member 'Lost'
export type Lost = Portable.Lost
