import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import * as address from "../src/internal/modules/address.ts"
import * as describing from "../src/internal/modules/describe.ts"
import * as files from "../src/internal/modules/files.ts"
import * as packages from "../src/internal/modules/packages.ts"
import * as resolving from "../src/internal/modules/resolve.ts"
import { integer, runs } from "../../core/test/support.ts"
import { failure, folder, isRefused, write } from "./support.ts"

const manifest = (name: string) => JSON.stringify({ name, version: "1.0.0" })
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")
const urlOf = (...path: ReadonlyArray<string>) => pathToFileURL(join(...path)).href

describe("addresses of modules", () => {
  it("K10 are of a package and a path in it, or names of a worker file", () => {
    assert.deepStrictEqual(address.parse("mpire:@app/tasks/src/a%20b/images.ts?v=1#x"), {
      _tag: "InPackage",
      package: "@app/tasks",
      path: "src/a b/images.ts",
      suffix: "?v=1#x"
    })
    assert.deepStrictEqual(address.parse("worker:images"), { _tag: "Registered", name: "worker:images" })
    assert.deepStrictEqual(
      address.parse("images", (name) => name === "images"),
      { _tag: "Registered", name: "images" }
    )
  })

  it.each([
    ...["node:fs", "NODE:fs", "fs", "lodash", "", "/etc/passwd", "../x.ts", "data:text/javascript,1", "DATA:,"],
    ...[
      "http://x/y.js",
      "https://x/y.js",
      "blob:nodedata:1",
      "file:///etc/passwd",
      "worker:",
      "app:name",
      "javascript:1"
    ],
    ...["mpire:", "mpire:app", "mpire:app/", "mpire:/x.ts", "mpire:app//x.ts", "mpire:app/x/", "mpire:app/./x.ts"],
    ...["mpire:app/../x.ts", "mpire:app/%2e%2e/x.ts", "mpire:app/..%2fx.ts", "mpire:app/a%5cb", "mpire:app/a\\b"],
    ...["mpire:app/%00", "mpire:app/%", "mpire:app/%ff", "mpire:app/C:%5cx", "mpire:../x.ts", "mpire:@app/x.ts"],
    ...["mpire:@app/../x.ts", "mpire:.hidden/x.ts", "mpire:node_modules/x.ts", "mpire:a b/x.ts", "mpire:%2e%2e/x.ts"],
    ...[`mpire:${"a".repeat(215)}/x.ts`, "mpire:app\n/x.ts", `data:text/javascript,${"x".repeat(10_000)}`]
  ])("K10 %j is refused", (text) => {
    const refused = address.parse(text)
    assert(refused._tag === "ModuleRefused")
    assert.isAtMost(refused.message.length, 500)
    assert.notStrictEqual(refused.problem, "")
  })

  it.prop(
    "K10 what is written for any path is read as it",
    {
      parts: Arbitrary.array(Arbitrary.array(integer(1, 0xd7_ff), { minLength: 1, maxLength: 8 }), {
        minLength: 1,
        maxLength: 4
      })
    },
    ({ parts }) => {
      const names = parts
        .map((codes) => String.fromCodePoint(...codes).replaceAll(/[/\\\0:]/g, "_"))
        .map((name) => (/^\.\.?$/.test(name) ? "dots" : name))
      const written = { package: "@app/tasks", path: names.join("/"), suffix: "?v=1" }
      assert.deepStrictEqual(address.parse(address.format(written)), { _tag: "InPackage", ...written })
    },
    runs(300)
  )
})

