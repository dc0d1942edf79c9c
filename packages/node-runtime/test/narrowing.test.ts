import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { PassThrough } from "node:stream"
import { integer, oneOf, runs } from "../../core/test/support.ts"
import { Terminal } from "../src/internal/progress/terminal.ts"
import { onceAndWhole, remnants } from "./bars.ts"
import { call } from "./callProgress.ts"
import { Tmux } from "./tmux.ts"

/** The narrowest is more than half of what a bar takes: narrower, it takes three rows. */
const columns = integer(40, 140)

/** The terminal gets another width, or the program prints a line; and then some milliseconds pass. */
const step = Arbitrary.all({
  isPrinted: oneOf(true, false, false, false),
  columns,
  length: integer(0, 300),
  millis: integer(0, 180)
})

/** The terminal is dragged for a time, and then left alone. */
const drag = Arbitrary.array(step, { minLength: 1, maxLength: 8 })

describe("bars in tmux", () => {
  it.prop(
    `O4 narrower and wider, from the top row on: ${onceAndWhole}`,
    {
      before: integer(0, 3),
      calls: integer(1, 4),
      first: columns,
      drags: Arbitrary.array(drag, { maxLength: 6 })
    },
    ({ before, calls, drags, first }) => {
      const tmux = new Tmux(first, 24)
      const stream = new PassThrough() as unknown as NodeJS.WriteStream
      stream.on("data", (text: Buffer) => tmux.write(text.toString()))
      const terminal = new Terminal(
        {
          write: (text) => tmux.write(Buffer.from(text).toString()),
          size: () => ({ columns: tmux.told, rows: 24 }),
          streams: [stream],
          now: () => tmux.now
        },
        false
      )
      const printed: Array<string> = []
      const print = (length: number) => {
        printed.push(`line ${printed.length} ${"=".repeat(length)} end`)
        stream.write(`${printed.at(-1)}\n`)
      }
      const labels = Array.from({ length: calls }, (_, n) => `Known ${n}`)
      const show = () => terminal.show(labels.map((label) => ({ ...call(label), elapsed: tmux.now })))
      const pass = (duration: number) => {
        for (let left = duration; left > 0; left -= 50) {
          tmux.pass(Math.min(left, 50))
          show()
        }
      }
      for (let n = 0; n < before; n++) print(n)
      show()
      for (const steps of drags) {
        for (const { columns, isPrinted, length, millis } of steps) {
          if (isPrinted) print(length)
          else tmux.resize(columns)
          pass(millis)
        }
        pass(700)
      }
      terminal.show(labels.map((label) => call(label, "succeeded")))
      terminal.close()
      const lines = tmux.lines.filter((line) => line !== "")
      assert.deepStrictEqual(remnants(lines), [])
      assert.deepStrictEqual(
        lines.filter((line) => !line.startsWith("✔")),
        printed
      )
      assert.strictEqual(lines.filter((line) => line.startsWith("✔")).length, calls)
    },
    runs(1000)
  )
})
