/** What somebody who can reach a runner's port, and no more, can do there: nothing. */
import { Portable, WorkerPool } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { connect, type Socket } from "node:net"
import { connect as connectTls, type ConnectionOptions } from "node:tls"
import { encode, kinds } from "../../src/internal/frames/frame.ts"
import { FrameReader } from "../../src/internal/frames/frameReader.ts"
import { mine } from "../../src/internal/link/versions.ts"
import * as security from "../../src/internal/secret/security.ts"
import { startHere } from "../here.ts"
import { reasonOf } from "../../../node-runtime/test/support.ts"
import { clusterOf, otherSecret, secret } from "../runners.ts"

const square = Portable.inline((n: number) => n * n)

/** Maps over a runner as a program that has the secret does. */
const works = (port: number, options: Parameters<typeof clusterOf>[1] = { secret }) =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.make({ size: 1 })
    return yield* pool.map([1, 2, 3], square)
  }).pipe(Effect.scoped, Effect.provide(clusterOf([`127.0.0.1:${port}`], options)))

/** Connects and sends bytes; gives after how many milliseconds the other end has closed the connection. */
const closesAfter = (open: () => Socket, bytes: Uint8Array, event = "connect"): Effect.Effect<number> =>
  Effect.callback((resume) => {
    const began = performance.now()
    const socket = open()
    socket.on("error", () => {})
    socket.on(event, () => socket.write(bytes))
    socket.once("close", () => resume(Effect.succeed(performance.now() - began)))
    socket.resume()
  })

const plain = (port: number) => () => connect({ host: "127.0.0.1", port })

/** What a client that knows a key gives to `tls.connect`. */
const optionsWith = (env: string): ConnectionOptions => {
  const made = Effect.runSync(security.make({ secret: { env } }))
  assert(made.kind !== "insecure")
  return made.client()
}

const secured =
  (port: number, client: ConnectionOptions = optionsWith(secret)) =>
  () =>
    connectTls({ host: "127.0.0.1", port, ...client })

const hello = { _tag: "Hello", ...mine(undefined), driver: "attacker", suspectAfter: 60_000 }

const word = (value: object) => encode(kinds.word, Buffer.from(JSON.stringify(value)))

const header = (kind: number, length: number) => {
  const bytes = Buffer.alloc(5)
  bytes.writeUInt8(kind, 0)
  bytes.writeUInt32LE(length, 1)
  return bytes
}

const withWorker = { ...hello, worker: { id: 0, generation: 1, controls: 4 } }

const blob = (size: number) => ({ _tag: "Blob", number: 0, sha256: "0".repeat(64), size })

