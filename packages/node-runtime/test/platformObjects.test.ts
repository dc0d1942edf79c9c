/** What Deno would make plain objects of; Node knows by itself, and has the same classes. */
import { assert, describe, it } from "@effect/vitest"
import { MessageChannel } from "node:worker_threads"
import { inspect } from "../src/internal/platformObjects.ts"

const isRefused = (object: object): boolean => {
  try {
    inspect(object)
    return false
  } catch {
    return true
  }
}

class Point {
  readonly x = 1
}

class Channels extends EventTarget {
  readonly open = 0
}

class Link extends URL {}

describe("objects of the platform's classes", () => {
  it("S3 are refused where they would arrive as plain objects, and classes that extend theirs", () => {
    const refused = [new URL("https://effect.website"), new URLSearchParams("a=1"), new Headers(), new FormData()]
    assert.deepStrictEqual(refused.map(isRefused), [true, true, true, true])
    assert.throws(() => inspect(new Link("https://effect.website")), "An object of the class URL cannot cross")
  })

  it("S3 cross where they arrive as they are, or can be moved", () => {
    const { port1 } = new MessageChannel()
    const others = [new Blob(["text"]), new DOMException("wrong"), new RangeError("wrong"), port1, new ReadableStream()]
    assert.deepStrictEqual(others.map(isRefused), [false, false, false, false, false])
    port1.close()
  })

  it("S3 are not confused with objects of users' classes", () => {
    const objects = [new Point(), new Channels(), Object.create({ inherited: 1 }) as object]
    assert.deepStrictEqual(objects.map(isRefused), [false, false, false])
  })
})
