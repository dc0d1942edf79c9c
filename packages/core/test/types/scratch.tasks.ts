import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Context from "effect/Context"
import type * as Scope from "effect/Scope"
import type { WorkerContext } from "../../src/WorkerContext.ts"
export class Db extends Context.Service<Db, { readonly q: string }>()("Db") {}
export const dbLayer = Layer.succeed(Db, { q: "" })
export const openDb: Effect.Effect<{ n: number }, Error, Scope.Scope> = null!
export const plain = (n: number) => n + 1
export const identity = <T>(x: T) => x
export const withDb = (n: number) => Effect.map(Db, (db) => db.q + n)
export const stated = (n: number, w: WorkerContext<{ n: number }>) => n + w.state.n
export const constant = 3
export class Foo { a = 1 }
