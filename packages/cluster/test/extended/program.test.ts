import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { connect, type Socket } from "node:net"
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

/** A runner that this program is; the Scope kills it. Tells where it listens, and where its metrics are. */
const serving = (...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const all = [program, "--listen", "127.0.0.1:0", ...args]
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(process.execPath, all, { env, stdio: ["ignore", "pipe", "inherit"] })),
      (child) => Effect.sync(() => void child.kill("SIGKILL"))
    )
    let metrics: string | undefined
    const places = Effect.callback<readonly [address: string, metrics: string | undefined]>((resume) => {
      createInterface(child.stdout).on("line", (line) => {
        metrics ??= /Metrics are at (\S+)/.exec(line)?.[1]
        const [, address] = /listens at (\S+)/.exec(line) ?? []
        if (address !== undefined) resume(Effect.succeed([address, metrics]))
      })
    })
    return { child, places }
  })

/** With which code it ends at SIGTERM. */
const ended = (child: ChildProcess) =>
  Effect.callback<number | null>((resume) => {
    child.once("exit", (code) => resume(Effect.succeed(code)))
    child.kill("SIGTERM")
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

  it.live("K6 O5 serves its metrics to Prometheus while it runs, where it is told to, and no key", () =>
    Effect.gen(function* () {
      const { child, places } = yield* serving("--slots", "3", "--metrics", "127.0.0.1:0")
      const [, metrics] = yield* places
      const get = (path: string) =>
        Effect.promise(async () => {
          const answer = await fetch(new URL(path, metrics))
          return { status: answer.status, type: answer.headers.get("content-type"), text: await answer.text() }
        })
      const { status, text, type } = yield* get("/metrics")
      assert.strictEqual(status, 200)
      assert.match(type!, /^text\/plain; version=0\.0\.4/)
      assert.match(text, /^# TYPE effect_mpire_runner_slots gauge$/m)
      assert.match(text, /^effect_mpire_runner_slots\{listen="127\.0\.0\.1:\d+",state="free"\} 3$/m)
      assert.match(text, /^effect_mpire_runner_wanted\{listen="127\.0\.0\.1:\d+"\} 0$/m)
      assert.notInclude(text, process.env[secret]!)
      assert.strictEqual((yield* get("/")).status, 404)
      // a request that does not end holds nothing up
      const { hostname, port } = new URL(metrics!)
      yield* Effect.acquireRelease(
        Effect.callback<Socket>((resume) => {
          const socket = connect(Number(port), hostname, () => {
            socket.write("GET /metrics HTTP/1.1\r\n", () => resume(Effect.succeed(socket)))
          })
          socket.on("error", () => {})
        }),
        (socket) => Effect.sync(() => socket.destroy())
      )
      const asked = performance.now()
      assert.strictEqual(yield* ended(child), 0)
      assert.isBelow(performance.now() - asked, 5_000)
    })
  )

  it.live("C8 ends with 1 where an option is none, and names it", () =>
    Effect.gen(function* () {
      const { code, output } = yield* run(["--lease", "soon"])
      assert.strictEqual(code, 1)
      assert.match(output, /lease must be/)
      const metrics = yield* run(["--listen", "127.0.0.1:0", "--metrics", "here"])
      assert.strictEqual(metrics.code, 1)
      assert.match(metrics.output, /metrics must be .*here/)
    })
  )
})
