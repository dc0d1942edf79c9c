/**
 * What the tests of the cluster share: random inputs, options that are refused, and what the log says.
 */
import { assert } from "@effect/vitest"
import * as WorkerPoolError from "@effect-mpire/core/WorkerPoolError"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/**
 * The same runs each time. `PROPERTY_SEED=random` looks for new ones, and `PROPERTY_RUNS=10` does ten times as many.
 */
export const runs = (count: number) => {
  const seed = process.env["PROPERTY_SEED"] ?? "effect-mpire"
  const factor = Number(process.env["PROPERTY_RUNS"] ?? 1)
  return {
    timeout: 60_000 * factor,
    arbitrary: { runs: count * factor, ...(seed === "random" ? {} : { seed }) }
  }
}

export const integer = (minimum: number, maximum: number): Arbitrary.Arbitrary<number> =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

export const oneOf = <const A extends ReadonlyArray<unknown>>(...values: A): Arbitrary.Arbitrary<A[number]> =>
  Arbitrary.map(integer(0, values.length - 1), (index) => values[index])

/** What an effect failed with; the test fails if it did not fail. */
export const failure = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<E, never, R> =>
  Effect.orDie(Effect.flip(effect))

/** Asserts that an effect fails with `InvalidOptions` that names the option and the value. */
export const isRefused = <A, R>(
  effect: Effect.Effect<A, unknown, R>,
  option: string,
  value: unknown
): Effect.Effect<void, never, R> =>
  Effect.map(failure(effect), (error) => {
    assert.isTrue(WorkerPoolError.isWorkerPoolError(error), String(error))
    const { reason } = error as WorkerPoolError.WorkerPoolError
    assert(reason._tag === "InvalidOptions")
    assert.deepStrictEqual([reason.option, reason.value], [option, value])
  })

/** The lines that are logged from now on in effects provided with `layer`, each with its level. */
export const recordedLog = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    lines.push(`${logLevel}: ${String(message)}`)
  })
  return { lines, layer: Logger.layer([logger]) }
}

/** An empty folder, which is gone when the scope closes. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => realpathSync(mkdtempSync(join(tmpdir(), "effect-mpire-cluster-")))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)
