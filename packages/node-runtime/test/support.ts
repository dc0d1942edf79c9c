import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"

/** What a program printed and how it ended. */
export interface Ended {
  readonly stdout: string
  readonly stderr: string
  readonly code: number | string | null
}

/** Runs a fixture as a program of its own; it fails to end by itself within the time when `code` is null. */
export const runFixture = (name: string, timeout = 20_000): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    const path = fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))
    const child = execFile(process.execPath, [path], { timeout }, (error, stdout, stderr) => {
      resume(Effect.succeed({ stdout, stderr, code: error === null ? 0 : (error.code ?? null) }))
    })
    return Effect.sync(() => {
      child.kill()
    })
  })

/** Waits until something holds, and dies when that takes longer than ten seconds. */
export const until = (what: string, holds: () => boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    const end = performance.now() + 10_000
    while (!holds()) {
      if (performance.now() > end) return yield* Effect.die(new Error(`Not in time: ${what}`))
      yield* Effect.sleep(5)
    }
  })
