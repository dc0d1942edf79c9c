import * as Effect from "effect/Effect"
import * as Config from "effect/Config"
import * as Stream from "effect/Stream"
import { expect, test } from "tstyche"
import * as Portable from "../../src/Portable.ts"
import * as WorkerPool from "../../src/WorkerPool.ts"
import * as FiberPool from "../../src/FiberPool.ts"

const tasks = Portable.module<typeof import("./scratch.tasks.ts")>(new URL("./scratch.tasks.ts", import.meta.url))
declare const pool: WorkerPool.WorkerPool
declare const fibers: FiberPool.FiberPool
declare const stream: Stream.Stream<number, Error, "R0">
export const q: keyof typeof tasks = "zzz"
export const a1 = pool.map([1], (n: number) => n)
export const a2 = pool.map(["a"], tasks.plain)
export const a3 = pool.map([1], tasks.withDb)
export const a4 = pool.map([1], tasks.stated)
export const a5 = pool.map([1], tasks.identity)
export const a6 = pool.map(stream, tasks.plain)
export const a7 = WorkerPool.make({ init: (w: any) => 3 })
export const a8 = WorkerPool.make({ dispatch: "x" })
export const a9 = WorkerPool.make({ init: tasks.openDb, exit: tasks.plain })
export const b1 = WorkerPool.make(Effect.map(Config.int("x"), (size) => ({ size, dispatch: "ordered", init: tasks.openDb })))
export const b2 = WorkerPool.make(Effect.gen(function*() { return { size: yield* Config.int("x"), dispatch: "ordered", init: tasks.openDb }}))
class A1 { readonly _tag = "A"; }
class A2 { readonly _tag = "B"; }
export const c1 = fibers.map([1, 2], (n) => n > 1 ? Effect.succeed(1) : Effect.succeed("a"))
export const c2 = fibers.map([1, 2], (n) => n > 1 ? Effect.fail(new A1()) : Effect.fail(new A2()))
export const c3 = fibers.map(stream, (n) => n > 1 ? Effect.fail(new A1()) : Effect.fail(new A2()))
export const c4 = FiberPool.make({ exit: (w: import("../../src/WorkerContext.ts").WorkerContext<number>) => Effect.succeed(w.state) })
test("x", () => { expect(b1).type.toBe<string>() 
expect(b2).type.toBe<string>() 
expect(a5).type.toBe<string>() 
expect(a6).type.toBe<string>() 
expect(c1).type.toBe<string>() 
expect(c2).type.toBe<string>() 
expect(c3).type.toBe<string>() 
expect(c4).type.toBe<string>() 
})
