/** F3: tasks in the file that the program was started with. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { runFixture, runNode } from "../support.ts"

const timesRun = (stdout: string): number => stdout.split("the top level runs").length - 1

const runtimes = ["threads", "processes"]
const forms = ["make", "module"]
const combinations = runtimes.flatMap((runtime) => forms.map((form) => [runtime, form] as const))

describe.concurrent("a task in the program's main file", () => {
  it.live.each(combinations)("F3 is refused before a worker loads it: %s, Portable.%s", ([runtime, form]) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runFixture("main-module.ts", runtime, form, "undeclared")
      assert.deepStrictEqual({ code, stderr, ran: timesRun(stdout) }, { code: 0, stderr: "", ran: 1 })
      assert.match(stdout, /could not load file:\S+main-module\.ts: It is the program's main file/)
      const layer = runtime === "threads" ? "layerThreads" : "layerProcesses"
      assert.include(stdout, `${layer}({ mainModule: true })`)
    })
  )

  it.live.each(combinations)("F3 runs if the file is said to be guarded: %s, Portable.%s", ([runtime, form]) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runFixture("main-module.ts", runtime, form, "declared")
      assert.deepStrictEqual({ code, stderr, ran: timesRun(stdout) }, { code: 0, stderr: "", ran: 3 })
      assert.include(stdout, form === "make" ? "[ 1, 4, 9 ]" : "[ 1, 8, 27 ]")
    })
  )

  it.live("F3 is refused where the program was started by a link to its file", () =>
    Effect.gen(function* () {
      const directory = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(path.join(tmpdir(), "effect-mpire-"))),
        (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
      )
      const link = path.join(directory, "link.ts")
      symlinkSync(fileURLToPath(new URL("../fixtures/main-module.ts", import.meta.url)), link)
      const { stdout } = yield* runNode([link, "threads", "make", "undeclared"])
      assert.include(stdout, "It is the program's main file")
      assert.strictEqual(timesRun(stdout), 1)
    }).pipe(Effect.scoped)
  )

  it.live("F3 runs if the file is the workers' entry as well, as where all was bundled into one", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runFixture("main-module.ts", "threads", "make", "entry")
      assert.deepStrictEqual({ code, stderr, ran: timesRun(stdout) }, { code: 0, stderr: "", ran: 3 })
      assert.include(stdout, "[ 1, 4, 9 ]")
    })
  )

  it.live("F3 F7 cannot run in a process that may make no file, and the message says what to allow", () =>
    Effect.gen(function* () {
      const program = fileURLToPath(new URL("../fixtures/main-module.ts", import.meta.url))
      const { code, stdout } = yield* runNode([
        "--permission",
        "--allow-fs-read=*",
        program,
        "processes",
        "make",
        "declared"
      ])
      assert.strictEqual(code, 0)
      assert.match(
        stdout,
        /could not start: .* make one of them writable, under Node's --permission by --allow-fs-write/
      )
    })
  )
})
