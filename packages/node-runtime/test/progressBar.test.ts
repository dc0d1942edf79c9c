import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Ended, runNode } from "./support.ts"
import { fileURLToPath } from "node:url"
import { assertLines, escape, onceAndWhole, printed } from "./bars.ts"
import * as terminal from "./terminal.ts"

// they wait most of the time
describe.skipIf(!terminal.isSupported)("ProgressBar in a terminal", { concurrent: true }, () => {
  it.live(`O4 bars in the top row: ${onceAndWhole}`, () => assertLines(0))

  it.live("O4 after a failure the bar stays as a red mark, and the cursor is where lines begin", () =>
    Effect.gen(function* () {
      const shown = yield* terminal.run({}, "bars.ts", "fails")
      assert.strictEqual(yield* shown.ended, 1)
      assert.match(shown.lines[0] ?? "", /^✗ Fails {2}\d\/8 items, 1 failed in /)
      assert.include(shown.bytes, `${escape}[31m✗${escape}[39m`)
      assert.isTrue(shown.lines.some((line) => line.includes("task 3 is broken")))
      assert.notInclude(shown.bytes, `${escape}[?25l`)
      assert.strictEqual(shown.cursorColumn, 0)
    })
  )

  it.live("O4 after Ctrl-C the bar stays as a yellow mark, and the cursor is where lines begin", () =>
    Effect.gen(function* () {
      const shown = yield* terminal.run({}, "bars.ts", "waits")
      yield* shown.until("the bar", (screen) => /^Waits /m.test(screen))
      shown.press("\x03")
      assert.strictEqual(yield* shown.ended, 130)
      assert.match(shown.lines.join("\n"), /^■ Waits {2}0\/8 items in [\d.]+ s$/m)
      assert.include(shown.bytes, `${escape}[33m■${escape}[39m`)
      assert.notInclude(shown.bytes, `${escape}[?25l`)
      assert.strictEqual(shown.cursorColumn, 0)
    })
  )

  it.live("O4 NO_COLOR takes the colours away, and nothing else", () =>
    Effect.gen(function* () {
      const shown = yield* terminal.run({ env: { NO_COLOR: "1" } }, "bars.ts", "fails")
      assert.strictEqual(yield* shown.ended, 1)
      const own = shown.bytes.slice(0, shown.bytes.indexOf("✗ Fails") + 10)
      assert.include(own, `${escape}[2K`)
      assert.notMatch(own, new RegExp(`${escape}\\[[\\d;]*m`))
    })
  )
})

describe("ProgressBar elsewhere", () => {
  const program = (...args: ReadonlyArray<string>): Effect.Effect<Ended> =>
    runNode([fileURLToPath(new URL("./fixtures/bars.ts", import.meta.url)), ...args])

  it.live("O4 in a pipe there are plain lines on stderr, at the beginning and at the end", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* program("lines", "2")
      assert.strictEqual(code, 0)
      const own = stderr.split("\n").filter((line) => !line.startsWith("line "))
      assert.strictEqual(own.length, 5, stderr)
      assert.match(own[0]!, /^Known ─{30} {2} 0 % {2}0\/40 items {2}-\/s {2}--:--$/)
      assert.match(own[1]!, /^Unknown {2}0 files {2}- files\/s {2}00:0\d$/)
      assert.match(own[2]! + own[3]!, /✔ Known {2}40\/40 items in /)
      assert.match(own[2]! + own[3]!, /✔ Unknown {2}60\/60 files in /)
      assert.notInclude(stdout + stderr, escape)
      assert.isTrue(stdout.endsWith("\nthe last line\n"))
      const there = [...stdout.split("\n"), ...stderr.split("\n")]
      for (const line of printed)
        assert.strictEqual(there.filter((other) => other === line).length, 1, line.slice(0, 20))
    })
  )

  it.live("O4 an empty input ends at once", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* program("empty")
      assert.deepStrictEqual([code, stdout], [0, "the last line\n"])
      assert.match(stderr, /^✔ Nothing {2}0\/0 items in [\d.]+ s\n$/)
    })
  )
})
