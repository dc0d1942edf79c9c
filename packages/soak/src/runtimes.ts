/**
 * The runtimes by name, as far as they are there.
 */
import { WorkerRuntime } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import type * as Layer from "effect/Layer"
import type { RuntimeName } from "./script.ts"

const named: { readonly [name: string]: unknown } = NodeWorkerRuntime

export const has = (name: RuntimeName): boolean => name !== "processes" || "layerProcesses" in named

export const layer = (name: RuntimeName): Layer.Layer<WorkerRuntime.WorkerRuntime> => {
  switch (name) {
    case "fibers":
      return WorkerRuntime.layerFibers()
    case "threads":
      return NodeWorkerRuntime.layerThreads()
    case "processes":
      return (named["layerProcesses"] as () => Layer.Layer<WorkerRuntime.WorkerRuntime>)()
  }
}
