import { WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Option } from "effect"
import { Order, toInvoice } from "./schemas.tasks.ts"

// #region program
export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
  const orders = [
    new Order({ product: "apple", count: 10, coupon: Option.some("WELCOME") }),
    new Order({ product: "bread", count: 2, coupon: Option.none() })
  ]
  const invoices = yield* pool.map(orders, toInvoice)
  const answer = yield* pool.run(toInvoice, new Order({ product: "cake", count: 1, coupon: Option.none() })).pipe(
    Effect.map((invoice) => invoice.text),
    Effect.catchTag("UnknownProduct", (error) => Effect.succeed(`no ${error.product} today`))
  )
  return { invoices, answer }
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(
    Effect.flatMap(({ answer, invoices }) => Console.log([...invoices.map((invoice) => invoice.text), answer])),
    Effect.provide(NodeWorkerRuntime.layerThreads()),
    NodeRuntime.runMain
  )
}
