/**
 * What the tests of the cluster share: options that are refused, what the log says, and folders with files.
 */
import { assert } from "@effect/vitest"
import * as WorkerPoolError from "@effect-mpire/core/WorkerPoolError"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

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

/** Writes files below a folder; what begins with `->` is a link. */
export const write = (root: string, tree: Readonly<Record<string, string>>): void => {
  for (const [path, text] of Object.entries(tree)) {
    const file = join(root, path)
    mkdirSync(dirname(file), { recursive: true })
    if (text.startsWith("->")) symlinkSync(text.slice(2), file)
    else writeFileSync(file, text)
  }
}
