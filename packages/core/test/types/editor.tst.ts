// The module of tasks as programs know it, so that editors find the uses of a task.
import type * as Effect from "effect/Effect"
import { expect, test } from "tstyche"
import * as Portable from "../../src/Portable.ts"
import type * as WorkerPool from "../../src/WorkerPool.ts"
import type { WorkerPoolError } from "../../src/WorkerPoolError.ts"
import type * as Images from "./editor.tasks.ts"

declare const pool: WorkerPool.WorkerPool

const images = Portable.module<typeof Images>(new URL("./editor.tasks.ts", import.meta.url))

test("types come by the import of the module's types", () => {
  expect(pool.map([1], images.resize)).type.toBe<Effect.Effect<Array<number>, WorkerPoolError>>()
  const { resize } = images
  expect(pool.map([1], resize)).type.toBe<Effect.Effect<Array<number>, WorkerPoolError>>()
})
