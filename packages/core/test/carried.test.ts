import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as v8 from "node:v8"
import * as failure from "../src/internal/wire/failure.ts"
import { Carrier } from "../src/internal/wire/carried.ts"
import { integer, runs } from "./support.ts"

const carried = (value: unknown): unknown => new Carrier().safely(value)

/** As it arrives at the other end. */
const arrived = (value: unknown): unknown => structuredClone(carried(value))

class Point {
  readonly x: number
  constructor(x: number) {
    this.x = x
  }
}

const circle: { name: string; self?: unknown } = { name: "circle" }
circle.self = circle

const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const throwing = (what: string) => () => {
  throw new Error(what)
}

const table: ReadonlyArray<readonly [value: unknown, arrives: unknown]> = [
  ["text", "text"],
  [-0, -0],
  [12n, 12n],
  [10n ** 2000n, "[BigInt]"],
  [undefined, undefined],
  [null, null],
  [Symbol("s"), "Symbol(s)"],
  [function named() {}, "[Function: named]"],
  [circle, { name: "circle", self: "[Circular]" }],
  [new Point(3), { x: 3 }],
  [new Map([["a", () => 1]]), new Map([["a", "[Function: ]"]])],
  [new Set([1, Symbol("s")]), new Set([1, "Symbol(s)"])],
  [new Date(5), new Date(5)],
  [/a+/, "/a+/"],
  [new Float64Array([1, 2]), new Float64Array([1, 2])],
  [new Uint8Array(100_000), "[Uint8Array: 100000 bytes]"],
  [new DataView(new ArrayBuffer(8)), "[DataView: 8 bytes]"],
  [new ArrayBuffer(8), "[ArrayBuffer]"],
  [Promise.resolve(1), "[Promise]"],
  [new WeakMap(), "[WeakMap]"],
  [Redacted.make("secret"), "<redacted>"],
  [{ password: Redacted.make("secret") }, { password: "<redacted>" }],
  [{ toJSON: () => ({ shown: 1 }) }, { shown: 1 }],
  [{ toJSON: throwing("toJSON") }, "(it cannot be read)"],
  [Object.defineProperty({}, "got", { enumerable: true, get: throwing("got") }), { got: "[Getter]" }],
  [revoked(), "(it cannot be read)"],
  [{ a: revoked() }, { a: "(it cannot be read)" }],
  [new Proxy({}, { ownKeys: throwing("ownKeys") }), "(it cannot be read)"],
  [JSON.parse('{"__proto__": 1}'), JSON.parse('{"__proto__": 1}')],
  [Object.create(null), {}]
]

describe("what is carried of what is logged", () => {
  for (const [value, arrives] of table) {
    it(`O3 ${typeof arrives === "string" ? arrives : JSON.stringify(arrives, (_, value) => (typeof value === "bigint" ? String(value) : value))}`, () => {
      assert.deepStrictEqual(arrived(value), arrives)
    })
  }

  it("O3 an error, with its causes, arrives as one, wherever it is", () => {
    const error = Object.assign(new RangeError("outer", { cause: new TypeError("inner") }), { code: 7, call: () => 1 })
    const decoded = failure.decode(structuredClone(new Carrier().part(error))) as typeof error
    assert.instanceOf(decoded, RangeError)
    assert.deepInclude(Object.fromEntries(Object.entries(decoded)), { code: 7, call: "[Function: call]" })
    assert.instanceOf(decoded.cause, TypeError)
    assert.strictEqual(decoded.stack, error.stack)
    const { within } = arrived({ within: error }) as { readonly within: Error }
    assert.instanceOf(within, Error)
    assert.strictEqual(within.message, "outer")
  })

  it("O3 an error within itself, and one that cannot be read, are no hindrance", () => {
    const error: Error = new Error("circle")
    error.cause = error
    const decoded = failure.decode(structuredClone(new Carrier().part(error))) as Error
    assert.strictEqual(decoded.cause, "[Circular]")
    const broken = Object.defineProperties(new Error("broken"), {
      message: { get: throwing("message") },
      stack: { get: throwing("stack") }
    })
    assert.instanceOf(failure.decode(structuredClone(new Carrier().part(broken))), Error)
  })

  it.prop(
    "O3 any data arrives as it is, while there is little of it",
    { value: Schema.Json },
    ({ value }) => {
      if (JSON.stringify(value).length < 2000) assert.deepStrictEqual(arrived(value), value)
    },
    runs(300)
  )

  it.prop(
    "O3 however much there is, little is carried of it",
    {
      kinds: Arbitrary.array(integer(0, 6), {
        minLength: 1,
        maxLength: 6
      }),
      size: integer(1, 60_000)
    },
    ({ kinds, size }) => {
      const large: ReadonlyArray<() => unknown> = [
        () => "x".repeat(size),
        () => Array.from({ length: size }, (_, n) => n),
        () => Object.fromEntries(Array.from({ length: size }, (_, n) => [`key ${n}`, n])),
        () => new Map(Array.from({ length: size }, (_, n) => [n, { n }])),
        () => new Set(Array.from({ length: size }, (_, n) => [n])),
        () => new Error("y".repeat(size), { cause: new Error("z".repeat(size)) }),
        () => Array.from({ length: size }, () => ({}))
      ]
      const carrier = new Carrier()
      const parts = kinds.map((kind) => carrier.part(large[kind]!()))
      // what an object takes beside its text is not counted
      assert.isBelow(v8.serialize(parts).length, 4 * 16 * 1024)
    },
    runs(60)
  )
})
