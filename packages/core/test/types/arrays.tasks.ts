// Tasks for slices of arrays
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { WorkerContext } from "../../src/WorkerContext.ts"

export class Overflow extends Data.TaggedError("Overflow") {}

export class Scale extends Context.Service<Scale, number>()("test/Scale") {}

export const layer = Layer.succeed(Scale, 2)

export const same = (slice: Float64Array) => slice.map((x) => x + 1)

export const other = async (slice: Float64Array) => new Uint8ClampedArray(slice)

export const checked = (slice: Float64Array): Effect.Effect<Float32Array, Overflow> =>
  slice.length > 1 ? Effect.fail(new Overflow()) : Effect.succeed(Float32Array.from(slice))

export const ofBigints = (slice: BigInt64Array) => BigUint64Array.from(slice)

export const mixed = (slice: Float64Array) => (slice.length > 1 ? new Int8Array(1) : new Int16Array(1))

export const failing = (_: Float64Array) => Effect.fail(new Overflow())

export const any = (_: Float64Array): any => undefined

export const scaled = Effect.fn("scaled")(function* (slice: Float64Array) {
  const scale = yield* Scale
  return slice.map((x) => x * scale)
})

export const withState = (slice: Float64Array, worker: WorkerContext<{ readonly by: number }>) =>
  slice.map((x) => x * worker.state.by)

export const ofOrdinary = (slice: Float64Array<ArrayBuffer>) => slice

export const ofAny = (slice: Float64Array | Float32Array) => new Uint32Array(slice.length)

export const toArray = (slice: Float64Array) => [...slice]

export const toView = (slice: Float64Array) => new DataView(slice.buffer)

export const maybe = (slice: Float64Array) => (slice.length > 1 ? slice : undefined)

export const scale = (by: number, slice: Float64Array) => slice.map((x) => x * by)

export const open = () => ({ by: 2 })
