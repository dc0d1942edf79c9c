import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { PassThrough } from "node:stream"
import { Passing } from "../src/internal/passing.ts"
import { Terminal } from "../src/internal/progress/terminal.ts"
import { after } from "../src/internal/wait.ts"
import { call } from "./callProgress.ts"
import { eventually } from "./support.ts"

/** Two workers whose output goes to a terminal below which there is a bar, until `end` is called. */
const bench = () => {
  const to = new PassThrough() as unknown as NodeJS.WriteStream
  let passed = ""
  to.on("data", (text: Buffer) => void (passed += text.toString()))
  const terminal = new Terminal(
    { write: () => {}, size: () => ({ columns: 40, rows: 10 }), streams: [to], now: () => 0 },
    false
  )
  terminal.show([call("call")])
  const worker = (isUnderWay: () => boolean) => {
    const passing = new Passing({ from: new PassThrough(), to, hasBars: () => terminal.hasBars, isUnderWay })
    return { print: (text: string) => passing.piece(Buffer.from(text)), end: passing.end }
  }
  return { worker, end: () => terminal.close(), passed: () => passed }
}

describe("what workers print as the bars go", () => {
  it.live("O4 is not torn by others, however long the rest of a line is under way", () =>
    Effect.gen(function* () {
      const { end, passed, worker } = bench()
      let looks = 0
      let isUnderWay = true
      const late = worker(() => {
        looks++
        return isUnderWay
      })
      const other = worker(() => false)
      late.print("task 1 says ")
      end()
      other.print("task 2 says it\n")
      yield* eventually("looks", () => looks === 3)
      other.print("task 2 says more\n")
      late.print("it\ntask 1 ")
      yield* eventually("more looks", () => looks === 5)
      assert.strictEqual(passed(), "task 2 says it\ntask 2 says more\ntask 1 says it\n")
      isUnderWay = false
      yield* eventually("the rest", () => passed().endsWith("task 1 "))
      late.print("piece by piece")
      yield* eventually("what comes later", () => passed().endsWith("task 1 piece by piece"))
    })
  )

  it.live("O4 is not torn where it comes only when they have gone", () =>
    Effect.gen(function* () {
      const { end, passed, worker } = bench()
      const first = worker(() => false)
      const second = worker(() => false)
      end()
      first.print("task 1 says ")
      second.print("task 2 says it\n")
      first.print("it\n")
      second.print("without the end of a line")
      yield* eventually("the rest", () => passed().endsWith("without the end of a line"))
      assert.strictEqual(passed(), "task 2 says it\ntask 1 says it\nwithout the end of a line")
    })
  )

  it("O4 lines of several hundred kilobytes are whole beside a bar, though they come in pieces by turns", () => {
    const to = new PassThrough() as unknown as NodeJS.WriteStream
    let shown = ""
    const write = (text: Uint8Array) => void (shown += Buffer.from(text).toString())
    const terminal = new Terminal(
      { write, size: () => ({ columns: 40, rows: 10 }), streams: [to], now: () => 0 },
      false
    )
    terminal.show([call("call")])
    const options = { to, hasBars: () => terminal.hasBars, isUnderWay: () => false }
    const workers = ["a", "b"].map((letter) => ({
      line: `${letter.repeat(300_000)}\n`,
      passing: new Passing({ ...options, from: new PassThrough() })
    }))
    for (let at = 0; at < 300_001; at += 65_536) {
      for (const { line, passing } of workers) passing.piece(Buffer.from(line.slice(at, at + 65_536)))
    }
    for (const { line, passing } of workers) {
      assert.isTrue(shown.includes(line))
      passing.end()
    }
    terminal.close()
  })

  it.live("O4 does not wait for ever for a worker that computes", () =>
    Effect.gen(function* () {
      const { end, passed, worker } = bench()
      let looks = 0
      worker(() => ++looks > 0).print("is computing ... ")
      end()
      yield* eventually("the rest", () => passed() === "is computing ... ")
      assert.strictEqual(looks, 20)
    })
  )

  it.live("O4 is there at its end, and no timer is left", () =>
    Effect.gen(function* () {
      const { end, passed, worker } = bench()
      let looks = 0
      const ending = worker(() => ++looks > 0)
      const other = worker(() => false)
      ending.print("the rest")
      other.print(", and this")
      end()
      ending.end()
      yield* eventually("the rest", () => passed() === "the rest, and this")
      assert.strictEqual(looks, 0)
    })
  )
})

describe("time that is given to others", () => {
  const waiting = { keepsRunning: true }

  /** Stands still. */
  const compute = (millis: number) => {
    const until = performance.now() + millis
    while (performance.now() < until);
  }

  it.live("O4 F5 what has arrived is handled first where a look is late, and the others get some more time", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      let looked = 0
      after(
        1,
        () => {
          seen.push("looks")
          looked = performance.now()
        },
        waiting
      )
      const { port1, port2 } = new MessageChannel()
      port1.addEventListener("message", () => void seen.push("a message"))
      port1.start()
      compute(50)
      port2.postMessage(undefined)
      compute(150)
      const began = performance.now()
      yield* eventually("the look", () => looked > 0)
      port1.close()
      assert.deepStrictEqual(seen, ["a message", "looks"])
      assert.isAtLeast(looked - began, 90)
    })
  )

  it.live("O4 F5 a look that is called off does not come, not even in its last turn", () =>
    Effect.gen(function* () {
      let looks = 0
      const callOff = after(1, () => void looks++, waiting)
      // fires after that timer, before what follows it
      setTimeout(callOff, 1)
      compute(5)
      let later = false
      after(
        20,
        () => {
          later = true
        },
        waiting
      )
      yield* eventually("a later look", () => later)
      assert.strictEqual(looks, 0)
    })
  )
})
