import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { constants } from "node:os"
import { fileURLToPath } from "node:url"

interface Ended {
  readonly lines: ReadonlyArray<string>
  readonly code: number | null
}

/** Whether a process has not yet been given a signal that was sent to it. */
const isPending = (pid: number, signal: NodeJS.Signals): boolean => {
  const mask = /^ShdPnd:\s*(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]!
  return ((BigInt(`0x${mask}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n
}

/** Runs the example until its tenth order, and sends its process group a signal, as a terminal does on Ctrl-C. */
const shop = (
  options: { readonly signal: NodeJS.Signals; readonly times: number },
  ...args: ReadonlyArray<string>
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const path = fileURLToPath(new URL("../src/shutdown.ts", import.meta.url))
    const child = spawn(process.execPath, [path, ...args], { detached: true, stdio: ["ignore", "pipe", "inherit"] })
    // only if it hangs
    const tooLong = setTimeout(() => process.kill(-child.pid!, "SIGKILL"), 50_000)
    let output = ""
    let isSignalled = false
    child.stdout.on("data", (data) => {
      output += String(data)
      if (isSignalled || !output.includes("order 10\n")) return
      isSignalled = true
      const send = (times: number) => {
        process.kill(-child.pid!, options.signal)
        if (times > 1) wait(times - 1)
      }
      // two that arrive at once are one
      const wait = (times: number) => {
        if (isPending(child.pid!, options.signal)) setTimeout(wait, 1, times)
        else send(times)
      }
      send(options.times)
    })
    child.on("error", reject)
    child.on("close", (code) => {
      clearTimeout(tooLong)
      resolve({ lines: output.split("\n"), code })
    })
  })

const written = ({ lines }: Ended): ReadonlyArray<string> => lines.filter((line) => line.includes("wrote"))

for (const args of [[], ["--processes"]]) {
  describe(`shutdown on ${args.length === 0 ? "threads" : "processes"}`, () => {
    it("F5 L3 Ctrl-C runs the exit hook of every worker and ends with the conventional code", async () => {
      const ended = await shop({ signal: "SIGINT", times: 1 }, ...args)
      assert.strictEqual(ended.code, 130)
      const books = written(ended).map((line) =>
        /^worker (\d) wrote (\d+) orders down$/.exec(line)!.slice(1).map(Number)
      )
      assert.deepStrictEqual(books.map(([id]) => id).sort(), [0, 1])
      assert.isAtLeast(
        books.reduce((sum, [, orders = 0]) => sum + orders, 0),
        10
      )
    })

    it("F5 L3 so does SIGTERM", async () => {
      const ended = await shop({ signal: "SIGTERM", times: 1 }, ...args)
      assert.strictEqual(ended.code, 130)
      assert.strictEqual(written(ended).length, 2)
    })

    it("F5 a second Ctrl-C does not wait", async () => {
      const ended = await shop({ signal: "SIGINT", times: 2 }, ...args)
      assert.strictEqual(ended.code, 130)
      assert.deepStrictEqual(written(ended), [])
    })
  })
}
