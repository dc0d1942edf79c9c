import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import { writeFileSync } from "node:fs"
import * as net from "node:net"
import { join } from "node:path"
import * as tls from "node:tls"
import { inspect } from "node:util"
import * as security from "../src/internal/secret/security.ts"
import type { Subject } from "../src/internal/secret/names.ts"
import { alternativeNames } from "../src/internal/secret/names.ts"
import { type Issued, issue } from "./certificates.ts"
import { folder } from "./support.ts"

const secured = (made: security.Security): security.Secured => {
  assert(made.kind !== "insecure")
  return made
}

const newKey = () => randomBytes(32).toString("base64")

const byKey = (...keys: ReadonlyArray<string>) =>
  Effect.map(security.make({ secret: { env: "MPIRE" } }, { env: { MPIRE: keys.join("\n") } }), secured)

const byCertificate = (issued: Issued, authority: Issued, allow: security.Certificates["allow"]) =>
  Effect.gen(function* () {
    const path = yield* folder
    const files = { cert: join(path, "cert"), key: join(path, "key"), ca: join(path, "ca") }
    writeFileSync(files.cert, issued.cert)
    writeFileSync(files.key, issued.key)
    writeFileSync(files.ca, authority.cert)
    return secured(yield* security.make({ tls: { ...files, allow } }))
  })

/** A server that sends a word to whom it admits, and closes on all others. Gives its port. */
const serve = (options: tls.TlsOptions, admits: (socket: tls.TLSSocket) => boolean) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly server: tls.Server; readonly sockets: Set<net.Socket> }>((resume) => {
        const sockets = new Set<net.Socket>()
        const server = tls.createServer(options, (socket) => {
          socket.on("error", () => {})
          if (admits(socket)) socket.end("welcome")
          else socket.destroy()
        })
        server.on("connection", (socket: net.Socket) => sockets.add(socket))
        server.on("tlsClientError", () => {})
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, sockets })))
      }),
      ({ server, sockets }) =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          for (const socket of sockets) socket.destroy()
        })
    ),
    ({ server }) => (server.address() as net.AddressInfo).port
  )

/** What the server sends a client until the connection ends; `refused` when that is nothing. */
const answer = (open: () => net.Socket) =>
  Effect.gen(function* () {
    const done = yield* Deferred.make<string>()
    let text = ""
    const socket = open()
    socket.setEncoding("utf8")
    socket.on("data", (data: string) => (text += data))
    socket.on("error", () => {})
    socket.on("close", () => Deferred.doneUnsafe(done, Effect.succeed(text === "welcome" ? text : "refused")))
    return yield* Effect.onExit(Deferred.await(done), () => Effect.sync(() => socket.destroy()))
  })

const dial = (port: number, options: tls.ConnectionOptions) =>
  answer(() => tls.connect({ host: "127.0.0.1", port, ...options }))