describe("what a driver calls a module", () => {
  it.live("K10 is the nearest package with a name, and the path in it, with the file's hash", () =>
    Effect.gen(function* () {
      const root = yield* folder
      write(root, {
        "package.json": manifest("app"),
        "src/a b.ts": "a",
        "dist/package.json": `{ "type": "module" }`,
        "dist/b.js": "b",
        "broken/package.json": "{",
        "broken/c.mjs": "c",
        "list/package.json": "[1]",
        "list/d.ts": "d",
        "packages/tasks/package.json": manifest("@app/tasks"),
        "packages/tasks/e.ts": "e",
        "node_modules/lib/package.json": manifest("lib"),
        "node_modules/lib/f.js": "f",
        link: "->packages/tasks"
      })
      const describe = describing.make()
      const cases: ReadonlyArray<readonly [path: string, address: string, text: string | undefined]> = [
        ["src/a b.ts", "mpire:app/src/a%20b.ts", "a"],
        ["dist/b.js", "mpire:app/dist/b.js", "b"],
        // another spelling is what a worker would load
        ["dist/b.ts", "mpire:app/dist/b.ts", "b"],
        ["broken/c.mts", "mpire:app/broken/c.mts", "c"],
        ["list/d.ts", "mpire:app/list/d.ts", "d"],
        ["packages/tasks/e.ts", "mpire:@app/tasks/e.ts", "e"],
        ["link/e.ts", "mpire:@app/tasks/e.ts", "e"],
        ["link/e.tsx", "mpire:@app/tasks/e.tsx", undefined],
        ["node_modules/lib/f.js", "mpire:lib/f.js", "f"],
        ["src/none.ts", "mpire:app/src/none.ts", undefined],
        ["gone/none.ts", "mpire:app/gone/none.ts", undefined]
      ]
      for (const [path, address, text] of cases) {
        const described = { address, sha256: text === undefined ? undefined : sha256(text) }
        // the second time from what is known
        for (let n = 0; n < 2; n++) assert.deepStrictEqual(yield* describe(urlOf(root, path)), described, path)
      }
      const versioned = yield* describe(`${urlOf(root, "src/a b.ts")}?v=2#x`)
      assert.deepStrictEqual(versioned, { address: "mpire:app/src/a%20b.ts?v=2#x", sha256: sha256("a") })
      assert.deepStrictEqual(yield* describe("worker:images"), { address: "worker:images", sha256: undefined })
    })
  )

  it.live("K10 nothing that has no such address", () =>
    Effect.gen(function* () {
      const root = yield* folder
      write(root, {
        "package.json": "{}",
        "x.ts": "x",
        "weird/package.json": manifest("not a name"),
        "weird/y.ts": "y"
      })
      const describe = describing.make()
      const cases: ReadonlyArray<readonly [url: string, problem: string]> = [
        ["node:fs", "part of Node.js"],
        ["lodash", "bare name"],
        ["data:text/javascript,1", "put code into its URL"],
        ["https://example.com/x.js", "no code from the network"],
        ["file://elsewhere/x.ts", "names no file of this machine"],
        ["file:///a%2fb.ts", "names no file of this machine"],
        [urlOf(root, "x.ts"), "package.json with a name"],
        [urlOf(root, "weird/y.ts"), "names no package"]
      ]
      for (const [url, problem] of cases) {
        const error = yield* failure(describe(url))
        assert.strictEqual(error._tag, "ModuleRefused")
        assert.include(error.problem, problem)
      }
    })
  )

  it.live("K10 the hash is that of the file as it is now", () =>
    Effect.gen(function* () {
      const root = yield* folder
      write(root, { "package.json": manifest("app"), "x.ts": "one" })
      const describe = describing.make()
      const url = urlOf(root, "x.ts")
      assert.strictEqual((yield* describe(url)).sha256, sha256("one"))
      // as many bytes as before
      fs.writeFileSync(join(root, "x.ts"), "two")
      assert.strictEqual((yield* describe(url)).sha256, sha256("two"))
    })
  )
})

/** A runner's root with all that packages can be in. */
const deployed = Effect.map(folder, (parent) => {
  const root = join(parent, "root")
  write(parent, {
    "outside/package.json": manifest("outside"),
    "outside/x.js": "outside",
    "root-other/package.json": manifest("sibling"),
    "root-other/x.js": "sibling",
    "root/package.json": manifest("app"),
    "root/src/x.ts": "app",
    "root/dist/y.js": "y",
    "root/both.ts": "both ts",
    "root/both.js": "both js",
    "root/folder.ts/z.js": "z",
    "root/escape.js": "->../outside/x.js",
    "root/inside.js": "->src/x.ts",
    "root/away": "->../outside",
    "root/dangling.js": "->nowhere.js",
    "root/.hidden/package.json": manifest("hidden"),
    "root/.hidden/x.js": "hidden",
    "root/packages/tasks/package.json": manifest("@app/tasks"),
    "root/packages/tasks/x.js": "tasks",
    "root/packages/copy/package.json": manifest("@app/tasks"),
    "root/packages/copy/x.js": "another",
    "root/packages/tasks/node_modules/deep/package.json": manifest("deep"),
    "root/packages/tasks/node_modules/deep/x.js": "deep",
    "root/packages/tasks/node_modules/twice/x.js": "twice 2",
    "root/node_modules/twice/x.js": "twice 1",
    "root/node_modules/lib/package.json": manifest("lib"),
    "root/node_modules/lib/x.js": "lib",
    "root/node_modules/lib/nested/package.json": manifest("nested"),
    "root/node_modules/lib/nested/x.js": "nested",
    "root/node_modules/linked": "->../packages/tasks",
    "root/node_modules/outside": "->../../outside",
    "root/node_modules/.pnpm/node_modules/hoisted/x.js": "hoisted"
  })
  return { root, parent }
})

