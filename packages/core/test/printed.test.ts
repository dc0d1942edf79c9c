import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Option from "effect/Option"
import * as Redactable from "effect/Redactable"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { described, printed } from "../src/internal/common/printed.ts"
import { runs } from "./support.ts"

class Point {
  readonly x: number
  constructor(x: number) {
    this.x = x
  }
}

const circle: { name: string; self?: unknown; list?: unknown } = { name: "circle" }
circle.self = circle
circle.list = [circle, { circle }]

class Denied extends Error {
  [Redactable.symbolRedactable]() {
    return { card: "****" }
  }
}

const throwing = () => {
  throw new Error("SECRET")
}

const asked: Array<string> = []

const trapped = {
  a: 1,
  get b() {
    asked.push("b")
    return 2
  },
  toJSON() {
    asked.push("toJSON")
  },
  toString: () => {
    asked.push("toString")
    return ""
  }
}

const cases: ReadonlyArray<readonly [item: unknown, text: string]> = [
  ["photo.png", '"photo.png"'],
  [42, "42"],
  [-0, "-0"],
  [Number.NaN, "NaN"],
  [12n, "12n"],
  [10n ** 200n, "[BigInt]"],
  [null, "null"],
  [undefined, "undefined"],
  [true, "true"],
  [Symbol("s"), "Symbol(s)"],
  [{ a: 1, "b c": "two" }, '{ a: 1, "b c": "two" }'],
  [{}, "{}"],
  [[1, "a", [2]], '[1, "a", [2]]'],
  [[], "[]"],
  [new Point(3), "Point { x: 3 }"],
  [new Map([["a", { b: 1 }]]), 'Map(1) { "a" => { b: 1 } }'],
  [new Set([1, 2]), "Set(2) { 1, 2 }"],
  [new Date(0), "1970-01-01T00:00:00.000Z"],
  [new Date(Number.NaN), "Invalid Date"],
  [/a+/g, "/a+/"],
  [new TypeError("no"), "[TypeError: no]"],
  // an error that has crossed: its class is lost
  [Object.assign(new Error("no"), { _tag: "Refused" }), "[Refused: no]"],
  [Object.assign(new Error("no"), { name: "\u001b[2J" }), "[\\u001b[2J: no]"],
  [new Float64Array(1000), "Float64Array(1000)"],
  [new DataView(new ArrayBuffer(8)), "DataView(8)"],
  [function named() {}, "[Function: named]"],
  [Redacted.make("secret"), "<redacted>"],
  [{ user: "ada", password: Redacted.make("secret", { label: "password" }) }, '{ user: "ada", password: <redacted> }'],
  [{ [Redactable.symbolRedactable]: () => "card ****", number: "SECRET" }, '"card ****"'],
  [[new Denied("SECRET")], '[{ card: "****" }]'],
  [{ [Redactable.symbolRedactable]: throwing, number: "SECRET" }, '"<redacted>"'],
  [circle, '{ name: "circle", self: [Circular], list: [[Circular], { circle: [Circular] }] }'],
  [{ a: { b: { c: { d: { e: 1 } } } } }, "{ a: { b: { c: { d: [Object] } } } }"],
  [Object.create(null), "{}"],
  ["a\nb\u001b[31m\u009b\u202e", '"a\\nb\\u001b[31m\\u009b\\u202e"']
]

describe("printed", () => {
  it.each(cases)("O1 %# prints an item in short", (item, text) => {
    assert.strictEqual(printed(item), text)
  })

  it("O1 calls no getter, toJSON or toString of an item", () => {
    assert.strictEqual(
      printed(trapped),
      "{ a: 1, b: [Getter], toJSON: [Function: toJSON], toString: [Function: toString] }"
    )
    const sized = Object.defineProperty(new Uint8Array(4), "length", {
      get: () => {
        asked.push("length")
        return 9
      }
    })
    assert.strictEqual(printed(sized), "Uint8Array(4)")
    assert.deepStrictEqual(asked, [])
  })

  it("O1 cuts what is huge, without looking at all of it", () => {
    const looked: Array<string> = []
    const watched = new Proxy(
      Array.from({ length: 1_000_000 }, (_, n) => n),
      {
        getOwnPropertyDescriptor: (target, key) => {
          looked.push(String(key))
          return Object.getOwnPropertyDescriptor(target, key)
        }
      }
    )
    const text = printed(watched)
    assert.match(text, /^\[0, 1, 2, .* … 9999\d\d more\]$/)
    assert.isAtMost(text.length, 120)
    assert.isBelow(looked.length, 100)
    assert.strictEqual(printed("x".repeat(10_000_000)).length, 120)
    assert.match(printed(new Map(Array.from({ length: 1000 }, (_, n) => [n, n]))), /^Map\(1000\) \{ 0 => 0, /)
  })

  it("O1 shows nothing of an item whose Proxy throws, or for which describe throws or gives no text", () => {
    const hostile = new Proxy(
      {},
      {
        getPrototypeOf: () => {
          throw new Error("hands off")
        }
      }
    )
    assert.isUndefined(described(hostile, undefined))
    const boom = () => {
      throw new Error("boom")
    }
    assert.isUndefined(described("secret", boom))
    assert.isUndefined(described("secret", () => 3 as never))
    assert.isUndefined(described("secret", false))
    assert.strictEqual(
      described({ id: 7 }, ({ id }) => `order ${id}`),
      "order 7"
    )
  })

  it("O1 keeps a secret wherever it is", () => {
    for (const item of [
      Option.some(Redacted.make("secret")),
      [Redacted.make("secret")],
      new Set([Redacted.make("secret")])
    ]) {
      assert.notInclude(printed(item), "secret")
      assert.include(printed(item), "<redacted>")
    }
  })

  it.prop(
    "O1 takes one line of at most 120 characters, for any data",
    { item: Arbitrary.schema(Schema.Json) },
    ({ item }) => {
      const text = printed(item)
      assert.isAtMost(text.length, 120)
      assert.notMatch(text, /[\p{Cc}\u2028\u2029]/u)
    },
    runs(300)
  )
})
