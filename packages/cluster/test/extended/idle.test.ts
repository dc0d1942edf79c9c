/** F5: nothing of the cluster that waits keeps a program running that has nothing else to do. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { execFile, spawn } from "node:child_process"
import { globSync, readFileSync } from "node:fs"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { dial } from "../../src/internal/driver/dial.ts"
import { mine } from "../../src/internal/link/versions.ts"
import * as vigil from "../../src/internal/link/vigil.ts"
import * as security from "../../src/internal/secret/security.ts"
import { startHere } from "../here.ts"
import { type IdleKind, idleKinds } from "../idleKinds.ts"
import { secret } from "../runners.ts"

/**
 * How long a program may still run, in milliseconds. What it waits for otherwise takes 5 seconds or more, or never ends; so does a
 * program that is idle as long as nothing keeps it running.
 */
const soon = 2_500

/** Accepts connections and says nothing. */
const silence = Effect.acquireRelease(
  Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => void sockets.add(socket.on("error", () => {})))
    const close = () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    }
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ port: (server.address() as AddressInfo).port, close })))
  }),
  ({ close }) => Effect.sync(close)
)

/** A process that is stopped, and as many connections as its listener's queue takes: the system answers no other. */
const unconnectable = Effect.gen(function* () {
  const source = `const server = require("node:net").createServer()
server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
  console.log(server.address().port)
  process.kill(process.pid, "SIGSTOP")
})`
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, ["-e", source], { stdio: ["ignore", "pipe", "inherit"] })),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )
  const port = yield* Effect.callback<number>((resume) => {
    child.stdout.once("data", (text) => resume(Effect.succeed(Number(text))))
  })
  for (let n = 0; n < 2; n++) {
    yield* Effect.acquireRelease(
      Effect.callback<Socket>((resume) => {
        const socket = connect(port, "127.0.0.1", () => resume(Effect.succeed(socket)))
        socket.on("error", () => {})
      }),
      (socket) => Effect.sync(() => socket.destroy())
    )
  }
  return port
})

/** A runner whose only slot another driver has. */
const full = Effect.gen(function* () {
  const { port } = yield* startHere({ slots: 1, minTenure: "50 millis" })
  const keys = yield* security.make({ secret: { env: secret } })
  const worker = { id: 0, generation: 1, controls: 0 }
  const hello = { _tag: "Hello", ...mine(undefined), driver: "other", suspectAfter: 120_000, worker } as const
  const { answer, link } = yield* Effect.acquireRelease(dial({ host: "127.0.0.1", port }, keys, hello), ({ link }) =>
    Effect.sync(() => link.destroy())
  )
  assert.strictEqual(answer._tag, "Welcome")
  const beats = vigil.suspect(link, hello.suspectAfter)
  link.receive((kind, bytes) => void vigil.take(link, beats, kind, bytes, true))
  link.resume()
  // it is asked back soon, and stays: so it is the other's turn, and there is no room
  link.say({ _tag: "Ready" })
  return port
}).pipe(Effect.orDie)

const places: Readonly<Record<(typeof idleKinds)[IdleKind], Effect.Effect<number, never, Scope.Scope>>> = {
  // a port of the system, that nobody listens at
  nothing: Effect.succeed(1),
  silence: Effect.map(silence, ({ port }) => port),
  "no connection": unconnectable,
  "a runner": Effect.map(startHere(), ({ port }) => port),
  "a full runner": full
}

const program = fileURLToPath(new URL("../fixtures/idle.ts", import.meta.url))

describe("a program that has nothing more to do ends", () => {
  for (const [kind, place] of Object.entries(idleKinds) as ReadonlyArray<[IdleKind, keyof typeof places]>) {
    it.live(`F5 with ${kind}`, () =>
      Effect.gen(function* () {
        const settings = JSON.stringify({ kind, address: `127.0.0.1:${yield* places[place]}`, secret })
        const runs = Effect.gen(function* () {
          const { error, stdout } = yield* Effect.callback<{ error: unknown; stdout: string }>((resume) => {
            execFile(process.execPath, [program, settings], { timeout: 30_000 }, (error, stdout) =>
              resume(Effect.succeed({ error, stdout }))
            )
          })
          assert.isNull(error, stdout)
          const { isMade, ran } = JSON.parse(stdout.trim().split("\n").at(-1)!)
          assert.isTrue(isMade)
          return ran as number
        })
        // what keeps it running does so each time, and a busy machine does not
        const ran = [yield* runs]
        while (Math.min(...ran) >= soon && ran.length < 3) ran.push(yield* runs)
        assert.isBelow(Math.min(...ran), soon)
      })
    )
  }
})

/** Where the sources wait, and the programs above that do. */
const waits: Readonly<Record<string, ReadonlyArray<IdleKind>>> = {
  "common/pause.ts": ["a layer whose runner is away", "members by DNS"],
  "driver/cluster.ts": ["a layer whose runner is away", "a call that found no room"],
  "driver/dial.ts": ["a layer whose runner does not greet", "a layer whose runner does not shake hands"],
  "driver/lack.ts": ["a call that found no room", "a call that was interrupted as it waited for room"],
  "driver/letEnd.ts": ["a layer whose runner does not even connect"],
  "driver/runners.ts": ["a layer whose runner is away"],
  "driver/stall/thread.ts": ["a worker"],
  "driver/stall/watch.ts": ["a worker"],
  "link/link.ts": ["a runner that has ended"],
  "link/vigil.ts": ["a layer whose runner is there", "a worker", "a question to a runner"],
  "members/dns.ts": ["members by DNS"],
  "members/members.ts": ["members by DNS", "members by a storage"],
  "members/runnerStorage.ts": ["a runner's entry in a storage"],
  "program/metrics.ts": ["a runner that has ended"],
  "runner/applicant.ts": ["a runner that has ended"],
  "runner/relay.ts": ["a runner that has ended"],
  "runner/runner.ts": ["a runner that has ended"],
  "runner/runnerState.ts": ["a runner that has ended"],
  "runner/server.ts": ["a runner that has ended"]
}

it("F5 every file of the cluster that waits, connects or listens is in one of these programs", () => {
  const internal = fileURLToPath(new URL("../../src/internal", import.meta.url))
  const waiting =
    /\b(?:setTimeout|setInterval|create\w*Server|connectNet|connectTls|new Worker|lookup|pause|sleep|Effect\.(?:sleep|delay|timeout\w*|retry|repeat|schedule)|Stream\.(?:tick|schedule)|Schedule\.\w+)\(/
  const found = globSync("**/*.ts", { cwd: internal }).filter((file) => {
    const source = readFileSync(join(internal, file), "utf8")
    return waiting.test(source.replaceAll(/^\s*(?:\/?\*|\/\/).*$/gm, ""))
  })
  assert.deepStrictEqual(found.toSorted(), Object.keys(waits).toSorted())
})
