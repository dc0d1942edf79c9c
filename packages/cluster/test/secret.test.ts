import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { inspect } from "node:util"
import { InvalidSecret } from "../src/ClusterError.ts"
import * as files from "../src/internal/secret/files.ts"
import * as key from "../src/internal/secret/key.ts"
import * as security from "../src/internal/secret/security.ts"
import { issue } from "./certificates.ts"
import { integer, runs } from "../../core/test/support.ts"
import { failure, folder, isRefused } from "./support.ts"

const bytes = Buffer.from(Array.from({ length: 32 }, (_, n) => n * 7))
const other = Buffer.from(Array.from({ length: 48 }, (_, n) => n * 5 + 1))

const keysOf = (text: string): ReadonlyArray<key.Key> => {
  const keys = key.parse(text)
  assert(!(keys instanceof key.Problem), String(keys instanceof key.Problem && keys.words))
  return keys
}

const identities = (text: string) => keysOf(text).map(({ identity }) => identity)

/** What a text shows: nothing of it may be a piece of the secret. */
const hasNothingOf = (shown: string, secret: string) => {
  for (let at = 0; at + 8 <= secret.length; at++) assert.notInclude(shown, secret.slice(at, at + 8))
}

describe("keys", () => {
  it("K11 base64, that of URLs, and hex are the same key", () => {
    const [identity] = identities(bytes.toString("base64"))
    for (const text of [
      bytes.toString("base64").replaceAll("=", ""),
      bytes.toString("base64url"),
      bytes.toString("hex"),
      bytes.toString("hex").toUpperCase(),
      `\uFEFF${bytes.toString("hex")}\r\n`,
      `# made by hand\n\n  ${bytes.toString("base64")}  \n# the end`
    ]) {
      assert.deepStrictEqual(identities(text), [identity], text)
    }
  })

  it("K11 several are accepted, and the first is the first", () => {
    const [one, two] = [bytes.toString("base64"), other.toString("hex")]
    for (const text of [`${one}\n${two}\n`, `${one},${two}`, `${one}, ${two}`, `${one} ${two}`]) {
      assert.deepStrictEqual(identities(text), [...identities(one), ...identities(two)])
    }
  })

  it.each([
    ["", "it is empty"],
    [" \n# nothing\n", "it is empty"],
    [bytes.toString("hex").slice(1), "it is hex of an odd number of digits"],
    [bytes.subarray(1).toString("base64"), "it decodes to 31 bytes, and at least 32 are needed"],
    [bytes.subarray(1).toString("hex"), "it decodes to 31 bytes, and at least 32 are needed"],
    ["hunter2-and-more", "it decodes to 12 bytes, and at least 32 are needed"],
    [`${bytes.toString("base64")}!`, "it is neither base64 nor hex"],
    [`"${bytes.toString("base64")}"`, "it is neither base64 nor hex"],
    [bytes.toString("base64").slice(0, -3), "it is neither base64 nor hex"],
    ["\u0000binary\u0001", "it is neither base64 nor hex"],
    [`${"A".repeat(43)}=`, "all of its bytes are the same"],
    ["ff".repeat(32), "all of its bytes are the same"],
    [`${other.toString("hex")}\nabcd`, "of its 2 keys, number 2: it decodes to 2 bytes"]
  ])("K11 %j says what is wrong, without the secret", (text, words) => {
    const problem = key.parse(text)
    assert(problem instanceof key.Problem)
    assert.include(problem.words, words)
    hasNothingOf(problem.words, text.trim())
  })

  it.prop(
    "K11 what was written is read, whatever the key and the way of writing",
    { length: integer(32, 200), seed: integer(0, 1 << 30) },
    ({ length, seed }) => {
      const bytes = Buffer.from(Array.from({ length }, (_, n) => (Math.imul(seed + n, 0x9e3779b1) >>> 13) & 0xff))
      const [identity] = identities(bytes.toString("hex"))
      assert.deepStrictEqual(identities(bytes.toString("base64")), [identity])
      assert.deepStrictEqual(identities(bytes.toString("base64url")), [identity])
      assert.match(identity!, /^[0-9a-f]{64}$/)
    },
    runs(200)
  )

  it.prop(
    "K11 no text makes it throw",
    { codes: Arbitrary.array(integer(0, 0x1_00ff), { maxLength: 100 }) },
    ({ codes }) => {
      const text = String.fromCodePoint(...codes)
      const keys = key.parse(text)
      assert.isTrue(keys instanceof key.Problem || keys.length > 0)
      assert.isBoolean(key.looksLikeKey(text))
    },
    runs(300)
  )

  it("K11 is found by its identity, and by nothing else", () => {
    const keys = keysOf(`${bytes.toString("hex")} ${other.toString("hex")}`)
    for (const one of keys) assert.strictEqual(key.find(keys, one.identity), one)
    for (const wrong of [
      "",
      "x",
      keys[0]!.identity.toUpperCase(),
      `${keys[0]!.identity}0`,
      keys[0]!.identity.slice(1)
    ]) {
      assert.isUndefined(key.find(keys, wrong))
    }
  })

  it("K11 nothing prints it", () => {
    const keys = keysOf(bytes.toString("hex"))
    for (const shown of [inspect(keys, { depth: 9, showHidden: true }), JSON.stringify(keys), inspect(keys[0]!.psk)]) {
      for (const way of ["hex", "base64"] as const) hasNothingOf(shown, bytes.toString(way))
    }
  })
})

