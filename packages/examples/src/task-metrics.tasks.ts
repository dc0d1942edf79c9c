import { Effect, Metric } from "effect"

const orders = Metric.counter("shop_orders_total", { description: "Orders handled", incremental: true })
const kinds = Metric.frequency("shop_goods")
const amounts = Metric.histogram("shop_amount", { boundaries: [10, 100, 1000] })

/** An order of so many of something. */
export interface Order {
  readonly goods: string
  readonly amount: number
}

/** Handles an order, and measures as any Effect does. */
export const handle = Effect.fnUntraced(function* ({ amount, goods }: Order) {
  yield* Metric.update(orders, 1)
  yield* Metric.update(kinds, goods)
  yield* Metric.update(amounts, amount)
  return amount * 2
})
