import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import * as v8 from "node:v8"
import * as failure from "../src/internal/wire/failure.ts"
import { arrived as assembled } from "../src/internal/wire/arrived.ts"
import { carriedLogSpans, linksOf } from "../src/internal/wire/caller.ts"
import { Carrier, nameText } from "../src/internal/wire/carried.ts"
import { integer, runs } from "./support.ts"

const carried = (value: unknown): unknown => new Carrier().safely(value)

/** As it arrives at the other end. */
const arrived = (value: unknown): unknown => assembled(structuredClone(carried(value)))

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

  const { proxy: list, revoke } = Proxy.revocable([], {})
  revoke()

  const traps = new Proxy(
    {},
    Object.fromEntries(Object.getOwnPropertyNames(Reflect).map((name) => [name, throwing(name)]))
  )

  /** One within another without end. */
  const endless: object = new Proxy(
    {},
    {
      ownKeys: () => ["a", "b"],
      getOwnPropertyDescriptor: () => ({ value: endless, configurable: true, enumerable: true }),
      get: (_, key) => (typeof key === "string" && key !== "toJSON" ? endless : undefined)
    }
  )

  class OwnSpecies extends Uint8Array {
    static get [Symbol.species](): never {
      throw new Error("species")
    }
  }

  class OwnName {
    static get [Symbol.toStringTag](): never {
      throw new Error("tag")
    }
    of = this.constructor
  }
  Object.defineProperty(OwnName, "name", { value: 5 })

  const endlessJson = { toJSON: () => ({ ...endlessJson }) }

  const hostile: ReadonlyArray<readonly [what: string, value: unknown]> = [
    [
      "a getter that throws",
      {
        get x() {
          throw new Error("getter")
        }
      }
    ],
    ["a revoked Proxy", revoked()],
    ["a revoked Proxy of an array", list],
    ["a Proxy whose traps throw", traps],
    ["toJSON that throws", { toJSON: throwing("toJSON") }],
    ["toString that throws", { toString: throwing("toString"), valueOf: throwing("valueOf") }],
    ["Symbol.toPrimitive that throws", { [Symbol.toPrimitive]: throwing("toPrimitive") }],
    ["what is within itself", circle],
    ["one within another without end", endless],
    ["toJSON without end", endlessJson],
    ["an array with nothing in it", new Array(2 ** 32 - 1)],
    ["an array without end", new Proxy([], { get: (_, key) => (key === "length" ? Infinity : undefined) })],
    ["a hundred thousand nulls", new Array(100_000).fill(null)],
    ["a hundred thousand empty texts", new Array(100_000).fill("")],
    [
      "ten thousand getters",
      Object.defineProperties(
        {},
        Object.fromEntries(
          Array.from({ length: 10_000 }, (_, n) => [`${n}`, { enumerable: true, get: throwing("got") }])
        )
      )
    ],
    ["a name without end", { ["n".repeat(1_000_000)]: 1 }],
    [
      "an error within itself a hundred thousand times",
      (() => {
        const error = new AggregateError([])
        error.errors = Array.from({ length: 100_000 }, () => error)
        return error
      })()
    ],
    ["an array of its own class", new OwnSpecies(8)],
    ["a class whose name is none", new OwnName()],
    ["a function whose name throws", Object.defineProperty(() => 1, "name", { get: throwing("name") })],
    ["a symbol", Symbol("s")],
    ["nothing", undefined],
    ["null", null]
  ]

  const ways: ReadonlyArray<readonly [how: string, carry: (value: any) => unknown]> = [
    ["a part", (value) => new Carrier().part(value)],
    ["a value", (value) => new Carrier().safely(value)],
    ["an error's cause", (value) => new Carrier().part(new Error("of it", { cause: value }))],
    ["an error's property", (value) => new Carrier().part(Object.assign(new Error("of it"), { value }))],
    ["an error's errors", (value) => new Carrier().part(new AggregateError([value, value]))],
    ["a record", (value) => new Carrier().record(value)],
    ["in a record", (value) => new Carrier().record({ value })],
    ["pairs", (value) => new Carrier().pairs(value)],
    ["in pairs", (value) => new Carrier().pairs({ value })],
    ["an entry", (value) => new Carrier().entries(new Map([["value", value]]))],
    ["an entry's name", (value) => new Carrier().entries(new Map([[value, 1]]))],
    ["a name", nameText],
    ["a Cause", (value) => new Carrier().cause(value)],
    ["a Cause's reasons", (value) => new Carrier().cause({ reasons: value })],
    ["a reason", (value) => new Carrier().cause({ reasons: [value] })],
    ["an error of a Cause", (value) => new Carrier().cause({ reasons: [{ _tag: "Fail", error: value }] })],
    ["a defect of a Cause", (value) => new Carrier().cause({ reasons: [{ _tag: "Die", defect: value }] })],
    ["a fiber of a Cause", (value) => new Carrier().cause({ reasons: [{ _tag: "Interrupt", fiberId: value }] })],
    ["links", linksOf],
    ["a link", (value) => linksOf([value])],
    ["a link's attributes", (value) => linksOf([{ span, attributes: value }])],
    ["a link's span", (value) => linksOf([{ span: value, attributes: {} }])],
    ["a link's ids", (value) => linksOf([{ span: { ...span, spanId: value, traceId: value }, attributes: {} }])],
    ["a log span's label", (value) => carriedLogSpans([[value, 0]])]
  ]

  const span = Tracer.externalSpan({ spanId: "a".repeat(16), traceId: "b".repeat(32) })

  for (const [how, carry] of ways) {
    it(`O3 F8 whatever ${how} is, it is carried, and is little`, () => {
      for (const [what, value] of hostile) {
        let carried: unknown
        assert.doesNotThrow(
          () => {
            carried = carry(value)
          },
          undefined,
          what
        )
        // what an object takes beside its text is not counted
        assert.isBelow(v8.serialize(structuredClone(carried)).length, 10 * 16 * 1024, what)
      }
    })
  }

  it("O3 a getter of attributes is read, and one that throws harms no other", () => {
    const values = {
      one: 1,
      get two() {
        return 2
      },
      get three(): number {
        throw new Error("three")
      },
      four: 4
    }
    const read = { one: 1, two: 2, three: "(it cannot be read)", four: 4 }
    assert.deepStrictEqual(new Carrier().record(values), read)
    assert.deepStrictEqual(new Carrier().pairs(values), Object.entries(read).flat())
  })

  it("O3 of too many names the rest is left out, as it says", () => {
    const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`key ${n}`, n]))
    const pairs = new Carrier().pairs(many)
    assert.isBelow(pairs.length, 2 * 2048)
    assert.deepStrictEqual(pairs.slice(-2), ["…", "…"])
    const entries = new Carrier().entries(new Map(Object.entries(many)))
    assert.deepStrictEqual(entries, pairs)
    const record = new Carrier().record(many)
    assert.strictEqual(Object.keys(record).length * 2, pairs.length)
    assert.strictEqual(record["…"], "…")
  })

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
