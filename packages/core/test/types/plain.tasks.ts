// Tasks without state, hooks or services, one per way to return
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { WorkerContext } from "../../src/WorkerContext.ts"

export class TooBig extends Data.TaggedError("TooBig")<{ readonly limit: number }> {}

export class Odd extends Data.TaggedError("Odd")<{ readonly n: number }> {}

export const value = (n: number) => String(n)

export const promise = (n: number) => Promise.resolve(n > 0)

export const asynchronous = async (n: number) => ({ n })

export const effect = (n: number): Effect.Effect<string, TooBig> =>
  n > 10 ? Effect.fail(new TooBig({ limit: 10 })) : Effect.succeed(String(n))

export const generator = Effect.fn("generator")(function* (n: number) {
  if (n > 10) return yield* new TooBig({ limit: 10 })
  if (n % 2 === 1) return yield* new Odd({ n })
  return yield* Effect.succeed(n / 2)
})

export const failing = (n: number) => Effect.fail(new Odd({ n }))

/** Each branch in a way of its own. */
export const mixed = (n: number) => {
  if (n === 0) return "zero" as const
  if (n === 1) return Promise.resolve(1n)
  if (n === 2) return Effect.succeed(true)
  return Effect.fail(new TooBig({ limit: 2 }))
}

/** What a generic helper makes. */
const orElse = <A, B>(n: number, a: A, b: B) => (n > 0 ? a : Effect.succeed(b))

export const union = (n: number) => orElse(n, { a: 1 }, ["b"])

export const nothing = (_: number) => {}

export const any = (_: number): any => undefined

export const anyPromise = async (_: number): Promise<any> => undefined

export const anyEffect = (_: number): Effect.Effect<any, TooBig> => Effect.succeed(undefined)

export const unknownValue = (_: number): unknown => undefined

export const never = (_: number): never => {
  throw new Error("never")
}

export const noParameters = () => 1

export const optionalWorker = (n: number, worker?: WorkerContext) => n + (worker?.id ?? 0)

export const ofMany = (x: string | number | null) => String(x)

export const ofText = (s: string) => s.length

export const ofReadonly = (ns: ReadonlyArray<number>) => ns.length

export const ofShape = (shape: { readonly kind: "circle"; readonly r: number } | { readonly kind: "point" }) =>
  shape.kind

export const withRadix = (s: string, radix?: number) => Number.parseInt(s, radix)

export const sized = <T extends { readonly length: number }>(x: T) => x.length
