/**
 * What terminals must show of the fixture `bars.ts`.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as terminal from "./terminal.ts"

export const escape = "\x1b"

export const onceAndWhole = "with scrollback each line is there once and whole, and each bar once"

export const numbers = (length: number) => Array.from({ length }, (_, n) => n)

/** What the fixture prints besides its bars, in the order in which it does. */
export const printed = numbers(60).map((n) => `line ${n} ${"=".repeat(n === 30 ? 2500 : (n * 37) % 200)} end ${n}`)

/** What is left of the bars that have been drawn while calls ran. */
export const remnants = (lines: ReadonlyArray<string>) => lines.filter((line) => /[━─]|^(?:Known|Unknown) /.test(line))

/** Each of these lines is there once, and in this order. */
export const assertOnce = (lines: ReadonlyArray<string>, expected: ReadonlyArray<string>) =>
  assert.deepStrictEqual(
    lines.filter((line) => /^(?:before|line|the last)/.test(line)),
    expected
  )

/** Runs the program below so many lines, to its end. */
export const assertLines = (before: number): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const shown = yield* terminal.run({}, "bars.ts", "lines", String(before))
    yield* shown.until("the bars", (screen) => /^Known ━/m.test(screen) && /^Unknown {2}\d+ files/m.test(screen))
    assert.strictEqual(yield* shown.ended, 0)
    const { lines } = shown
    assertOnce(lines, [...numbers(before).map((n) => `before ${n}`), ...printed, "the last line"])
    assert.deepStrictEqual(remnants(lines), [])
    const ended = lines.filter((line) => line.startsWith("✔"))
    assert.strictEqual(
      ended.filter((line) => /^✔ Known {2}40\/40 items in [\d.]+ s {2}[\d.]+\/s$/.test(line)).length,
      1
    )
    assert.strictEqual(ended.filter((line) => /^✔ Unknown {2}60\/60 files in /.test(line)).length, 1)
    assert.strictEqual(ended.length, 2)
    // from the top row, that would move each frame into the history of some terminals
    assert.notMatch(shown.bytes, new RegExp(`${escape}\\[\\d*J`))
    assert.strictEqual(shown.cursorColumn, 0)
  })
