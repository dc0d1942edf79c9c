import { Portable, WorkerPool } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { Lines } from "../src/internal/lines.ts"
import * as NodeWorkerRuntime from "../src/NodeWorkerRuntime.ts"
import type * as Tasks from "./fixtures/output.tasks.ts"
import { bare } from "./support.ts"

const tasks = Portable.module<typeof Tasks>(new URL("./fixtures/output.tasks.ts", import.meta.url))

/** What `tasks.flood` prints. */
const flooded = (lines: number) =>
  `${Array.from({ length: lines }, (_, n) => `line ${n} ${"ä".repeat(50)}\n`).join("")}the rest`

interface Logged {
  readonly level: string
  readonly text: unknown
  readonly annotations: unknown
}

const recording = () => {
  const logged: Array<Logged> = []
  const logger = Logger.make(({ fiber, logLevel, message }) => {
    const text = Array.isArray(message) ? message[0] : message
    logged.push({ level: logLevel, text, annotations: fiber.getRef(References.CurrentLogAnnotations) })
  })
  return { logged, layer: Logger.layer([logger]) }
}

const runtimes = {
  threads: NodeWorkerRuntime.layerThreads,
  processes: NodeWorkerRuntime.layerProcesses
}

describe.each(Object.entries(runtimes))("output of %s", (_, runtime) => {
  /** Runs a program over a pool whose workers' output is logged; the log is complete when the pool's Scope has closed. */
  const logging = <A, E>(program: (pool: WorkerPool.WorkerPool) => Effect.Effect<A, E>) =>
    Effect.suspend(() => {
      const { layer, logged } = recording()
      return Effect.flatMap(WorkerPool.make({ size: 1, keepAlive: true }), program).pipe(
        Effect.annotateLogs("of", "the pool"),
        Effect.scoped,
        Effect.provide(Layer.merge(runtime({ ...bare, output: "log" }), layer)),
        Effect.map((result) => ({ logged, result }))
      )
    })

  it.live('O4 with "log" each line is logged, with the worker: of stdout at Info, of stderr at Warn', () =>
    Effect.gen(function* () {
      const { logged } = yield* logging((pool) => pool.map([0, 1, 2], tasks.say, { chunkSize: 1 }))
      const annotations = { of: "the pool", worker: 0, generation: 1 }
      const at = (level: string) => logged.filter((line) => line.level === level)
      assert.deepStrictEqual(
        at("Info"),
        [0, 1, 2].flatMap((n) => [
          { level: "Info", text: `item ${n} is on stdout`, annotations },
          { level: "Info", text: "and a second line", annotations }
        ])
      )
      assert.deepStrictEqual(
        at("Warn"),
        [0, 1, 2].map((n) => ({ level: "Warn", text: `item ${n} is on stderr`, annotations }))
      )
    })
  )

  it.live('O4 with "log" nothing is lost or cut, not even without the end of the last line', () =>
    Effect.gen(function* () {
      const { logged } = yield* logging((pool) => pool.run(tasks.flood, 30_000))
      assert.strictEqual(logged.map(({ text }) => `${String(text)}\n`).join(""), `${flooded(30_000)}\n`)
    })
  )

  it.live('O4 with "log" what a worker said before it was lost has arrived', () =>
    Effect.gen(function* () {
      const { logged, result } = yield* logging((pool) => Effect.exit(pool.run(tasks.last, 3)))
      assert.isTrue(Exit.isFailure(result))
      assert.include(
        logged.map(({ level, text }) => `${level} ${String(text)}`),
        "Warn worker 0 gives up"
      )
    })
  )
})

describe("output of a process", () => {
  it.live('O4 with "log" nothing is lost where something that a worker has started keeps its stdout open', () =>
    Effect.gen(function* () {
      const { layer, logged } = recording()
      yield* Effect.flatMap(WorkerPool.make({ size: 1, keepAlive: true }), (pool) =>
        pool.run(tasks.leaveProcess, undefined)
      ).pipe(Effect.scoped, Effect.provide(Layer.merge(runtimes.processes({ ...bare, output: "log" }), layer)))
      assert.deepStrictEqual(
        logged.map(({ text }) => text),
        ["the rest"]
      )
    })
  )
})

describe("Lines", () => {
  it("O4 gives whole lines, whatever the pieces", () => {
    const text = `first\nsecond ä line\n\n${"x".repeat(100)}\nrest`
    const bytes = Buffer.from(text)
    for (let size = 1; size < bytes.length; size++) {
      const lines = new Lines()
      const given: Array<string> = []
      for (let at = 0; at < bytes.length; at += size) {
        const whole = lines.push(bytes.subarray(at, at + size)).toString()
        if (whole !== "") given.push(whole)
      }
      assert.isTrue(given.every((whole) => whole.endsWith("\n")))
      assert.strictEqual(given.join("") + lines.rest().toString(), text)
      assert.strictEqual(lines.rest().length, 0)
    }
  })

  it("O4 ends a line that goes on for ever, and forgets nothing of it", () => {
    const lines = new Lines()
    let text = ""
    for (let n = 0; n < 300; n++) text += lines.push(Buffer.alloc(1000, "x")).toString()
    text += lines.rest().toString()
    assert.strictEqual(text.replaceAll("\n", "").length, 300_000)
    assert.isTrue(text.split("\n").every((line) => line.length < 70_000))
  })

  it("O4 cuts a long line between characters, whatever the pieces, and once where its end comes next", () => {
    const pieces = (bytes: Uint8Array, size: number) =>
      Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size))
    const long = [
      "x".repeat(65_536),
      `a${"ä".repeat(50_000)}`,
      `${"縮".repeat(50_000)}b`,
      `ab${"😀".repeat(40_000)}`,
      "y".repeat(200_000)
    ]
    for (const text of long) {
      for (const size of [1000, 1001, 1003, 65_535, 65_536]) {
        for (const end of ["\n", "\r\n"]) {
          const lines = new Lines()
          const given = [...pieces(Buffer.from(text), size), Buffer.from(`${end}short\n`)].map((piece) =>
            lines.push(piece).toString()
          )
          assert.strictEqual(lines.rest().length, 0)
          const all = given.join("").replaceAll("\r", "")
          assert.isFalse(all.includes("\ufffd"))
          assert.strictEqual(all.replaceAll("\n", ""), `${text}short`)
          assert.isFalse(all.includes("\n\n"))
          assert.isTrue(all.endsWith("\nshort\n"))
        }
      }
    }
  })

  it("O4 keeps empty lines, and bytes that are no text", () => {
    const lines = new Lines()
    const bytes = Buffer.concat([Buffer.alloc(70_000, 0xbf), Buffer.from("\n\n\n"), Buffer.alloc(10, 0xff)])
    const cut = Buffer.concat([lines.push(bytes.subarray(0, 70_000)), lines.push(bytes.subarray(70_000)), lines.rest()])
    assert.deepStrictEqual(cut, bytes)
  })
})