const secretFile = (path: string, text: string | Uint8Array = bytes.toString("base64"), mode = 0o600) => {
  fs.writeFileSync(path, text)
  fs.chmodSync(path, mode)
  return path
}

describe("where keys come from", () => {
  it.live("K11 a file, by its path or URL, whoever may read it", () =>
    Effect.gen(function* () {
      const path = secretFile(join(yield* folder, "secret"), `${bytes.toString("base64")}\n`, 0o644)
      for (const file of [path, pathToFileURL(path)]) {
        const keys = yield* files.fromFile(file)
        assert.deepStrictEqual(
          keys.map(({ identity }) => identity),
          identities(bytes.toString("hex"))
        )
      }
    })
  )

  it.live("K11 a file that is none, or has no key, says so and names the file", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const cases: ReadonlyArray<readonly [file: string, problem: string]> = [
        [join(path, "none"), "there is no such file"],
        [path, "it is a directory"],
        [secretFile(join(path, "short"), "abcd"), "it decodes to 2 bytes"],
        [secretFile(join(path, "long"), "a".repeat(70_000)), "it has more than 65536 bytes"],
        [secretFile(join(path, "binary"), randomBytes(32).fill(0xff, 0, 4)), "it is neither base64 nor hex"],
        ["/dev/zero", "it has more than 65536 bytes"]
      ]
      for (const [file, problem] of cases) {
        const error = yield* failure(files.fromFile(file))
        assert.instanceOf(error, InvalidSecret)
        assert.strictEqual(error.source, `the file ${file}`)
        assert.include(error.problem, problem)
        assert.include(error.message, problem)
      }
    })
  )

  it.live("K11 a pipe is read to its end", () =>
    Effect.gen(function* () {
      const pipe = join(yield* folder, "pipe")
      execFileSync("mkfifo", [pipe])
      const reading = yield* Effect.forkChild(files.fromFile(pipe), { startImmediately: true })
      yield* Effect.promise(() => fs.promises.writeFile(pipe, bytes.toString("hex")))
      const keys = yield* Fiber.join(reading)
      assert.strictEqual(keys.length, 1)
    })
  )

  it.effect("K11 a variable, which must be set", () =>
    Effect.gen(function* () {
      const env = { MPIRE: bytes.toString("hex"), EMPTY: "" }
      assert.strictEqual((yield* files.fromEnv("MPIRE", env)).length, 1)
      const unset = yield* failure(files.fromEnv("OTHER", env))
      assert.deepStrictEqual([unset.source, unset.problem], ["the environment variable OTHER", "it is not set"])
      assert.include((yield* failure(files.fromEnv("EMPTY", env))).problem, "it is empty")
    })
  )

  it.effect("K11 the secret in place of its place is not shown", () =>
    Effect.gen(function* () {
      for (const way of ["hex", "base64", "base64url"] as const) {
        for (const secret of [bytes.toString(way), `/${bytes.toString(way)}`, bytes.toString(way).replace(/./, "/")]) {
          hasNothingOf((yield* failure(files.fromEnv(secret, {}))).message, secret)
          hasNothingOf((yield* failure(files.fromFile(secret))).message, secret)
          for (const wrong of [secret, { env: secret }, { file: secret }]) {
            const error = yield* failure(security.make({ secret: wrong as security.SecretSource }))
            hasNothingOf(inspect(error, { depth: 9 }), secret)
          }
        }
      }
    })
  )
})

