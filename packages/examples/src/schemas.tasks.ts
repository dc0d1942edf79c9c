import * as Portable from "@effect-mpire/core/Portable"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

export class Order extends Schema.Class<Order>("app/Order")({
  product: Schema.String,
  count: Schema.Int,
  coupon: Schema.Option(Schema.String)
}) {}

export class Invoice extends Schema.Class<Invoice>("app/Invoice")({
  order: Order,
  cents: Schema.Int,
  due: Schema.Date
}) {
  get text(): string {
    return `${this.order.count} × ${this.order.product}: ${(this.cents / 100).toFixed(2)}`
  }
}

export class UnknownProduct extends Schema.TaggedError<UnknownProduct>()("UnknownProduct", {
  product: Schema.String
}) {}

const prices = new Map([
  ["apple", 30],
  ["bread", 250]
])

/** What crosses goes through the Schemas, so that classes, Options and errors arrive as themselves. */
export const toInvoice = Portable.make(
  import.meta.url,
  "toInvoice",
  Effect.fnUntraced(function* (order: Order) {
    const price = prices.get(order.product)
    if (price === undefined) return yield* new UnknownProduct({ product: order.product })
    const cents = Option.isSome(order.coupon) ? Math.round(price * order.count * 0.9) : price * order.count
    return new Invoice({ order, cents, due: new Date("2030-01-01") })
  }),
  { input: Order, output: Invoice, error: UnknownProduct }
)
