/**
 * The tasks of `RuntimeSuite` with Schemas, which both sides import.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Transferable from "effect/workers/Transferable"
import * as Portable from "../Portable.ts"
import type { WorkerContext } from "../WorkerContext.ts"
import { exitAt } from "./suite.accidents.tasks.ts"

/** A class that structured clone would lose. */
export class Point extends Schema.Class<Point>("@effect-mpire/core/testing/Point")({
  x: Schema.Number,
  y: Schema.Number
}) {
  get length(): number {
    return Math.hypot(this.x, this.y)
  }
}

/** An error class that structured clone would lose. */
export class TooFar extends Schema.TaggedError<TooFar>()("TooFar", { point: Point }) {}

/** Half of an even number. */
export const half = Portable.make(
  import.meta.url,
  "half",
  (n: number): Option.Option<number> => (n % 2 === 0 ? Option.some(n / 2) : Option.none()),
  { input: Schema.Number, output: Schema.Option(Schema.Number) }
)

/** Mirrors a point; fails for one that is more than 10 away from the origin. */
export const mirror = Portable.make(
  import.meta.url,
  "mirror",
  (point: Point): Effect.Effect<Point, TooFar> =>
    // only an instance of the class knows its length
    point.length > 10 ? Effect.fail(new TooFar({ point })) : Effect.succeed(new Point({ x: point.y, y: point.x })),
  { input: Point, output: Point, error: TooFar }
)

/** Moves a point by a bound value; the Schemas are for the item, not for that value. */
export const move = Portable.make(
  import.meta.url,
  "move",
  (by: { readonly x: number }, point: Point): Option.Option<Point> =>
    point.length > 10 ? Option.none() : Option.some(new Point({ x: point.x + by.x, y: point.y })),
  { input: Point, output: Schema.Option(Point) }
)

/** Counts bytes that are moved, not copied. */
export const countBytes = Portable.make(import.meta.url, "countBytes", (bytes: Uint8Array): number => bytes.length, {
  input: Transferable.Uint8Array
})

/** Counts bytes that are moved, and ends the worker when there are 32. */
export const countBytesOrExit = Portable.make(
  import.meta.url,
  "countBytesOrExit",
  (bytes: Uint8Array): number => exitAt(32, bytes.length),
  { input: Transferable.Uint8Array }
)

/** A service. */
export class Greeting extends Context.Service<Greeting, { readonly text: string }>()(
  "@effect-mpire/core/testing/Greeting"
) {}

/** A Layer. */
export const greeting = Portable.make(
  import.meta.url,
  "greeting",
  Layer.sync(Greeting, () => Greeting.of({ text: "hello" }))
)

/** An Effect. */
export const openGreeting = Portable.make(
  import.meta.url,
  "openGreeting",
  Effect.gen(function* () {
    const { text } = yield* Greeting
    return text
  })
)

/** A function without Schemas. */
export const greet = Portable.make(import.meta.url, "greet", (name: string, worker: WorkerContext<string>) =>
  Effect.gen(function* () {
    const { text } = yield* Greeting
    return `${worker.state} and ${text}, ${name}`
  })
)

let given: Uint8Array<ArrayBuffer> | undefined

/** Gives `length` bytes, which are moved; for 0, says how many are left here of those that it gave last. */
export const giveBytes = Portable.make(
  import.meta.url,
  "giveBytes",
  (length: number): Uint8Array<ArrayBuffer> => {
    if (length === 0) return Uint8Array.of(given?.length ?? 255)
    given = new Uint8Array(length)
    return given
  },
  { output: Transferable.Uint8Array }
)

/** Swaps the two numbers of a slice; fails when the first is more than 10. */
export const mirrorAll = Portable.make(
  import.meta.url,
  "mirrorAll",
  (pair: Float64Array): Effect.Effect<Float64Array, TooFar> => {
    const [x = 0, y = 0] = pair
    return x > 10 ? Effect.fail(new TooFar({ point: new Point({ x, y }) })) : Effect.succeed(Float64Array.of(y, x))
  },
  { error: TooFar }
)
