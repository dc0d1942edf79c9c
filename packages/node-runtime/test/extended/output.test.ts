import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const program = fileURLToPath(new URL("../fixtures/floods.ts", import.meta.url))

/** What the program prints to a reader that begins once the program says so. */
const printed = (...args: ReadonlyArray<string>) =>
  Effect.callback<string>((resume) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] })
    let text = ""
    child.stderr.on("data", () => child.stdout.setEncoding("utf8").on("data", (piece: string) => void (text += piece)))
    child.once("close", () => resume(Effect.succeed(text)))
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

describe("the output of workers that end", { concurrent: true }, () => {
  it.live.each(["threads", "processes"])("O4 of %s it arrives whole, however late it is read", (runtime) =>
    Effect.gen(function* () {
      const lines = (yield* printed(runtime, "30000")).split("\n")
      assert.strictEqual(lines.length, 30_001)
      assert.strictEqual(lines[29_999], `line 29999 ${"ä".repeat(50)}`)
      assert.strictEqual(lines[30_000], "the rest")
    })
  )
})
