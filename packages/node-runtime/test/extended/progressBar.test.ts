import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { assertLines, assertOnce, escape, numbers, onceAndWhole, printed, remnants } from "../bars.ts"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as terminal from "../terminal.ts"

// they wait most of the time
describe.skipIf(!terminal.isSupported)("ProgressBar in a terminal", { concurrent: true }, () => {
  it.live.each([5, 40])(`O4 bars below %i lines: ${onceAndWhole}`, (before) => assertLines(before))

  const inFolder = <A, E, R>(use: (folder: string) => Effect.Effect<A, E, R>) =>
    Effect.acquireUseRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "bars-"))),
      use,
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
    )

  it.live(`O4 narrower and then wider: ${onceAndWhole}`, () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const file = join(folder, "goes-on")
        const shown = yield* terminal.run({}, "bars.ts", "lines", "3", file)
        // the program waits before each of these lines: on a busy machine the ones before would be gone
        for (const [line, columns, rows] of [
          [20, 33, 24],
          [30, 120, 24],
          [50, 60, 30]
        ] as const) {
          // all of the frame: stopped in the middle of it, the program would write the rest for another width
          const before = new RegExp(`line ${line - 1} [^]*^Unknown`, "m")
          yield* shown.until(`what comes before line ${line}`, (screen) => before.test(screen))
          yield* shown.resize(columns, rows)
          writeFileSync(`${file}-${line}`, "")
        }
        assert.strictEqual(yield* shown.ended, 0)
        assertOnce(shown.lines, [...numbers(3).map((n) => `before ${n}`), ...printed, "the last line"])
        assert.deepStrictEqual(remnants(shown.lines), [])
        assert.strictEqual(shown.lines.filter((line) => line.startsWith("✔")).length, 2)
      })
    )
  )

  it.live.each(["threads", "processes"])(
    "O4 what workers in %s write goes above the bars, whole lines only",
    (runtime) =>
      Effect.gen(function* () {
        const shown = yield* terminal.run({}, "bars.ts", "chat", runtime)
        assert.strictEqual(yield* shown.ended, 0)
        const { lines } = shown
        for (const n of numbers(20)) {
          for (const where of ["stdout", "stderr"]) {
            const line = `task ${n} says it on ${where}`
            assert.strictEqual(lines.filter((other) => other === line).length, 1, line)
          }
        }
        assert.strictEqual(lines.length, 42)
        // what a thread writes comes another way than the results
        assert.include(lines, "the last line")
      })
  )

  it.live("O4 of more bars than there are rows the newest are shown, and how many more there are", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const file = join(folder, "ends")
        const shown = yield* terminal.run({ rows: 10 }, "bars.ts", "many", "threads", file)
        yield* shown.until("all of them", (screen) => /\+ 13 more/.test(screen))
        const calls = shown.screen.filter((row) => row.startsWith("call "))
        assert.deepStrictEqual(
          calls.map((row) => row.replace(/ ─.*/, "")),
          numbers(7).map((n) => `call ${13 + n}`)
        )
        writeFileSync(file, "")
        assert.strictEqual(yield* shown.ended, 0)
        assert.deepStrictEqual(
          shown.lines
            .map((line) => line.replace(/ {2}1\/1.*/, ""))
            .sort((left, right) => Number(left.slice(7)) - Number(right.slice(7))),
          numbers(20).map((n) => `✔ call ${n}`)
        )
      })
    )
  )

  it.live("O4 a program that exits from within loses nothing that it has written", () =>
    Effect.gen(function* () {
      const shown = yield* terminal.run({}, "bars.ts", "exits")
      assert.strictEqual(yield* shown.ended, 3)
      assert.deepStrictEqual(shown.lines.filter((line) => line !== "").slice(1), ["not a whole line"])
    })
  )

  it.live.each([{ TERM: "dumb" }, { CI: "true" }])("O4 with %o there are plain lines", (env) =>
    Effect.gen(function* () {
      const shown = yield* terminal.run({ env }, "bars.ts", "naps")
      assert.strictEqual(yield* shown.ended, 0)
      assert.notInclude(shown.bytes, escape)
      assert.match(shown.bytes, /^Naps ─+ {2} 0 % {2}0\/20 items {2}-\/s {2}--:--/m)
      assert.match(shown.bytes, /^✔ Naps {2}20\/20 items in /m)
    })
  )

  it.live("O4 layers that overlap share the terminal, and give it back with the last of them", () =>
    Effect.gen(function* () {
      const shown = yield* terminal.run({}, "overlaps.ts")
      assert.strictEqual(yield* shown.ended, 0)
      assert.deepStrictEqual(remnants(shown.lines), [])
      assert.strictEqual(shown.lines.filter((line) => line.startsWith("✔ call ")).length, 20)
      assert.strictEqual(shown.lines.at(-1), "once: true, given back: true")
    })
  )

  it.live.each(["threads", "processes"])("O4 stdout in a file is what workers in %s write, byte for byte", (runtime) =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const stdout = join(folder, "stdout")
        const shown = yield* terminal.run({ stdout }, "bars.ts", "pours", runtime)
        assert.strictEqual(yield* shown.ended, 0)
        const poured = [1, 2, 3].flatMap((n) => [
          Buffer.from(`${String(n).repeat(100_000)}\n${String(n).repeat(65_536)}\n`),
          Buffer.of(255, 0, 10, 195)
        ])
        assert.isTrue(readFileSync(stdout).equals(Buffer.concat(poured)))
        assert.match(shown.lines.join("\n"), /^✔ Pours {2}3\/3 items in [\d.]+ s {2}[\d.]+\/s$/)
      })
    )
  )

  it.live.each(["threads", "processes"])(
    "O4 what workers in %s write is there at once where there is no bar, and when the bar has gone",
    (runtime) =>
      inFolder((folder) =>
        Effect.gen(function* () {
          const file = join(folder, "ends")
          const shown = yield* terminal.run({}, "bars.ts", "pieces", runtime, file)
          yield* shown.until("all pieces", (screen) => /^meanwhile, after/m.test(screen))
          writeFileSync(file, "")
          assert.strictEqual(yield* shown.ended, 0)
          assert.match(shown.lines.join("\n"), /^✔ Begins .*\nmeanwhile, after$/)
        })
      )
  )

  it.live("O4 what processes write that tasks on threads have started goes above the bars, whole lines only", () =>
    Effect.gen(function* () {
      const shown = yield* terminal.run({}, "bars.ts", "nests", "threads")
      assert.strictEqual(yield* shown.ended, 0)
      const { lines } = shown
      assert.deepStrictEqual(
        lines.filter((line) => line.startsWith("task ")).sort(),
        numbers(20)
          .flatMap((n) => ["stderr", "stdout"].map((where) => `task ${n} says it on ${where}`))
          .sort()
      )
      assert.deepStrictEqual(remnants(lines), [])
      assert.strictEqual(lines.length, 42)
    })
  )
})