/** What is sent after a handshake with the right secret, and closes the connection at once. */
const broken: ReadonlyArray<readonly [name: string, bytes: Uint8Array]> = [
  ["garbage", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
  ["a frame of 4 GB", header(kinds.word, 2 ** 32 - 1)],
  ["data before the greeting", encode(kinds.data, Buffer.alloc(100))],
  ["a greeting that is no JSON", encode(kinds.word, Buffer.from("{"))],
  ["a greeting of another shape", word({ ...hello, driver: 1 })],
  ["a beat of the wrong length", Buffer.concat([word(hello), encode(kinds.beat, Buffer.alloc(3))])],
  ["data for no worker", Buffer.concat([word(hello), encode(kinds.data, Buffer.alloc(100))])],
  ["a frame of 4 GB after the greeting", Buffer.concat([word(hello), header(kinds.data, 2 ** 32 - 1)])],
  [
    "numbers that its worker does not have",
    Buffer.concat([
      word({ ...hello, worker: { id: 0, generation: 1, controls: 4 } }),
      encode(kinds.numbers, Buffer.from([4, 0, 0, 0, 1, 0, 0, 0]))
    ])
  ],
  [
    "a value that its runner has not asked for",
    Buffer.concat([word(withWorker), encode(kinds.blob, Buffer.alloc(10))])
  ],
  ["a value of more bytes than a message may have", Buffer.concat([word(withWorker), word(blob(2 ** 31))])],
  ["a value without a name", Buffer.concat([word(withWorker), word({ ...blob(10), sha256: "../../x" })])]
]

/** What no driver of ours asks a runner for. */
const notModules: ReadonlyArray<string> = [
  "node:fs",
  "fs",
  "data:text/javascript,1",
  "http://localhost/x.js",
  "https://localhost/x.js",
  "file:///etc/passwd",
  "/etc/passwd",
  "mpire:app/../x.js",
  "mpire:app/..%2f..%2fetc/passwd"
]

/** What a runner answers to questions for modules that are sent as they are. */
const located = (port: number, addresses: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<any>> =>
  Effect.callback((resume) => {
    const socket = secured(port)()
    const answers: Array<unknown> = []
    const reader = new FrameReader((kind, bytes) => {
      if (kind !== kinds.word) return
      const answer = JSON.parse(bytes.toString("utf8"))
      if (answer._tag !== "Welcome") answers.push(answer)
      if (answers.length < addresses.length) return
      socket.destroy()
      resume(Effect.succeed(answers))
    })
    socket.on("error", (cause) => resume(Effect.die(cause)))
    socket.on("data", (bytes) => reader.push(bytes as Buffer, () => false))
    socket.on("secureConnect", () => {
      socket.write(word(withWorker))
      addresses.forEach((address, number) => socket.write(word({ _tag: "Locate", number, address })))
    })
  })

describe("a runner that is attacked", () => {
  it.live("K10 F6 says of no module but its own where it is, whatever it is asked for", () =>
    Effect.gen(function* () {
      const { port } = yield* startHere()
      const answers = yield* located(port, notModules)
      assert.sameDeepMembers(
        answers.map(({ _tag, number, why }) => [_tag, number, why?._tag]),
        notModules.map((_, number) => ["NotLocated", number, "ModuleRefused"])
      )
      assert.deepStrictEqual(yield* works(port), [1, 4, 9])
    })
  )

  for (const [name, bytes] of broken) {
    /** Accident: something on a connection is no message. */
    it.live(`F6 closes that connection and no other, where there is ${name}`, () =>
      Effect.gen(function* () {
        const { port, status } = yield* startHere()
        assert.isBelow(yield* closesAfter(secured(port), bytes, "secureConnect"), 3000)
        assert.deepStrictEqual(yield* works(port), [1, 4, 9])
        assert.strictEqual((yield* status).used, 0)
      })
    )
  }

  /** Accident: a driver has another key, or none. */
  it.live("K11 starts nothing for a driver without the secret, or with another one, which learn nothing", () =>
    Effect.gen(function* () {
      const { port, status } = yield* startHere()
      for (const options of [{}, { secret: otherSecret }]) {
        const reason = reasonOf(yield* Effect.exit(works(port, { ...options, roomTimeout: "3 seconds" })))
        assert(reason._tag === "StartFailed")
        assert.match(String(reason.cause), /Unreachable/)
        assert.notInclude(String(reason.cause), process.env[secret]!)
      }
      assert.strictEqual((yield* status).used, 0)
      assert.deepStrictEqual(yield* works(port), [1, 4, 9])
    })
  )

  it.live("K11 closes what is plaintext, and a handshake with the key of another", () =>
    Effect.gen(function* () {
      const { port } = yield* startHere()
      assert.isBelow(yield* closesAfter(plain(port), word(hello)), 3000)
      const client = optionsWith(otherSecret)
      assert.isBelow(yield* closesAfter(secured(port, client), word(hello), "secureConnect"), 3000)
      assert.isBelow(
        yield* closesAfter(secured(port, { rejectUnauthorized: false }), word(hello), "secureConnect"),
        3000
      )
      assert.deepStrictEqual(yield* works(port), [1, 4, 9])
    })
  )

  it.live("F6 waits five seconds for a greeting, whether it never begins or never ends", () =>
    Effect.gen(function* () {
      const { port } = yield* startHere()
      const began = word(hello).subarray(0, 20)
      const after = yield* Effect.all(
        [
          closesAfter(plain(port), Buffer.alloc(0)),
          closesAfter(secured(port), Buffer.alloc(0), "secureConnect"),
          closesAfter(secured(port), began, "secureConnect")
        ],
        { concurrency: 3 }
      )
      for (const millis of after) {
        assert.isAbove(millis, 4500)
        assert.isBelow(millis, 8000)
      }
    })
  )

  /** Accident: a thousand connections say nothing. */
  it.live("K8 lets a driver in though a thousand connections say nothing, and ends without waiting for these", () =>
    Effect.gen(function* () {
      const sockets: Array<Socket> = []
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
        })
      )
      const took = yield* Effect.scoped(
        Effect.gen(function* () {
          const { port } = yield* startHere({ drainTimeout: "1 second" })
          for (let n = 0; n < 1000; n++) {
            const socket = connect({ host: "127.0.0.1", port })
            socket.on("error", () => {})
            sockets.push(socket)
          }
          assert.deepStrictEqual(yield* works(port, { secret }), [1, 4, 9])
          return performance.now()
        })
      )
      assert.isBelow(performance.now() - took, 2000)
    })
  )

  it.live("K12 refuses a driver of another deployment, and says what differs", () =>
    Effect.gen(function* () {
      const { port } = yield* startHere({ deployment: "a1" })
      const exit = yield* Effect.exit(
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 1 })
          return yield* pool.map([1], square)
        }).pipe(
          Effect.scoped,
          Effect.provide(
            clusterOf([`127.0.0.1:${port}`], {
              secret,
              deployment: "b2",
              roomTimeout: "3 seconds",
              suspectAfter: "10 seconds"
            })
          )
        )
      )
      assert.isTrue(Exit.isFailure(exit))
      const reason = reasonOf(exit)
      assert(reason._tag === "StartFailed")
      assert.match(String(reason.cause), /has deployment a1, and this driver has b2/)
    })
  )
})
