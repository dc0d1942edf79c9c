// Exports of all sorts
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

export const f = (n: number) => n

export function overloaded(x: string): string
export function overloaded(x: number): number
export function overloaded(x: unknown): unknown {
  return x
}

export const effect = Effect.succeed(1)

/** A key is an Effect, of its service. */
export class Key extends Context.Service<Key, number>()("test/Key") {}

export const layer = Layer.succeed(Key, 1)

export const empty = Layer.empty

export default async () => {}

export const constant = 1

export const object = { f }

export class Class {
  readonly n = 1
}

export const option = Option.some(1)

export const stream = Stream.make(1)

export type Type = string
