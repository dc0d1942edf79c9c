import { Portable, WorkerPool, type WorkerPoolError } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Console, Context, Effect, Layer } from "effect"
import type * as Tasks from "./app-layers.tasks.ts"

// #region program
const tasks = Portable.module<typeof Tasks>(new URL("./app-layers.tasks.ts", import.meta.url))

// the options may be an Effect: this pool's size comes from the environment
class Compressors extends WorkerPool.Service<Compressors>()(
  "app/Compressors",
  Effect.map(Config.Int("COMPRESSORS").pipe(Config.withDefault(2)), (size) => ({ size, keepAlive: true }))
) {}

// workers that have been idle for ten seconds are released
class Digests extends WorkerPool.Service<Digests>()("app/Digests", { size: 1, keepAlive: "10 seconds" }) {}

interface Stored {
  readonly digest: string
  readonly bytes: number
}

export class Archive extends Context.Service<
  Archive,
  {
    readonly store: (text: string) => Effect.Effect<Stored, WorkerPoolError.WorkerPoolError>
  }
>()("app/Archive") {
  static readonly layerNoDeps = Layer.effect(
    Archive,
    Effect.gen(function* () {
      const compressors = yield* Compressors
      const digests = yield* Digests
      const store = Effect.fn("Archive.store")(function* (text: string) {
        const bytes = yield* compressors.run(tasks.compress, text)
        const digest = yield* digests.run(tasks.digest, bytes)
        return { digest, bytes: bytes.byteLength }
      })
      return Archive.of({ store })
    })
  )

  // what is left to choose is where the workers live
  static readonly layer = this.layerNoDeps.pipe(Layer.provide([Compressors.layer, Digests.layer]))
}

export const program = Effect.gen(function* () {
  const archive = yield* Archive
  return yield* Effect.forEach(["one", "two", "three"], archive.store, { concurrency: "unbounded" })
}).pipe(Effect.provide(Archive.layer))
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(Effect.flatMap(Console.log), Effect.provide(NodeWorkerRuntime.layerThreads()), NodeRuntime.runMain)
}
