// Tasks whose results structured clone would lose
import * as Chunk from "effect/Chunk"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"

export const option = (n: number) => (n > 0 ? Option.some(n) : Option.none<number>())

export const optionEffect = (n: number) => Effect.succeed(option(n))

export const optionPromise = async (n: number) => option(n)

export const maybeOption = (n: number) => (n > 0 ? option(n) : n)

export const result = (n: number) => (n > 0 ? Result.succeed(n) : Result.fail("negative"))

export const chunk = (n: number) => Chunk.of(n)

export const exit = (n: number) => Effect.exit(Effect.succeed(n))

export const duration = (n: number) => Duration.seconds(n)

export const dateTime = (n: number) => DateTime.makeUnsafe(n)

export const hashMap = (n: number) => HashMap.make([n, n])

export const redacted = (n: number) => Redacted.make(n)

export const stream = (n: number) => Stream.make(n)

export const nested = (n: number) => Effect.succeed(Effect.succeed(n))

export const exitAsEffect = (n: number) => Exit.succeed(n)

export const date = (n: number) => new Date(n)

export const map = (n: number) => new Map([[n, new Set([n])]])

export const bytes = (n: number) => new Uint8Array(n)

export const error = (n: number) => new Error(String(n))

export const closeOption = () => Option.some(1)

export const closeChunk = Effect.succeed(Chunk.of(1))

export const aFunction = (n: number) => () => n

export const maybeFunction = (n: number) => (n > 0 ? () => n : n)

export const aClass = async () => Date

export const closeFunction = () => () => 1
