import { assert, describe, it } from "@effect/vitest"
import { runInProcess } from "../src/child.ts"

const entry = new URL("fixtures/child.ts", import.meta.url)
const began = [{ _tag: "Began", measurement: "m", contender: "c" }]

describe("the process of a case", () => {
  it("tells what it does, and that it has come to its end", async () => {
    assert.deepStrictEqual<unknown>(await runInProcess(entry, { how: "ends" }, 60), {
      progress: began,
      failed: undefined
    })
  })

  it("is killed when it hangs, and what it told is kept", async () => {
    // long enough for what it tells first
    const before = performance.now()
    await runInProcess(entry, { how: "ends" }, 60)
    const seconds = Math.ceil(2 + (performance.now() - before) / 200)
    assert.deepStrictEqual<unknown>(await runInProcess(entry, { how: "hangs" }, seconds), {
      progress: began,
      failed: `it took longer than ${seconds} s, at c (m)`
    })
  })

  it("may break", async () => {
    assert.deepStrictEqual<unknown>(await runInProcess(entry, { how: "breaks" }, 60), {
      progress: began,
      failed: "its process ended with 3, at c (m)"
    })
  })
})