describe("the key of this machine's user", () => {
  it.live("K11 is made if there is none, for the user alone, and read from then on", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "deep", "folder", "secret")
      const made = yield* files.ofUser(path)
      const stats = fs.statSync(path)
      assert.strictEqual(stats.mode & 0o777, 0o600)
      assert.strictEqual(fs.statSync(join(path, "..")).mode & 0o777, 0o700)
      assert.deepStrictEqual(fs.readdirSync(join(path, "..")), ["secret"])
      const read = yield* files.ofUser(path)
      assert.deepStrictEqual(read[0]!.identity, made[0]!.identity)
    })
  )

  it.live("K11 of many that make it at once, all have the same", () =>
    Effect.gen(function* () {
      const path = yield* folder
      for (let round = 0; round < 20; round++) {
        const file = join(path, `secret${round}`)
        const all = yield* Effect.all(
          Array.from({ length: 16 }, () => files.ofUser(file)),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(new Set(all.map(([key]) => key!.identity)).size, 1)
      }
      assert.strictEqual(fs.readdirSync(path).length, 20)
    })
  )

  it.live("K11 what others may use, or made, is refused", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const good = secretFile(join(path, "good"))
      fs.symlinkSync(good, join(path, "link"))
      execFileSync("mkfifo", [join(path, "pipe")])
      const cases: Array<readonly [file: string, problem: string]> = [
        [secretFile(join(path, "group"), undefined, 0o640), "others may use it: its mode is 640, and must be 600"],
        [secretFile(join(path, "world"), undefined, 0o604), "others may use it: its mode is 604"],
        [secretFile(join(path, "written"), undefined, 0o602), "others may use it: its mode is 602"],
        [join(path, "link"), "it is a symbolic link"],
        [join(path, "pipe"), "it is no regular file"],
        [path, "it is no regular file"],
        [secretFile(join(path, "bad"), "hunter2"), "at least 32 are needed"],
        [secretFile(join(path, "empty"), ""), "it is empty"],
        [join(good, "below"), "it could not be"]
      ]
      // only root can give files away
      if (process.getuid?.() === 0) {
        const alien = secretFile(join(path, "alien"))
        fs.chownSync(alien, 12_345, 12_345)
        cases.push([alien, "it belongs to another user"])
      }
      for (const [file, problem] of cases) {
        const error = yield* failure(files.ofUser(file))
        assert.strictEqual(error.source, `the file ${file}`)
        assert.include(error.problem, problem)
      }
    })
  )
})

