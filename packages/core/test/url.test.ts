import { assert, describe, it } from "@effect/vitest"
import { pathToFileURL } from "node:url"
import { loadModule, resolveInline } from "../src/internal/task/resolver.ts"
import { toUrl } from "../src/internal/task/url.ts"
import * as Portable from "../src/Portable.ts"

describe("addresses of modules", () => {
  it("C8 are URLs of absolute paths too, as Node has them", () => {
    const paths = [
      "/srv/a/tasks.ts",
      "/srv/a#b/tasks.ts",
      "/srv/50%/a b?.ts",
      "/srv/é/[x]/{y}|~^.ts",
      "/srv/a\\b\n.ts",
      "/a/../b.ts"
    ]
    for (const path of paths) assert.strictEqual(toUrl(path), pathToFileURL(path).href)
    const windows = { "C:\\x\\t.ts": "file:///C:/x/t.ts", "c:/x y/t#.ts": "file:///c:/x%20y/t%23.ts" }
    for (const [path, url] of Object.entries(windows)) assert.strictEqual(toUrl(path), url)
    assert.strictEqual(toUrl("\\\\server\\share\\t.ts"), "file://server/share/t.ts")
  })

  it("C8 stay as they are where they are URLs or names of packages", () => {
    for (const url of [
      "file:///srv/t.ts",
      "node:path",
      "data:text/javascript,export {}",
      "https://x.org/t.js",
      "pkg/tasks"
    ]) {
      assert.strictEqual(toUrl(url), url)
    }
    assert.strictEqual(toUrl(new URL("file:///a b/t.ts")), "file:///a%20b/t.ts")
  })

  it("C8 that are relative are refused when the reference is made, and the error says what to give", () => {
    for (const url of ["./t.ts", "../t.ts", "..", ".", ".\\t.ts"]) {
      const expected = `"${url}" is relative, and a worker cannot know to what: give new URL("${url}", import.meta.url)`
      assert.throws(() => Portable.module(url), expected)
      assert.throws(() => Portable.make(url, "name", () => 1), expected)
    }
  })
})

describe("a module that is missing", () => {
  const url = "file:///srv/a%20b/tasks.ts"
  const compiled = { task: () => 1 }

  /** Loads the module where the TypeScript file gives that error, and the JavaScript file beside it is there. */
  const load = (of: string, error: object) =>
    loadModule(of, (url) => (url === of ? Promise.reject(error) : Promise.resolve(compiled)))

  it("F7 is known by what platforms say of it, and what was compiled of it is loaded", async () => {
    for (const error of [
      { code: "ERR_MODULE_NOT_FOUND", url },
      { code: "ENOENT", path: "/srv/a b/tasks.ts" },
      { code: "ERR_MODULE_NOT_FOUND", message: "Cannot find module '/srv/a b/tasks.ts' imported from x.ts" },
      { code: "ERR_MODULE_NOT_FOUND", message: `Cannot find module '${url}' imported from x.ts` },
      {
        code: "ERR_MODULE_NOT_FOUND",
        message: `[ERR_MODULE_NOT_FOUND] Cannot find module '${url}' imported from x.ts`
      },
      { code: "ERR_MODULE_NOT_FOUND", message: `Module not found "${url}".` }
    ]) {
      assert.strictEqual(await load(url, error), compiled)
    }
    const odd = "file:///srv/50%/tasks.ts"
    assert.strictEqual(await load(odd, { code: "ERR_MODULE_NOT_FOUND", url: odd }), compiled)
  })

  it("F7 is not taken for one that misses something itself", async () => {
    for (const error of [
      { code: "ERR_MODULE_NOT_FOUND", url: "file:///srv/a%20b/other.ts" },
      { code: "ENOENT", path: "./tasks.ts" },
      { code: "ENOENT" },
      { code: "ERR_MODULE_NOT_FOUND", message: "Cannot find package 'tasks' imported from /srv/a b/tasks.ts" },
      { code: "ERR_MODULE_NOT_FOUND", message: "Cannot find module './other.ts' imported from /srv/a b/tasks.ts" },
      new Error(`Cannot find module '${url}'`)
    ]) {
      for (const of of [url, "file:///srv/50%/tasks.ts"]) {
        const failure = await load(of, error).then(
          () => undefined,
          (failure: unknown) => failure
        )
        assert(failure instanceof Error)
        assert.strictEqual(failure.cause, error)
      }
    }
  })
})

describe("inline functions", () => {
  it("S1 run although a bundler that keeps names has put its helper into their text", () => {
    const source = `(n) => {
      const double = /* @__PURE__ */ __name((n) => 2 * n, "double")
      return double(n)
    }`
    const double = resolveInline({ _tag: "Inline", source }) as (n: number) => number
    assert.strictEqual(double(4), 8)
  })
})