describe("connections by key", () => {
  it.live("K11 the right key is let in, a second one too while keys are changed, and nobody else", () =>
    Effect.gen(function* () {
      const [old, young, wrong] = [newKey(), newKey(), newKey()]
      const server = yield* byKey(old, young)
      const port = yield* serve(server.server(), server.admits)
      const dialing = (...keys: ReadonlyArray<string>) =>
        Effect.flatMap(byKey(...keys), (client) => dial(port, client.client()))
      assert.strictEqual(yield* dialing(old), "welcome")
      assert.strictEqual(yield* dialing(young, old), "welcome")
      assert.strictEqual(yield* dialing(wrong), "refused")
      // the first one is sent, and only that
      assert.strictEqual(yield* dialing(wrong, old), "refused")
    })
  )

  it.live("K11 no key, a right identity with a wrong key, plaintext and older protocols are refused", () =>
    Effect.gen(function* () {
      const right = newKey()
      const server = yield* byKey(right)
      const port = yield* serve(server.server(), server.admits)
      const { client } = yield* byKey(right)
      const { pskCallback, ...without } = client()
      const { identity, psk } = pskCallback!(null)!
      const attempts: ReadonlyArray<readonly [string, tls.ConnectionOptions]> = [
        ["no key", without],
        ["no key, and no care", { rejectUnauthorized: false }],
        ["a wrong key", { ...client(), pskCallback: () => ({ identity: identity, psk: randomBytes(32) }) }],
        ["the key itself", { ...client(), pskCallback: () => ({ identity, psk: Buffer.from(right, "base64") }) }],
        ["a wrong identity", { ...client(), pskCallback: () => ({ identity: "x", psk: psk as Buffer }) }],
        ["TLS 1.2", { ...client(), minVersion: "TLSv1.2", maxVersion: "TLSv1.2", ciphers: "PSK-AES128-GCM-SHA256" }]
      ]
      for (const [name, options] of attempts) assert.strictEqual(yield* dial(port, options), "refused", name)
      const plain = answer(() => {
        const socket = net.connect(port, "127.0.0.1")
        socket.write("GET / HTTP/1.1\r\n\r\n")
        return socket
      })
      assert.strictEqual(yield* plain, "refused")
      assert.strictEqual(yield* dial(port, client()), "welcome")
    })
  )

  it.live("K11 a server that has no key, but a certificate that the world trusts, is no runner", () =>
    Effect.gen(function* () {
      const authority = issue("authority of the Web")
      const { cert, key } = issue("rogue", { by: authority, names: ["runner"] })
      const port = yield* serve({ cert, key }, () => true)
      const { client } = yield* byKey(newKey())
      assert.strictEqual(yield* dial(port, { ca: authority.cert, checkServerIdentity: () => undefined }), "welcome")
      assert.strictEqual(yield* dial(port, client()), "refused")
      // even if this machine trusts that authority, or, by its environment, anybody
      assert.strictEqual(yield* dial(port, { ...client(), ca: authority.cert }), "refused")
      yield* Effect.acquireUseRelease(
        Effect.sync(() => {
          process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0"
        }),
        () => Effect.map(dial(port, client()), (answer) => assert.strictEqual(answer, "refused")),
        () =>
          Effect.sync(() => {
            delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"]
          })
      )
    })
  )

  it.live("K11 a ticket of a former session does not let in without the key", () =>
    Effect.gen(function* () {
      const right = newKey()
      const server = yield* byKey(right)
      const port = yield* serve(server.server(), server.admits)
      const { client } = yield* byKey(right)
      let session: Buffer | undefined
      const first = answer(() => {
        const socket = tls.connect({ host: "127.0.0.1", port, ...client() })
        socket.on("session", (ticket: Buffer) => (session = ticket))
        return socket
      })
      assert.strictEqual(yield* first, "welcome")
      const { pskCallback: _, ...without } = client()
      assert(session !== undefined)
      assert.strictEqual(yield* dial(port, { ...without, session, rejectUnauthorized: false }), "refused")
    })
  )

  it.live("K11 neither end shows the key", () =>
    Effect.gen(function* () {
      const right = newKey()
      const made = yield* byKey(right)
      const psk = made.client().pskCallback!(null)!.psk as Buffer
      const server = tls.createServer(made.server())
      const shown = inspect([made, server], { depth: 9, showHidden: true })
      for (const bytes of [psk, Buffer.from(right, "base64")]) {
        for (const way of ["hex", "base64"] as const) assert.notInclude(shown, bytes.toString(way).slice(0, 12))
        assert.notInclude(shown, [...bytes.subarray(0, 6)].map((byte) => byte.toString(16).padStart(2, "0")).join(" "))
      }
    })
  )
})

