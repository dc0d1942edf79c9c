import type { WorkerContext } from "@effect-mpire/core/WorkerContext"
import { Console, Effect } from "effect"

/** A hook: a worker's orders are counted in its state. */
export const openBook = () => ({ orders: 0 })

/** The other hook, run whatever ends the worker; it takes a moment. */
export const closeBook = ({ id, state }: WorkerContext<{ readonly orders: number }>) =>
  Effect.andThen(Effect.sleep("200 millis"), Console.log(`worker ${id} wrote ${state.orders} orders down`))

/** Takes its time, and can be interrupted. */
export const takeOrder = (order: number, { state }: WorkerContext<{ orders: number }>) =>
  Effect.map(Effect.sleep("10 millis"), () => {
    state.orders++
    return order
  })
