import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Stream } from "effect"
import type * as Tasks from "./shutdown.tasks.ts"

const tasks = Portable.module<typeof Tasks>(new URL("./shutdown.tasks.ts", import.meta.url))

class Shop extends WorkerPool.Service<Shop>()("app/Shop", { size: 2, init: tasks.openBook, exit: tasks.closeBook }) {}

// orders without end, until Ctrl-C or a SIGTERM interrupts the program
const program = Effect.gen(function* () {
  const shop = yield* Shop
  const orders = shop.stream(Stream.range(1, Number.POSITIVE_INFINITY), tasks.takeOrder, { chunkSize: 1 })
  yield* Stream.runForEach(orders, (order) => Console.log(`order ${order}`))
})

// the first signal lets the workers write their orders down; a second one does not wait for that
const impatient = Layer.effectDiscard(
  Effect.acquireRelease(
    Effect.sync(() => {
      let signals = 0
      const onSignal = () => {
        if (++signals === 2) process.exit(130)
      }
      process.on("SIGINT", onSignal).on("SIGTERM", onSignal)
      return onSignal
    }),
    (onSignal) => Effect.sync(() => process.off("SIGINT", onSignal).off("SIGTERM", onSignal))
  )
)

const workers = process.argv.includes("--processes")
  ? NodeWorkerRuntime.layerProcesses()
  : NodeWorkerRuntime.layerThreads()

program.pipe(Effect.provide(Shop.layer), Effect.provide(workers), Effect.provide(impatient), NodeRuntime.runMain)
