/** Task modules of a driver that a runner has at another place, or does not load. */
import type { Runner } from "@effect-mpire/cluster"
import { Portable, WorkerPool } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { startHere } from "../here.ts"
import { reasonOf } from "../../../node-runtime/test/support.ts"
import { clusterOf, eventually, secret } from "../runners.ts"
import { folder, write } from "../support.ts"

const source = "export const where = () => import.meta.url\nexport const bound = (value, n) => value + n\n"

const app = { "package.json": `{ "name": "app", "type": "module" }`, "src/tasks.js": source }

/** The app as it is deployed to one machine. */
const deployed = (tree: Readonly<Record<string, string>> = {}): Effect.Effect<string, never, Scope.Scope> =>
  Effect.tap(folder, (root) => Effect.sync(() => write(root, { ...app, ...tree })))

const urlOf = (root: string, path: string) => pathToFileURL(join(root, path)).href

const where = (url: string) => Portable.module<{ readonly where: (item: unknown) => string }>(url).where

const overRunner = (options: Partial<Runner.Options>, driver: { readonly deployment?: string } = {}) =>
  Effect.map(startHere(options), ({ port }) => clusterOf([`127.0.0.1:${port}`], { secret, ...driver }))

describe("task modules on a cluster", () => {
  for (const workers of ["threads", "processes"] as const) {
    it.live(`K10 are found by package and path in ${workers}, with what is bound to them and in hooks`, () =>
      Effect.gen(function* () {
        const [here, there] = yield* Effect.all([deployed(), deployed()])
        const tasks = Portable.module<{
          readonly where: () => string
          readonly bound: (value: number, n: number) => number
        }>(urlOf(here, "src/tasks.js"))
        const cluster = yield* overRunner({ root: there, workers })
        const [results, sums] = yield* Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 2, init: tasks.where, keepAlive: true })
          yield* pool.start
          const task = Portable.bind(tasks.bound, 10)
          return yield* Effect.all([pool.map([1, 2], where(urlOf(here, "src/tasks.js"))), pool.map([1, 2], task)])
        }).pipe(Effect.scoped, Effect.provide(cluster))
        assert.deepStrictEqual([...new Set(results)], [urlOf(there, "src/tasks.js")])
        assert.deepStrictEqual(sums, [11, 12])
      })
    )
  }

  it.live("K10 are loaded by name from the one that was compiled, and only once for each worker", () =>
    Effect.gen(function* () {
      // one letter whenever the module is evaluated, in whichever thread
      const counted = (file: string) => ({
        "src/compiled.js":
          `import { appendFileSync } from "node:fs"\nappendFileSync(${JSON.stringify(file)}, "x")\n` + source
      })
      const loads = join(yield* folder, "loads")
      const here = yield* deployed(counted(loads))
      const there = yield* deployed(counted(loads))
      const cluster = yield* overRunner({ root: pathToFileURL(there), slots: 1 })
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
        const task = where(urlOf(here, "src/compiled.ts"))
        const results = [yield* pool.run(task, 1), yield* pool.run(task, 2)]
        assert.deepStrictEqual(results, Array(2).fill(urlOf(there, "src/compiled.js")))
        assert.strictEqual(readFileSync(loads, "utf8"), "x")
        // the next worker loads it again: what is counted are loads
        yield* pool.stop
        yield* pool.run(task, 3)
        assert.strictEqual(readFileSync(loads, "utf8"), "xx")
      }).pipe(Effect.scoped, Effect.provide(cluster))
    })
  )

  /** Accident: a task's module is not the same file on a runner. */
  it.live("K10 another file than the driver's is ModuleMismatch, unless both are of one deployment", () =>
    Effect.gen(function* () {
      const here = yield* deployed()
      const there = yield* deployed({ "src/tasks.js": `${source}// changed\n` })
      const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")
      const run = (cluster: ReturnType<typeof clusterOf>) =>
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 1 })
          return yield* pool.run(where(urlOf(here, "src/tasks.js")), 1)
        }).pipe(Effect.scoped, Effect.provide(cluster))
      for (const deployment of [{}, { deployment: "a1" }]) {
        // where one end alone names its deployment, the files are compared
        const exit = yield* Effect.exit(run(yield* overRunner({ root: there, ...deployment })))
        const reason = reasonOf(exit)
        assert(reason._tag === "StartFailed")
        assert.strictEqual(reason.module, urlOf(here, "src/tasks.js"))
        const { address, here: mine, there: its, _tag } = reason.cause as Record<string, unknown>
        assert.deepStrictEqual(
          [_tag, address, mine, its],
          ["ModuleMismatch", "mpire:app/src/tasks.js", sha256(source), sha256(`${source}// changed\n`)]
        )
      }
      const same = yield* overRunner({ root: there, deployment: "a1" }, { deployment: "a1" })
      assert.strictEqual(yield* run(same), urlOf(there, "src/tasks.js"))
    })
  )

  /** What a driver names, how the runner answers, and the words that say why. */
  const refused: ReadonlyArray<readonly [name: string, url: string, tag: string, problem: RegExp]> = [
    ["a link out of the runner's root", "src/escape.js", "ModuleRefused", /leads out of the runner's root/],
    ["a folder that is a link out of it", "away/x.js", "ModuleRefused", /leads out of the runner's root/],
    ["a package outside of it", "../outside/x.js", "ModuleNotFound", /was not found on the runner/],
    ["what the runner does not have", "src/only-here.js", "ModuleNotFound", /src\/only-here\.js/],
    ["a file that is not in a package", "../bare/x.js", "ModuleRefused", /no folder above it has a package\.json/],
    ["a part of Node.js", "node:fs", "ModuleRefused", /part of Node\.js/],
    ["a data: URL", "data:text/javascript,export const where = () => 1", "ModuleRefused", /code into its URL/],
    ["code from the network", "https://example.com/x.js", "ModuleRefused", /no code from the network/]
  ]

  for (const [name, url, tag, problem] of refused) {
    it.live(`K10 ${name} is not loaded, and the pool goes on`, () =>
      Effect.gen(function* () {
        const parents = yield* Effect.all([folder, folder])
        const [here, there] = parents.map((parent) => join(parent, "app")) as [string, string]
        write(here, { ...app, "src/escape.js": source, "away/x.js": source, "src/only-here.js": source })
        write(there, { ...app, "src/escape.js": "->../../outside/x.js", away: "->../outside" })
        const outside = { "package.json": `{ "name": "outside" }`, "x.js": source }
        for (const parent of parents) {
          write(join(parent, "outside"), outside)
          write(join(parent, "bare"), { "x.js": source })
        }
        const named = /^[a-z]{3,}:/.test(url) ? url : urlOf(here, url)
        const cluster = yield* overRunner({ root: there })
        yield* Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
          const reason = reasonOf(yield* Effect.exit(pool.map([1, 2], where(named))))
          assert(reason._tag === "StartFailed", reason._tag)
          assert.strictEqual(reason.module, new URL(named).href)
          const cause = reason.cause as Error & { readonly _tag?: string }
          assert.strictEqual(cause._tag, tag)
          assert.match(cause.message, problem)
          assert.strictEqual(yield* pool.run(where(urlOf(here, "src/tasks.js")), 1), urlOf(there, "src/tasks.js"))
        }).pipe(Effect.scoped, Effect.provide(cluster))
      })
    )
  }

  /** Modules that a runner has, and cannot load: the suite has these as `data:` URLs, which runners refuse. */
  const broken: ReadonlyArray<readonly [rule: string, how: string, text: string, cause: RegExp]> = [
    ["F3", "throws", "throw new Error('the module throws')", /the module throws/],
    ["F3", "is no JavaScript", "export const where =", /Unexpected/],
    ["F3", "has no such export", "export const another = 1", /no export "where", but another/],
    ["F3", "ends its worker", "process.exit(7)", /exit code 7/],
    ["T4", "does not end loading", "await new Promise(() => {})", /did not load within/],
    ["T4", "computes without end", "for (;;);", /did not load within/]
  ]

  for (const [rule, how, text, cause] of broken) {
    it.live(`${rule} K10 a module that ${how} on its runner is StartFailed, and the pool goes on`, () =>
      Effect.gen(function* () {
        const [here, there] = yield* Effect.all([deployed({ "broken.js": text }), deployed({ "broken.js": text })])
        const cluster = yield* overRunner({ root: there })
        yield* Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, startTimeout: "5 seconds" })
          const reason = reasonOf(yield* Effect.exit(pool.run(where(urlOf(here, "broken.js")), 1)))
          assert(reason._tag === "StartFailed", reason._tag)
          assert.match(String(reason.cause), cause)
          assert.strictEqual(yield* pool.run(where(urlOf(here, "src/tasks.js")), 1), urlOf(there, "src/tasks.js"))
        }).pipe(Effect.scoped, Effect.provide(cluster))
      })
    )
  }

  it.live("C5 K10 no item starts whose call is interrupted while its module is looked for or loaded", () =>
    Effect.gen(function* () {
      const slow = `await new Promise((resolve) => setTimeout(resolve, 300)); let calls = 0; export const where = () => ++calls`
      const [here, there] = yield* Effect.all([deployed({ "slow.js": slow }), deployed({ "slow.js": slow })])
      const cluster = yield* overRunner({ root: there })
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
        yield* pool.start
        const task = where(urlOf(here, "slow.js"))
        const fiber = yield* Effect.forkChild(pool.map([1, 2], task), { startImmediately: true })
        yield* eventually(Effect.map(pool.stats, ({ busy }) => busy === 1))
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(yield* pool.run(task, 3), 1 as unknown as string)
      }).pipe(Effect.scoped, Effect.provide(cluster))
    })
  )

  it.live("K10 a bare name is not loaded", () =>
    Effect.gen(function* () {
      const there = yield* deployed()
      const cluster = yield* overRunner({ root: there })
      const exit = yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1 })
        return yield* pool.run(where("fs"), 1)
      }).pipe(Effect.scoped, Effect.provide(cluster), Effect.exit)
      const reason = reasonOf(exit)
      assert(reason._tag === "StartFailed")
      assert.strictEqual((reason.cause as { readonly _tag?: string })._tag, "ModuleRefused")
    })
  )

  it.live("K10 a runner with `inline: false` runs no source that it is sent, and modules all the same", () =>
    Effect.gen(function* () {
      const [here, there] = yield* Effect.all([deployed(), deployed()])
      const cluster = yield* overRunner({ root: there, inline: false })
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
        const add = Portable.inline((value: number, n: number) => value + n)
        for (const task of [Portable.inline((n: number) => n), Portable.bind(add, 1)]) {
          const reason = reasonOf(yield* Effect.exit(pool.run(task, 1)))
          assert(reason._tag === "StartFailed")
          assert.strictEqual((reason.cause as { readonly _tag?: string })._tag, "InlineRefused")
        }
        assert.strictEqual(yield* pool.run(where(urlOf(here, "src/tasks.js")), 1), urlOf(there, "src/tasks.js"))
      }).pipe(Effect.scoped, Effect.provide(cluster))
    })
  )
})
