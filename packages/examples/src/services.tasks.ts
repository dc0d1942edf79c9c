import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { DatabaseSync, type StatementSync } from "node:sqlite"

export class Db extends Context.Service<
  Db,
  {
    readonly prepare: (sql: string) => Effect.Effect<StatementSync>
  }
>()("app/Db") {}

/** A database for each worker, opened before its first task and closed when the worker is released. */
export const layerDb = Layer.effect(
  Db,
  Effect.gen(function* () {
    const database = yield* Effect.acquireRelease(
      Effect.sync(() => new DatabaseSync(":memory:")),
      (database) => Effect.sync(() => database.close())
    )
    database.exec("CREATE TABLE products (name TEXT PRIMARY KEY, cents INTEGER)")
    database.exec("INSERT INTO products VALUES ('apple', 30), ('bread', 250), ('cheese', 420)")
    return Db.of({ prepare: (sql) => Effect.sync(() => database.prepare(sql)) })
  })
)

export const priceOf = Effect.fnUntraced(function* (name: string) {
  const db = yield* Db
  const statement = yield* db.prepare("SELECT cents FROM products WHERE name = ?")
  const row = statement.get(name)
  return row === undefined ? yield* Effect.fail(`no product ${name}`) : Number(row.cents)
})
