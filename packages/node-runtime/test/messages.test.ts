/** F7: what users read when a module cannot be loaded: which one, and why. */
import { Portable, WorkerPool, WorkerPoolError } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import { eventually, reasonOf } from "./support.ts"

type Task = { readonly task: (n: number) => number }

type Named = Task & {
  readonly open: () => never
  readonly makes: (n: number) => any
  readonly wait: (n: number) => Promise<never>
  readonly end: (code: number) => number
  readonly add: (a: number, b: number) => number
}

const task = "export const task = (n: number) => n * 2"

/** A directory with these files, which is removed with the Scope. */
const directoryOf = (files: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const directory = mkdtempSync(path.join(tmpdir(), "effect mpire #"))
      for (const [name, text] of Object.entries(files)) writeFileSync(path.join(directory, name), text)
      return directory
    }),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
  )

const cure = "where a bundler built the program, make it an entry of its own, or use a worker file"

/** Files that cannot be loaded, and what their calls fail with; DIR stands for the URL of the directory. */
const unloadable: ReadonlyArray<readonly [file: string, text: string, message: string]> = [
  [
    "package.ts",
    `import value from "a-package-that-is-not-there"; ${task}`,
    "could not load DIR/package.ts: Cannot find package 'a-package-that-is-not-there' imported from PATH/package.ts"
  ],
  [
    "dependency.ts",
    `import "./not-there.js"; ${task}`,
    "could not load DIR/dependency.ts: Cannot find module 'PATH/not-there.js' imported from PATH/dependency.ts"
  ],
  [
    "reads.ts",
    `import { readFileSync } from "node:fs"; export const data = readFileSync("/nowhere/model.bin"); ${task}`,
    "could not load DIR/reads.ts: ENOENT: no such file or directory, open '/nowhere/model.bin'"
  ],
  [
    "enum.ts",
    `export enum Colour { Red }; ${task}`,
    "could not load DIR/enum.ts: TypeScript enum is not supported in strip-only mode"
  ],
  ["syntax.js", "export const task = (n) => n +* 2", "could not load DIR/syntax.js: Unexpected token '*'"],
  ["throws.ts", `throw new Error("no licence"); ${task}`, "could not load DIR/throws.ts: no licence"],
  ["throwsText.ts", `throw "no licence"; ${task}`, `could not load DIR/throwsText.ts: "no licence"`],
  ["other.ts", "export const another = 1", `could not load DIR/other.ts: It has no export "task", but another`],
  [
    "not-there.ts",
    "",
    `could not load DIR/not-there.ts: There is no such file, nor has a file .js, .mjs, .cjs beside it: ${cure}`
  ],
  ["not-there.js", "", `could not load DIR/not-there.js: There is no such file: ${cure}`]
]

const here = Effect.provide(NodeWorkerRuntime.layerThreads({ execArgv: [] }))

