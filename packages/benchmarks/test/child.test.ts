import { assert, describe, it } from "@effect/vitest"
import { runInProcess } from "../src/child.ts"

const entry = new URL("fixtures/child.ts", import.meta.url)
const began = [{ _tag: "Began", measurement: "m", contender: "c" }]

describe("the process of a case", { timeout: 30_000 }, () => {
  it("tells what it does, and that it has come to its end", async () => {
    assert.deepStrictEqual<unknown>(await runInProcess(entry, { how: "ends" }, 20), {
      progress: began,
      failed: undefined
    })
  })

  it("is killed when it hangs, and what it told is kept", async () => {
    assert.deepStrictEqual<unknown>(await runInProcess(entry, { how: "hangs" }, 1.5), {
      progress: began,
      failed: "it took longer than 1.5 s, at c (m)"
    })
  })

  it("may break", async () => {
    assert.deepStrictEqual<unknown>(await runInProcess(entry, { how: "breaks" }, 20), {
      progress: began,
      failed: "its process ended with 3, at c (m)"
    })
  })
})
