/** What editors find and rename of a task that a program knows by `Portable.module`. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import { open } from "./languageServer.ts"

const pathOf = (name: string): string => fileURLToPath(new URL(`../types/${name}`, import.meta.url))

const tasks = pathOf("editor.tasks.ts")
const program = pathOf("editor.tst.ts")

const declaration = { file: tasks, text: "resize = " }

const uses = [
  "editor.tst.ts: resize } = images",
  "editor.tst.ts: resize)).type.toBe<Effect.Effect<Array<number>, WorkerPoolError>>()"
]

describe("an editor", () => {
  it.live("finds the uses of a task from its declaration", () =>
    Effect.gen(function* () {
      const server = yield* open([tasks, program])
      assert.deepStrictEqual((yield* server.references(declaration)).toSorted(), uses)
    }).pipe(Effect.scoped)
  )

  it.live("renames a task, at its declaration and its uses", () =>
    Effect.gen(function* () {
      const server = yield* open([tasks, program])
      const declared = "editor.tasks.ts: resize = (width: number) => width * 2"
      assert.deepStrictEqual((yield* server.renamed(declaration)).toSorted(), [declared, ...uses])
      const use = { file: program, text: "resize)).type" }
      assert.deepStrictEqual((yield* server.renamed(use)).toSorted(), [declared, ...uses])
    }).pipe(Effect.scoped)
  )
})
