// Services, and the tasks and hooks that require them
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { WorkerContext } from "../../src/WorkerContext.ts"

export class Db extends Context.Service<Db, { readonly find: (id: number) => Effect.Effect<string> }>()("test/Db") {}

export class Mail extends Context.Service<Mail, { readonly send: (to: string) => Effect.Effect<void> }>()(
  "test/Mail"
) {}

export class Url extends Context.Service<Url, string>()("test/Url") {}

export class Unavailable extends Data.TaggedError("Unavailable") {}

export const dbLayer = Layer.succeed(Db, { find: (id) => Effect.succeed(`row ${id}`) })

export const mailLayer = Layer.effect(
  Mail,
  Effect.acquireRelease(Effect.succeed({ send: () => Effect.void }), () => Effect.void)
)

export const dbAndMail = Layer.merge(dbLayer, mailLayer)

export const failingLayer: Layer.Layer<Db, Unavailable> = Layer.effect(Db, Effect.fail(new Unavailable()))

export const needsUrl: Layer.Layer<Db, never, Url> = Layer.effect(
  Db,
  Effect.map(Url, (url) => ({ find: (id) => Effect.succeed(`${url}/${id}`) }))
)

export const find = Effect.fn("find")(function* (id: number) {
  const db = yield* Db
  return yield* db.find(id)
})

export const findAndMail = (id: number) =>
  Effect.gen(function* () {
    const row = yield* find(id)
    const mail = yield* Mail
    yield* mail.send(row)
    return row
  })

export const maybeFind = (id: number) => (id > 0 ? find(id) : "none")

export const scoped = (n: number): Effect.Effect<number, never, Scope.Scope> =>
  Effect.acquireRelease(Effect.succeed(n), () => Effect.void)

export const scopedFind = (id: number): Effect.Effect<string, never, Db | Scope.Scope> =>
  Effect.andThen(scoped(id), find)

export const anyRequired = (n: number): Effect.Effect<number, never, any> => Effect.succeed(n)

export const openDb = Effect.map(Db, () => "opened")

export const openDbOf = (worker: WorkerContext) => Effect.map(Db, () => `opened ${worker.id}`)

export const closeDb = (worker: WorkerContext<string>) => Effect.map(Db, () => worker.state.length)

export const closeDbScoped = (worker: WorkerContext<string>) => Effect.andThen(scoped(1), closeDb(worker))

export const openScoped = Effect.acquireRelease(Effect.succeed("opened"), () => Effect.void)
