// What Portable.make makes
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Portable from "../../src/Portable.ts"
import type { WorkerContext } from "../../src/WorkerContext.ts"

export class Negative extends Schema.TaggedError<Negative>()("Negative", { n: Schema.Number }) {}

export class Point extends Schema.Class<Point>("Point")({ x: Schema.Number, y: Schema.Number }) {}

export class Plain extends Data.TaggedError("Plain") {}

export const double = Portable.make(import.meta.url, "double", (n: number) => n * 2)

export const half = Portable.make(
  import.meta.url,
  "half",
  (n: number, _worker: WorkerContext) => (n % 2 === 0 ? Option.some(n / 2) : Option.none<number>()),
  { output: Schema.Option(Schema.Number) }
)

export const root = Portable.make(
  import.meta.url,
  "root",
  (n: number) => (n < 0 ? Effect.fail(new Negative({ n })) : Effect.succeed(Math.sqrt(n))),
  { error: Negative }
)

export const mirror = Portable.make(
  import.meta.url,
  "mirror",
  (point: Point) => Effect.succeed(new Point({ x: point.y, y: point.x })),
  { input: Point, output: Point }
)

export const weighted = Portable.make(
  import.meta.url,
  "weighted",
  (weights: ReadonlyMap<string, number>, word: string, worker: WorkerContext<{ readonly base: number }>) =>
    Option.map(Option.fromNullishOr(weights.get(word)), (weight) => weight * worker.state.base),
  { input: Schema.String, output: Schema.Option(Schema.Number) }
)

export const init = Portable.make(import.meta.url, "init", Effect.succeed({ base: 2 }))

export const services = Portable.make(import.meta.url, "services", Layer.empty)
