import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { otherSecret, secret } from "../runners.ts"

const program = fileURLToPath(new URL("../../src/internal/program/runner.ts", import.meta.url))

const env = { ...process.env, EFFECT_MPIRE_SECRET: process.env[secret] }

/** What the program printed, and how it ended. */
const run = (args: ReadonlyArray<string>, environment: NodeJS.ProcessEnv = env) =>
  Effect.callback<{ readonly code: number | string | null; readonly output: string }>((resume) => {
    execFile(process.execPath, [program, ...args], { env: environment }, (error, stdout, stderr) => {
      resume(Effect.succeed({ code: error === null ? 0 : (error.code ?? null), output: stdout + stderr }))
    })
  })

describe("effect-mpire-runner", () => {
  it.live(
    "K8 K11 serves, tells its status, answers probes, drains, and ends with 0 at SIGTERM; nothing prints the key",
    () =>
      Effect.gen(function* () {
        const args = [program, "--listen", "127.0.0.1:0", "--slots", "3", "--labels", "gpu,big"]
        const child = yield* Effect.acquireRelease(
          Effect.sync(() => spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] })),
          (child) => Effect.sync(() => void child.kill("SIGKILL"))
        )
        const said: Array<string> = []
        const port = yield* Effect.callback<string>((resume) => {
          createInterface(child.stdout).on("line", (line) => {
            said.push(line)
            const [, port] = /listens at 127\.0\.0\.1:(\d+)/.exec(line) ?? []
            if (port !== undefined) resume(Effect.succeed(port))
          })
        })
        const address = ["--address", `127.0.0.1:${port}`]
        const status = yield* run(["status", ...address])
        assert.deepInclude(JSON.parse(status.output), { slots: 3, used: 0, draining: false, labels: ["gpu", "big"] })
        assert.strictEqual((yield* run(["check", ...address])).code, 0)
        const stranger = yield* run(["check", ...address], { ...env, EFFECT_MPIRE_SECRET: process.env[otherSecret] })
        assert.strictEqual(stranger.code, 1)
        assert.strictEqual((yield* run(["drain", ...address])).code, 0)
        assert.strictEqual((yield* run(["check", ...address])).code, 1)
        const ended = yield* Effect.callback<number | null>((resume) => {
          child.once("exit", (code) => resume(Effect.succeed(code)))
          child.kill("SIGTERM")
        })
        assert.strictEqual(ended, 0)
        const printed = [...said, status.output, stranger.output].join("\n")
        for (const name of [secret, otherSecret]) assert.notInclude(printed, process.env[name]!)
      })
  )

  it.live("C8 ends with 1 where an option is none, and names it", () =>
    Effect.gen(function* () {
      const { code, output } = yield* run(["--lease", "soon"])
      assert.strictEqual(code, 1)
      assert.match(output, /lease must be/)
    })
  )
})