describe("messages", () => {
  it.live("F7 say which module could not be loaded, and the first true cause, whose file it is", () =>
    Effect.gen(function* () {
      const directory = yield* directoryOf(
        Object.fromEntries(unloadable.filter(([, text]) => text !== "").map(([file, text]) => [file, text]))
      )
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const url = pathToFileURL(directory).href
      for (const [file, , message] of unloadable) {
        const exit = yield* Effect.exit(pool.run(Portable.module<Task>(`${url}/${file}`).task, 1))
        const expected = message.replaceAll("DIR", url).replaceAll("PATH", directory)
        const { message: actual } = reasonOf(exit)
        assert.strictEqual(actual.replace(/^worker 0 \(generation \d+\) of pool-\d+ /, ""), expected)
      }
    }).pipe(here)
  )

  it.live("F7 show a failed hook's message once, with the hook's own stack and the caller's frame", () =>
    Effect.gen(function* () {
      const directory = yield* directoryOf({
        "hooks.ts": `export const open = (): number => { throw new Error("it broke") }\n${task}`
      })
      const tasks = Portable.module<Task & { readonly open: () => number }>(path.join(directory, "hooks.ts"))
      const pool = yield* WorkerPool.make({ size: 1 })
      const callerOf = Effect.fn("callerOf")(function* () {
        return yield* pool.map([1], tasks.task, { init: tasks.open as any })
      })
      const cause = yield* Effect.flip(Effect.sandbox(callerOf()))
      const lines = Cause.pretty(cause).split("\n")
      const first = `WorkerPoolError: init failed in worker 0 (generation 1) of ${pool.name}: it broke`
      assert.deepStrictEqual(
        lines.filter((line) => line.includes("it broke")),
        [first, "  [cause]: Error: it broke"]
      )
      assert.strictEqual(lines[0], first)
      assert.match(lines[1]!, /at callerOf \(.*messages\.test\.ts/)
      assert.isTrue(lines.some((line) => /at (?:Object\.)?open .*hooks\.ts:1/.test(line)))
    }).pipe(here)
  )

  it.live("F7 name the module of what is no function", () =>
    Effect.gen(function* () {
      const directory = yield* directoryOf({ "value.ts": "export const task = 7" })
      const pool = yield* WorkerPool.make({ size: 1 })
      const { task } = Portable.module<Task>(path.join(directory, "value.ts"))
      const { message } = reasonOf(yield* Effect.exit(pool.run(task, 1)))
      assert.include(message, "value.ts: The task is no function")
    }).pipe(here)
  )

  it.live("F7 name the module of services that are no Layer, on threads and processes, with hooks and without", () =>
    Effect.gen(function* () {
      const directory = yield* directoryOf({
        "services.ts": "export const own = 7",
        "hooks.ts": `export const open = () => {}; ${task}`
      })
      const { own } = Portable.module<any>(path.join(directory, "services.ts")) as any
      const hooks = Portable.module<Task & { readonly open: () => void }>(path.join(directory, "hooks.ts"))
      for (const runtime of [NodeWorkerRuntime.layerThreads(), NodeWorkerRuntime.layerProcesses()]) {
        for (const some of [{}, { init: hooks.open }, { exit: hooks.open }]) {
          const options = { size: 1, services: own, ...some }
          const ran = Effect.scoped(Effect.flatMap(WorkerPool.make(options), (pool) => pool.run(hooks.task, 1)))
          const { message } = reasonOf(yield* Effect.exit(Effect.provide(ran, runtime)))
          assert.match(message, /could not load \S+services\.ts: The services' export is no Layer$/)
        }
      }
    })
  )

  it.live("F1 of a worker that ends while it has nothing to do are logged, with the task that ran last", () =>
    Effect.gen(function* () {
      const directory = yield* directoryOf({
        "late.ts":
          "export const task = (n: number) => { setTimeout(() => { throw new Error('too late') }, 20); return n }"
      })
      const { task } = Portable.module<Task>(path.join(directory, "late.ts"))
      const logged: Array<string> = []
      const logger = Logger.make(({ cause, message }) => void logged.push(`${String(message)} ${Cause.pretty(cause)}`))
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
        assert.strictEqual(yield* pool.run(task, 4), 4)
        yield* eventually("something is logged", () => logged.length > 0)
        assert.strictEqual((yield* pool.stats).lost, 1)
      }).pipe(Effect.scoped, here, Effect.provide(Logger.layer([logger])))
      assert.strictEqual(logged.length, 1)
      assert.match(logged[0]!, /ended while it had nothing to do; the last task that it ran was file:.*late\.ts#task/)
      assert.include(logged[0], "too late")
    })
  )

  it.live("F7 find what a compiler or bundler has made of a TypeScript file, and take paths as addresses", () =>
    Effect.gen(function* () {
      const compiled = task.replace(": number", "")
      const made = { "a.js": "a.ts", "b.mjs": "b.ts", "c.js": "c.tsx", "d.mjs": "d.mts" }
      const directory = yield* directoryOf(Object.fromEntries(Object.keys(made).map((file) => [file, compiled])))
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      for (const source of Object.values(made)) {
        assert.strictEqual(yield* pool.run(Portable.module<Task>(path.join(directory, source)).task, 4), 8)
      }
    }).pipe(here)
  )

  const named = [
    ["timeouts", (pool, { wait }) => pool.map([1], wait, { timeout: 1 }), "Item 0 of TASK#wait timed out in WORKER"],
    [
      "lost workers",
      (pool, { end }) => pool.run(end, 7),
      "WORKER was lost (exit code 7) with items 0 of TASK#end in hand"
    ],
    [
      "inputs",
      (pool, { task }) => pool.map([1, (() => 1) as any], task),
      "Item 1 of TASK#task cannot cross as input: () => 1 could not be cloned."
    ],
    [
      "results",
      (pool, { makes }) => pool.map([1], makes),
      "Item 0 of TASK#makes cannot cross as output: () => 1 could not be cloned."
    ],
    [
      "values that are bound",
      (pool, { add }) => pool.map([1], Portable.bind(add, (() => 1) as any)),
      "A value of TASK#add cannot cross as input: () => 1 could not be cloned."
    ],
    [
      "modules",
      (pool, tasks) => pool.run((tasks as any).other, 1),
      `WORKER could not load TASK: It has no export "other"`
    ],
    ["hooks", (pool, { open, task }) => pool.map([1], task, { init: open as any }), "init failed in WORKER: no disk"],
    [
      "what is closed",
      (pool, { wait }) =>
        Effect.andThen(Effect.forkChild(Effect.andThen(Effect.yieldNow, pool.terminate)), pool.map([1], wait)),
      "The pool app/Images was terminated while the call ran"
    ]
  ] satisfies ReadonlyArray<
    readonly [
      of: string,
      call: (pool: WorkerPool.WorkerPool, tasks: Portable.Module<Named>) => Effect.Effect<unknown, unknown>,
      message: string
    ]
  >

  it.live("F7 name the task, its module and the pool", () =>
    Effect.gen(function* () {
      const directory = yield* directoryOf({
        "named.ts": `export const open = () => { throw new Error("no disk") }
          export const makes = () => () => 1
          export const wait = () => new Promise(() => {})
          export const end = (code: number): number => process.exit(code)
          export const add = (a: number, b: number) => a + b
          ${task}`
      })
      const url = pathToFileURL(path.join(directory, "named.ts")).href
      const tasks = Portable.module<Named>(url)
      const messages = yield* Effect.forEach(named, ([, call]) =>
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 1, name: "app/Images", killAfter: 1 })
          return reasonOf(yield* Effect.exit(call(pool, tasks))).message
        }).pipe(Effect.scoped)
      )
      const worker = "worker 0 (generation 1) of app/Images"
      messages.forEach((message, i) => {
        assert.include(message, named[i]![2].replace("TASK", url).replace("WORKER", worker))
      })
    }).pipe(here, Effect.scoped)
  )

  it("F7 are properties of errors themselves, which copies keep", () => {
    const error = WorkerPoolError.make(new WorkerPoolError.Overloaded({ maxPending: 3 }))
    assert.strictEqual(error.message, "More than 3 runs are waiting (maxPending)")
    const copy = structuredClone(error)
    assert.strictEqual(copy.message, error.message)
    assert.strictEqual(error.stack, `WorkerPoolError: ${error.message}`)
  })
})
