/**
 * Options that are sizes in bytes.
 */
import type { WorkerPoolError } from "@effect-mpire/core/WorkerPoolError"
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { invalidOption } from "../common/options.ts"

const expected = `a number of bytes >= 0, or a size such as "1 GB", "512 MiB" or "1.5 GB"`

/** How many bytes an option asks for: "1 kB" is 1,000 of them, and "1 KiB" 1,024. */
export const parse = (option: string, size: unknown): Effect.Effect<number, WorkerPoolError> => {
  const bytes = Option.getOrUndefined(Option.flatMap(ByteSize.fromInput(size as ByteSize.Input), ByteSize.toNumber))
  return bytes === undefined ? Effect.fail(invalidOption(option, size, expected)) : Effect.succeed(bytes)
}
