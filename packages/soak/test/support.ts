import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"

export interface Ended {
  readonly stdout: string
  readonly stderr: string
  readonly code: number | string | null
}

/** Runs one of the package's programs, in a process of its own, where nothing else opens files or starts threads. */
export const program = (name: string, ...args: ReadonlyArray<string>): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    const path = fileURLToPath(new URL(`../src/${name}.ts`, import.meta.url))
    const child = execFile(process.execPath, [path, ...args], { timeout: 170_000 }, (error, stdout, stderr) => {
      resume(Effect.succeed({ stdout, stderr, code: error === null ? 0 : (error.code ?? null) }))
    })
    return Effect.sync(() => {
      child.kill()
    })
  })

/** The JSON that a program printed last. */
export const summary = ({ stdout }: Ended): any => JSON.parse(stdout.trim().split("\n").at(-1)!)
