/** What a worker of Effect's rpc pool runs: it calls the exports of the module that it is told. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeWorkerRunner from "@effect/platform-node/NodeWorkerRunner"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RpcServer from "effect/rpc/RpcServer"
import { workerData } from "node:worker_threads"
import { TaskRpcs } from "./effect-rpc.group.ts"

const tasks: Record<string, (item: unknown) => unknown> = await import(workerData.tasks)

const handlers = TaskRpcs.toLayer({ run: ({ item, task }) => Effect.sync(() => tasks[task]!(item)) })

RpcServer.layer(TaskRpcs).pipe(
  Layer.provide(handlers),
  Layer.provide(RpcServer.layerProtocolWorkerRunner),
  Layer.provide(NodeWorkerRunner.layer),
  Layer.launch,
  NodeRuntime.runMain
)