describe("the choice", () => {
  const env = { MPIRE: bytes.toString("hex") }

  it.live("K11 by default it is the user's key, on this machine alone", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "secret")
      for (const host of ["127.0.0.1", "127.3.2.1", "::1", "localhost", undefined]) {
        const made = yield* security.make({}, { file, host })
        assert.deepStrictEqual([made.kind, made.isLocal], ["key", true])
      }
      for (const host of ["0.0.0.0", "::", "10.0.0.1", "runner", "127.0.0.1.example", "::ffff:10.0.0.1"]) {
        yield* isRefused(security.make({}, { file, host }), "secret", undefined)
        yield* isRefused(security.make({ insecure: true }, { file, host }), "insecure", true)
        assert.isFalse((yield* security.make({ secret: { env: "MPIRE" } }, { file, host, env })).isLocal)
      }
      const insecure = yield* security.make({ insecure: true }, { host: "127.0.0.1" })
      assert.strictEqual(insecure.kind, "insecure")
    })
  )

  const tls = { cert: "a", key: "b", ca: "c", allow: ["x"] }

  it.effect("C8 K11 refuses what is none, and more than one", () =>
    Effect.gen(function* () {
      const both = { secret: { env: "MPIRE" }, tls }
      yield* isRefused(security.make(both, { env }), "tls", "{ cert, key, ca, allow }")
      yield* isRefused(security.make({ tls, insecure: true }), "insecure", true)
      yield* isRefused(security.make({ secret: { env: "MPIRE" }, insecure: true }, { env }), "insecure", true)
      yield* isRefused(security.make({ insecure: 1 as never }), "insecure", 1)
      for (const secret of [{}, { env: "" }, { file: 5 }, { env: "A", file: "b" }, 5, null]) {
        yield* isRefused(security.make({ secret: secret as never }), "secret", secret)
      }
      const key = randomBytes(32).toString("base64")
      const bytes = inspect(Buffer.from(key)).slice(8, 30)
      for (const secret of [key, Buffer.from(key), { value: key }, { file: undefined, key }, new Map([[1, key]])]) {
        const error = yield* failure(security.make({ secret: secret as never }))
        assert.notInclude(inspect(error, { depth: 9, showHidden: true }), key)
        assert.notInclude(inspect(error, { depth: 9 }), bytes)
        const part = yield* failure(security.make({ tls: { ...tls, cert: "/dev/null", key: secret as never } }))
        assert.notInclude(inspect(part, { depth: 9, showHidden: true }), bytes)
      }
      for (const allow of [[], "x", undefined, [""], [1], null]) {
        yield* isRefused(security.make({ tls: { ...tls, allow: allow as never } }), "tls.allow", allow)
      }
      for (const part of ["cert", "key", "ca"] as const) {
        yield* isRefused(
          security.make({ tls: { ...tls, cert: "/dev/null", key: "/dev/null", [part]: 5 } }),
          `tls.${part}`,
          5
        )
      }
    })
  )

  it.live("K11 certificates that do not fit are refused at once, and their key is not shown", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const authority = issue("authority")
      const [one, two] = [issue("one", { by: authority }), issue("two", { by: authority })]
      const files = { cert: join(path, "cert"), key: join(path, "key"), ca: join(path, "ca") }
      fs.writeFileSync(files.cert, one.cert)
      fs.writeFileSync(files.ca, authority.cert)
      for (const key of [two.key, "no key", one.key.slice(0, 100), one.cert]) {
        fs.writeFileSync(files.key, key)
        const error = yield* failure(security.make({ tls: { ...files, allow: ["two"] } }))
        assert.instanceOf(error, InvalidSecret)
        hasNothingOf(inspect(error, { depth: 9 }), key.split("\n")[1] ?? "")
      }
      fs.writeFileSync(files.key, one.key)
      const made = yield* security.make({ tls: { ...files, allow: ["two"] } })
      assert.strictEqual(made.kind, "certificates")
      hasNothingOf(inspect(made, { depth: 9, showHidden: true }), one.key.split("\n")[1]!)
      const missing = yield* failure(security.make({ tls: { ...files, ca: join(path, "none"), allow: ["two"] } }))
      assert.include(missing.message, "there is no such file")
    })
  )

  it.effect("K11 workers start without it, whatever the variable is called", () =>
    Effect.gen(function* () {
      const secret = `${bytes.toString("hex")},${other.toString("base64")}`
      const env = {
        PATH: "/bin",
        MPIRE: secret,
        COPY: bytes.toString("base64"),
        OPTIONS: `--key ${other.toString("hex")}`,
        ELSE: randomBytes(32).toString("hex"),
        UNSET: undefined
      }
      const made = yield* security.make({ secret: { env: "MPIRE" } }, { env })
      assert.deepStrictEqual(Object.keys(made.workerEnv(env)), ["PATH", "ELSE", "UNSET"])
      // the runner's own is left alone
      assert.strictEqual(env.MPIRE, secret)
    })
  )

  it.effect("K11 nothing prints what was made", () =>
    Effect.gen(function* () {
      const made = yield* security.make({ secret: { env: "MPIRE" } }, { env })
      for (const shown of [inspect(made, { depth: 9, showHidden: true }), JSON.stringify(made)]) {
        for (const way of ["hex", "base64"] as const) hasNothingOf(shown, bytes.toString(way))
      }
    })
  )
})