describe("connections by certificates", () => {
  const authority = issue("authority")
  const runner = issue("runner", { by: authority, names: ["runner-1.example", "spiffe://example/runner"] })
  const driver = issue("driver", { by: authority, names: ["driver.example"] })

  /** Whether a driver with that certificate gets in where the runner allows `allow`. */
  const attempt = (
    client: { readonly issued: Issued; readonly authority?: Issued; readonly allow?: security.Certificates["allow"] },
    allow: security.Certificates["allow"]
  ) =>
    Effect.gen(function* () {
      const server = yield* byCertificate(runner, authority, allow)
      const port = yield* serve(server.server(), server.admits)
      const made = yield* byCertificate(client.issued, client.authority ?? authority, client.allow ?? ["runner"])
      return yield* dial(port, made.client())
    })

  it.live("K11 whom the list or the function allows gets in, by any of its names", () =>
    Effect.gen(function* () {
      let seen: Subject | undefined
      const cases: ReadonlyArray<security.Certificates["allow"]> = [
        ["driver"],
        ["somebody", "driver.example"],
        (subject) => ((seen = subject), subject.names.includes("driver"))
      ]
      for (const allow of cases) assert.strictEqual(yield* attempt({ issued: driver }, allow), "welcome")
      assert.deepStrictEqual(seen?.names, ["driver", "driver.example"])
      assert.match(seen!.fingerprint256, /^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/)
    })
  )

  it.live("K11 not all that the authority signed get in, and nobody of another one", () =>
    Effect.gen(function* () {
      const stranger = issue("stranger")
      const cases: ReadonlyArray<readonly [string, Parameters<typeof attempt>]> = [
        ["another name", [{ issued: driver }, ["runner"]]],
        ["a part of a name", [{ issued: driver }, ["drive", "example", "driver.example.com"]]],
        ["a function that says no", [{ issued: driver }, () => false]],
        ["a function that says something", [{ issued: driver }, (() => Promise.resolve(true)) as never]],
        [
          "a function that throws",
          [
            { issued: driver },
            () => {
              throw new Error("no")
            }
          ]
        ],
        ["another authority", [{ issued: issue("driver", { by: stranger }) }, ["driver"]]],
        ["itself as authority", [{ issued: issue("driver") }, ["driver"]]],
        ["an authority of the same name", [{ issued: issue("driver", { by: issue("authority") }) }, ["driver"]]],
        ["an expired certificate", [{ issued: issue("driver", { by: authority, expired: true }) }, ["driver"]]],
        ["a runner that the driver does not allow", [{ issued: driver, allow: ["driver"] }, ["driver"]]],
        [
          "a runner of an authority that the driver does not know",
          [{ issued: driver, authority: stranger }, ["driver"]]
        ]
      ]
      for (const [name, parameters] of cases) assert.strictEqual(yield* attempt(...parameters), "refused", name)
      assert.strictEqual(yield* attempt({ issued: driver, allow: ["spiffe://example/runner"] }, ["driver"]), "welcome")
    })
  )

  it.live("K11 no certificate, and a key, are refused", () =>
    Effect.gen(function* () {
      const server = yield* byCertificate(runner, authority, ["driver"])
      const port = yield* serve(server.server(), server.admits)
      const { client } = yield* byKey(newKey())
      for (const options of [client(), { ca: authority.cert, checkServerIdentity: () => undefined }]) {
        assert.strictEqual(yield* dial(port, options), "refused")
      }
    })
  )

  it("K11 a name with separators in it is one name", () => {
    const cases: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
      ["", []],
      ["DNS:a.example, DNS:b.example", ["a.example", "b.example"]],
      ["IP Address:10.0.0.1, URI:spiffe://a/b, email:x@y", ["10.0.0.1", "spiffe://a/b", "x@y"]],
      ['DNS:"a.example, DNS:driver", DNS:b', ["a.example, DNS:driver", "b"]],
      ['URI:"http://\\"x\\", DNS:driver"', ['http://"x", DNS:driver']],
      ["DirName:CN=driver, othername:<unsupported>, DNS:c", ["c"]]
    ]
    for (const [text, names] of cases) assert.deepStrictEqual(alternativeNames(text), names)
  })
})