const named = (address: string, text: string | undefined): describing.Described => ({
  address,
  sha256: text === undefined ? undefined : sha256(text)
})

describe("what a runner loads", () => {
  it.live("K10 its own package, those of its workspace, and those in node_modules, after all links", () =>
    Effect.gen(function* () {
      const { root } = yield* deployed
      const resolve = yield* resolving.make({ root })
      const cases: ReadonlyArray<readonly [address: string, text: string, path: string]> = [
        ["mpire:app/src/x.ts", "app", "src/x.ts"],
        ["mpire:app/inside.js", "app", "src/x.ts"],
        // compiled: the same text under another name
        ["mpire:app/dist/y.ts", "y", "dist/y.js"],
        ["mpire:app/both.ts", "both ts", "both.ts"],
        ["mpire:app/both.ts", "both js", "both.js"],
        ["mpire:@app/tasks/x.js", "tasks", "packages/tasks/x.js"],
        ["mpire:@app/tasks/x.js", "another", "packages/copy/x.js"],
        ["mpire:lib/x.js", "lib", "node_modules/lib/x.js"],
        ["mpire:lib/nested/x.js", "nested", "node_modules/lib/nested/x.js"],
        ["mpire:linked/x.js", "tasks", "packages/tasks/x.js"],
        ["mpire:deep/x.js", "deep", "packages/tasks/node_modules/deep/x.js"],
        ["mpire:twice/x.js", "twice 1", "node_modules/twice/x.js"],
        ["mpire:twice/x.js", "twice 2", "packages/tasks/node_modules/twice/x.js"],
        ["mpire:hoisted/x.js", "hoisted", "node_modules/.pnpm/node_modules/hoisted/x.js"]
      ]
      for (const [address, text, path] of cases) {
        const resolved = { url: urlOf(root, path), sha256: sha256(text) }
        for (let n = 0; n < 2; n++)
          assert.deepStrictEqual(yield* resolve(named(address, text), false), resolved, address)
      }
      const versioned = yield* resolve(named("mpire:app/src/x.ts?v=2", "app"), false)
      assert.strictEqual(versioned.url, `${urlOf(root, "src/x.ts")}?v=2`)
      assert.deepStrictEqual(yield* resolve(named("worker:images", undefined), false), {
        url: "worker:images",
        sha256: undefined
      })
    })
  )

  it.live("K10 nothing outside of its root, by whatever way", () =>
    Effect.gen(function* () {
      const { root } = yield* deployed
      const resolve = yield* resolving.make({ root })
      for (const [address, text] of [
        ["mpire:app/escape.js", "outside"],
        ["mpire:app/away/x.js", "outside"],
        ["mpire:outside/x.js", "outside"]
      ] as const) {
        for (const isSame of [true, false]) {
          const error = yield* failure(resolve(named(address, text), isSame))
          assert.strictEqual(error._tag, "ModuleRefused")
          assert.include(error.message, "out of the runner's root")
        }
      }
      for (const address of [
        "node:fs",
        "lodash",
        "data:text/javascript,1",
        "https://x/y.js",
        "file:///etc/hosts",
        "app:x"
      ]) {
        const error = yield* failure(resolve(named(address, undefined), true))
        assert.strictEqual(error._tag, "ModuleRefused", address)
      }
      assert.isFalse(files.isInside(root, `${root}-other/x.js`))
      assert.isTrue(files.isInside(root, root))
    })
  )

  it.live("K10 what is not there says what was looked for", () =>
    Effect.gen(function* () {
      const { root } = yield* deployed
      const resolve = yield* resolving.make({ root })
      const cases: ReadonlyArray<readonly [address: string, tried: ReadonlyArray<string>]> = [
        ["mpire:app/none.ts", ["none.ts", "none.js", "none.mjs", "none.cjs"]],
        ["mpire:app/folder.ts", ["folder.ts", "folder.js", "folder.mjs", "folder.cjs"]],
        ["mpire:app/dangling.js", ["dangling.js"]],
        ["mpire:@app/tasks/none.js", ["packages/copy/none.js", "packages/tasks/none.js"]],
        ["mpire:hidden/x.js", ['a package "hidden" in its root, its workspace and their node_modules']],
        ["mpire:sibling/x.js", ['a package "sibling" in its root, its workspace and their node_modules']],
        // a package within another one, that is not in the workspace
        ["mpire:nested/x.js", ['a package "nested" in its root, its workspace and their node_modules']]
      ]
      for (const [address, tried] of cases) {
        const error = yield* failure(resolve(named(address, "x"), false))
        assert(error._tag === "ModuleNotFound", address)
        assert.deepStrictEqual([error.address, error.tried], [address, tried])
      }
    })
  )

  it.live("K10 another file than the driver's only where both are the same deployment", () =>
    Effect.gen(function* () {
      const { root } = yield* deployed
      const resolve = yield* resolving.make({ root })
      const url = urlOf(root, "src/x.ts")
      for (const text of ["app, changed", undefined]) {
        const module = named("mpire:app/src/x.ts", text)
        const error = yield* failure(resolve(module, false))
        assert(error._tag === "ModuleMismatch")
        assert.deepStrictEqual([error.address, error.here, error.there], [module.address, module.sha256, sha256("app")])
        assert.deepStrictEqual(yield* resolve(module, true), { url, sha256: sha256("app") })
      }
      // a file that has been changed since it was found
      const module = named("mpire:app/src/x.ts", "app")
      assert.strictEqual((yield* resolve(module, false)).url, url)
      fs.writeFileSync(join(root, "src/x.ts"), "new")
      assert.strictEqual((yield* failure(resolve(module, false)))._tag, "ModuleMismatch")
      assert.strictEqual((yield* resolve(named("mpire:app/src/x.ts", "new"), false)).url, url)
    })
  )

  it.effect("K10 a package that is added is found a few seconds later", () =>
    Effect.gen(function* () {
      const { root } = yield* deployed
      const resolve = yield* resolving.make({ root })
      const module = named("mpire:late/x.js", "late")
      assert.strictEqual((yield* failure(resolve(module, false)))._tag, "ModuleNotFound")
      write(root, { "packages/late/package.json": manifest("late"), "packages/late/x.js": "late" })
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* resolve(module, false)).url, urlOf(root, "packages/late/x.js"))
    })
  )

  it.live("K10 what a driver describes is found where the same files are deployed elsewhere", () =>
    Effect.gen(function* () {
      const driver = yield* deployed
      const runner = yield* deployed
      const describe = describing.make()
      const resolve = yield* resolving.make({ root: pathToFileURL(runner.root) })
      for (const path of ["src/x.ts", "packages/tasks/x.js", "node_modules/lib/x.js", "both.ts"]) {
        const { url } = yield* resolve(yield* describe(urlOf(driver.root, path)), false)
        assert.strictEqual(fileURLToPath(url), join(runner.root, path))
      }
    })
  )

  it.live("C8 K10 a root that is none is refused", () =>
    Effect.gen(function* () {
      const { root } = yield* deployed
      for (const wrong of ["", join(root, "none"), join(root, "src/x.ts"), 5, null, undefined]) {
        yield* isRefused(resolving.make({ root: wrong as string }), "root", wrong)
      }
      yield* isRefused(resolving.make({ root: new URL("https://example.com/") }), "root", "https://example.com/")
    })
  )

  it.live("K10 node_modules are not gone through, nor links that lead round", () =>
    Effect.gen(function* () {
      const { root } = yield* deployed
      write(root, {
        "packages/round": "->..",
        "node_modules/trap/within/package.json": manifest("within"),
        "node_modules/trap/within/x.js": "within"
      })
      const { far } = yield* packages.make(root)
      const found = yield* far("within")
      assert.deepStrictEqual(
        found.filter((folder) => !/node_modules.within$/.test(folder)),
        []
      )
      // each package of the workspace once, and pnpm's own folder
      assert.lengthOf(found, 4)
    })
  )
})
