import * as NodeWorker from "@effect/platform-node/NodeWorker"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as RpcClient from "effect/rpc/RpcClient"
import { availableParallelism } from "node:os"
import { Worker } from "node:worker_threads"
import { sibling } from "../sibling.ts"
import { ofSingleTasks, type PoolKind } from "../task-pool.ts"
import { TaskRpcs } from "./effect-rpc.group.ts"

export const effectRpc: PoolKind = {
  name: "Effect rpc",
  open: async ({ size = availableParallelism(), tasks, workerData }) => {
    const layer = RpcClient.layerProtocolWorker({ size }).pipe(
      Layer.provide(
        NodeWorker.layer(
          () =>
            new Worker(sibling(import.meta.url, "effect-rpc.worker"), {
              workerData: { ...workerData, tasks: tasks.href }
            })
        )
      )
    )
    const scope = Scope.makeUnsafe()
    const client = await Effect.runPromise(
      Effect.gen(function* () {
        const context = yield* Layer.buildWithScope(layer, scope)
        return yield* RpcClient.make(TaskRpcs).pipe(Effect.provideContext(context), Scope.provide(scope))
      })
    )
    const runAll = (task: string, items: ReadonlyArray<unknown>): Promise<ReadonlyArray<any>> =>
      Effect.runPromise(Effect.forEach(items, (item) => client.run({ task, item }), { concurrency: "unbounded" }))
    return {
      ...ofSingleTasks({
        size,
        run: (task, item) => Effect.runPromise(client.run({ task, item })),
        close: () => Effect.runPromise(Scope.close(scope, Exit.void))
      }),
      map: runAll,
      runAll,
      runEach: (task, items) => Effect.runPromise(Effect.forEach(items, (item) => client.run({ task, item })))
    }
  }
}
