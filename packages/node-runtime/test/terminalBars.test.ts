import { assert, describe, it } from "@effect/vitest"
import { PassThrough } from "node:stream"
import { rowsOf } from "../src/internal/progress/block.ts"
import { capture } from "../src/internal/progress/capture.ts"
import { Terminal } from "../src/internal/progress/terminal.ts"
import { call } from "./callProgress.ts"

/** A terminal whose frames are kept, with ␛ for what escapes, and a stream of others that leads to it. */
const bench = () => {
  const frames: Array<string> = []
  const stream = new PassThrough() as unknown as NodeJS.WriteStream
  const passed: Array<string> = []
  stream.on("data", (text: Buffer) => void passed.push(text.toString()))
  const size = { columns: 40, rows: 10 }
  const write = (text: Uint8Array) => void frames.push(Buffer.from(text).toString().replaceAll("\x1b", "␛"))
  const clock = { now: 0 }
  const terminal = new Terminal({ write, size: () => size, streams: [stream], now: () => clock.now }, false)
  return { clock, frames, passed, size, stream, terminal }
}

describe("the bars of a terminal", () => {
  it("O4 a frame is one write, whatever it has to show, and none where nothing has changed", () => {
    const { frames, stream, terminal } = bench()
    terminal.show([call("call")])
    terminal.show([call("call")])
    assert.strictEqual(frames.length, 1)
    assert.match(frames[0]!, /^\r␛\[2K␛\[2K\n␛\[2Kcall ━.* 00:01\n$/)
    terminal.show([call("call"), call("other")])
    assert.strictEqual(frames.length, 2)
    stream.write("text\nand ")
    assert.strictEqual(frames.length, 3)
    assert.match(frames[2]!, /^\r␛\[4A(?:␛\[2K\n){4}␛\[2K␛\[4Atext\n␛\[2K\n␛\[2Kcall .*\n␛\[2Kother .*\n$/)
    terminal.show([call("call", "failed"), call("other")])
    assert.match(frames[3]!, /✗ call {2}1\/2 items in 1\.00 s {2}1\/s\n␛\[2Kother .*\n$/)
    terminal.close()
    assert.strictEqual(frames.at(-1), "\r␛[1A␛[2K\n␛[2K␛[1Aand ")
  })

  it("O4 leaves others alone while there is no bar, and gives their streams back", async () => {
    const { frames, passed, stream, terminal } = bench()
    stream.write("before\n")
    terminal.show([call("call")])
    stream.write("meanwhile\n")
    terminal.show([call("call", "succeeded")])
    stream.write("between, without the end of the line")
    terminal.show([call("call")])
    assert.match(frames.at(-1)!, /^\n\r␛\[2K␛\[2Kcall/)
    terminal.close()
    stream.write("after\n")
    await new Promise(setImmediate)
    assert.deepStrictEqual(passed, ["before\n", "between, without the end of the line", "after\n"])
    assert.isFalse(Object.hasOwn(stream, "write"))
  })

  it("O4 a write is called back, and its bytes are those of its encoding", async () => {
    const { frames, stream, terminal } = bench()
    terminal.show([call("call")])
    await new Promise<void>((resolve) => {
      assert.isTrue(stream.write("dGV4dAo=", "base64", () => resolve()))
    })
    await new Promise<void>((resolve) => void stream.write(new Uint8Array([97, 10]), () => resolve()))
    assert.include(frames[1]!, "text\n")
    assert.include(frames[2]!, "a\n")
    stream.write(new DataView(Uint8Array.of(0, 98, 10).buffer, 1) as never)
    assert.include(frames[3]!, "b\n")
    terminal.close()
  })

  it("O4 its own frames pass, even where they come as a copy", async () => {
    const stream = new PassThrough() as unknown as NodeJS.WriteStream
    const passed: Array<string> = []
    stream.on("data", (text: Buffer) => void passed.push(text.toString()))
    const write = (text: Uint8Array) => void stream.write(Buffer.from(text).toString())
    const terminal = new Terminal(
      { write, size: () => ({ columns: 40, rows: 10 }), streams: [stream], now: () => 0 },
      false
    )
    terminal.show([call("call")])
    stream.write("text\n")
    terminal.close()
    await new Promise(setImmediate)
    assert.strictEqual(passed.length, 3)
    assert.include(passed[1]!, "text\n")
  })

  it("O4 whoever takes the stream over later keeps it", () => {
    const stream = new PassThrough() as unknown as NodeJS.WriteStream
    const taken: Array<string> = []
    const release = capture(stream, (text) => taken.push(Buffer.from(text).toString()) > 0)
    const captured = stream.write.bind(stream)
    const others = (text: unknown) => captured(text as string)
    stream.write = others
    stream.write("one")
    release()
    assert.strictEqual(Reflect.get(stream, "write"), others)
    stream.write("two")
    assert.deepStrictEqual(taken, ["one"])
    assert.strictEqual(String((stream as unknown as PassThrough).read()), "two")
  })

  it("O4 so many empty lines stand above bars as there are bars, and fewer where others have written above them", () => {
    const { frames, size, stream, terminal } = bench()
    const emptyLines = () =>
      /^(?:␛\[2K\n)*/.exec(frames.at(-1)!.replace(/^\r(?:␛\[\d+A)?(?:␛\[2K\n)*␛\[2K(?:␛\[\d+A)?/, ""))![0]
    const calls = ["one", "two", "three"].map((label) => call(label))
    const counts: Array<number> = []
    const count = () => counts.push(emptyLines().split("\n").length - 1)
    stream.write("before\n")
    terminal.show(calls)
    count()
    terminal.show(calls.slice(1))
    count()
    // none where that would leave no room
    size.rows = 5
    terminal.show(calls)
    count()
    assert.deepStrictEqual(counts, [2, 1, 0])
    terminal.close()
  })

  it("O4 after a resize the height of what is there is that of the new width", () => {
    const { clock, frames, size, stream, terminal } = bench()
    terminal.show([call("call")])
    const text = frames[0]!.split("␛[2K").at(-1)!.slice(0, -1)
    size.columns = 12
    terminal.show([call("call")])
    stream.write("meanwhile\n")
    clock.now = 299
    terminal.show([call("call")])
    // its width may be changing still
    assert.strictEqual(frames.length, 1)
    clock.now = 300
    terminal.show([call("call")])
    const broken = Math.ceil(text.length / 12)
    assert.isAbove(broken, 2)
    const rows = 1 + broken
    const cleared = `\r␛[${rows}A${"␛[2K\n".repeat(rows)}␛[2K␛[${rows}A`
    assert.strictEqual(frames[1], `${cleared}meanwhile\n␛[2Kcall  50 %\n`)
    terminal.close()
    assert.deepStrictEqual(
      [
        rowsOf("", 10),
        rowsOf("0123456789", 10),
        rowsOf("01234567890", 10),
        rowsOf("縮".repeat(5), 3),
        rowsOf("縮縮", 4),
        rowsOf("👩\u200d👩\u200d👧\u200d👦".repeat(5), 10)
      ],
      [1, 1, 2, 5, 1, 1]
    )
  })

  it("O4 while the width changes on and on, what others write waits two seconds at most, and no longer than calls run", () => {
    const { clock, frames, size, stream, terminal } = bench()
    terminal.show([call("call")])
    for (let n = 1; n <= 21; n++) {
      size.columns = 40 + n
      clock.now += 100
      stream.write(`${n}\n`)
    }
    assert.strictEqual(frames.length, 2)
    assert.include(frames[1]!, Array.from({ length: 21 }, (_, n) => `${n + 1}\n`).join(""))
    size.columns = 40
    stream.write("and then\n")
    assert.strictEqual(frames.length, 2)
    terminal.show([call("call", "succeeded")])
    assert.match(frames[2]!, /and then\n✔ call .*\n$/)
    assert.isFalse(terminal.hasBars)
    terminal.close()
  })

  it("O4 several show their calls in one terminal", () => {
    const { frames, terminal } = bench()
    const [one, other] = [{}, {}]
    terminal.show([call("one")], one)
    terminal.show([call("other")], other)
    assert.match(frames.at(-1)!, /␛\[2Kone .*\n␛\[2Kother .*\n$/)
    terminal.hide(one)
    assert.notMatch(frames.at(-1)!, /one/)
    assert.match(frames.at(-1)!, /␛\[2Kother .*\n$/)
    terminal.close()
  })

  it("O4 after the process's exit nothing that is written is held back, and the bars stay", async () => {
    const { frames, passed, stream, terminal } = bench()
    terminal.show([call("call")])
    stream.write("before")
    const exits = process.listeners("exit").at(-1) as () => void
    exits()
    stream.write(" and after")
    await new Promise(setImmediate)
    assert.strictEqual(frames.at(-1), "before")
    assert.deepStrictEqual(passed, [" and after"])
    assert.isFalse(Object.hasOwn(stream, "write"))
    terminal.close()
    assert.strictEqual(frames.length, 2)
  })

  it("O4 what waits when the process exits is written above the bars", () => {
    const { frames, size, stream, terminal } = bench()
    terminal.show([call("call")])
    size.columns = 41
    stream.write("whole\nand not")
    const exits = process.listeners("exit").at(-1) as () => void
    exits()
    assert.match(frames[1]!, /whole\n␛\[2Kcall .*\n$/)
    assert.strictEqual(frames[2], "and not")
  })
})
