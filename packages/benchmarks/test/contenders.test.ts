import { assert, describe, it } from "@effect/vitest"
import { plainTasks } from "../src/cases/parts.ts"
import { bareProcess, bareThread } from "../src/contenders/bare.ts"
import { byCounter, squareByChunks } from "../src/contenders/hand-written.ts"
import * as ours from "../src/contenders/ours.ts"
import { peers } from "../src/contenders/peers.ts"

const numbers = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
const squares = numbers.map((n) => n * n)

describe("contenders", () => {
  it.each([ours.threads, ours.processes, ours.fromPromises, ...peers])("$name gives right results", async (kind) => {
    const pool = await kind.open({ tasks: plainTasks, size: 2 })
    try {
      await pool.start()
      assert.deepStrictEqual(await pool.map("square", numbers), squares)
      assert.deepStrictEqual(await pool.runAll("square", numbers), squares)
      assert.deepStrictEqual(await pool.runEach("square", numbers), squares)
      assert.strictEqual(await pool.run("square", 12), 144)
    } finally {
      await pool.close()
    }
  })

  it("so do the loops written by hand, whatever the chunk size", async () => {
    for (const chunkSize of [1, 3, 100]) {
      const loop = squareByChunks(2, chunkSize)
      assert.deepStrictEqual(await loop.map(numbers), squares)
      assert.deepStrictEqual(await loop.map(numbers), squares)
      await loop.close()
    }
    const loop = byCounter(2, plainTasks, "square")
    assert.deepStrictEqual(await loop.map(numbers), squares)
    await loop.close()
  })

  it("and the bare workers", async () => {
    for (const bare of [bareThread, bareProcess]) {
      const { answer, close } = await bare(12)
      await close()
      assert.strictEqual(answer, 144)
    }
  })
})
