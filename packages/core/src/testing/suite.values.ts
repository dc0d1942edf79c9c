/**
 * Kinds of values, for what crosses between a pool and its workers (S3): what each is, what it arrives as, and a text in
 * which two values are the same only if they have the same contents, classes and references. Free of Effect, because
 * tasks use it.
 */

/** A kind of value. */
export interface Kind {
  readonly name: string
  /** A new value, the same each time. */
  readonly make: () => unknown
  /** What it arrives as, where structured clone documents that it is something else; else `make`. */
  readonly arrives?: () => unknown
  /** What that is, in words. */
  readonly as?: string
  /** Whether nothing carries it (`"always"`), or some runtimes do not (`"perhaps"`): it is `NotSerializable` there. */
  readonly refused?: "always" | "perhaps"
}

class Point {
  readonly x: number
  readonly #y = 2
  constructor(x: number) {
    this.x = x
  }
  get sum(): number {
    return this.x + this.#y
  }
}

class Stack extends Array<number> {}

class Registry extends Map<string, number> {}

class ParseError extends TypeError {
  override readonly name = "ParseError"
  readonly line = 7
}

const withCycle = (): unknown => {
  const node: Record<string, unknown> = { name: "node", list: [1] }
  node["self"] = node
  ;(node["list"] as Array<unknown>).push(node)
  return node
}

const shared = (): unknown => {
  const one = { n: 1 }
  return { left: one, right: one, map: new Map([[one, one]]) }
}

/** An object within itself, that many deep. */
export const nested = (depth: number): unknown => {
  let value: unknown = { end: true }
  for (let n = 0; n < depth; n++) value = n % 2 === 0 ? { inner: value } : [value]
  return value
}

/** A sum of that many terms, as a parser has it. */
const sum = (terms: number): unknown => {
  let expression: unknown = { op: "value", value: 0 }
  for (let n = 1; n < terms; n++) expression = { op: "+", left: expression, right: { op: "value", value: n } }
  return expression
}

/** Shared memory, where there is such. */
export const SharedMemory = globalThis.SharedArrayBuffer ?? ArrayBuffer

const bytes = (length: number): ArrayBuffer => Uint8Array.from({ length }, (_, n) => n % 251).buffer

/** Node's class for bytes; elsewhere a Uint8Array stands for it. */
export const toBuffer = (text: string): Uint8Array => {
  const { Buffer } = globalThis as { readonly Buffer?: { readonly from: (text: string) => Uint8Array } }
  return Buffer === undefined ? new TextEncoder().encode(text) : Buffer.from(text)
}

const global = globalThis as unknown as Readonly<Record<string, new (...args: Array<unknown>) => unknown>>

/** A kind for each of the platform's classes that are there. */
const ofPlatform = (
  refused: "always" | "perhaps",
  makers: Readonly<Record<string, () => unknown>>
): ReadonlyArray<Kind> =>
  Object.entries(makers)
    .filter(([name]) => typeof global[name] === "function")
    .map(([name, make]) => ({
      name: `${/^[AEIOU]/.test(name) && !name.startsWith("URL") ? "an" : "a"} ${name}`,
      make,
      refused
    }))

const revoked = (): unknown => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

export const kinds: ReadonlyArray<Kind> = [
  { name: "undefined", make: () => undefined },
  { name: "null", make: () => null },
  { name: "booleans", make: () => [true, false] },
  { name: "numbers", make: () => [0, -0, 1.5, Number.NaN, Infinity, -Infinity, 2 ** 53, Number.MIN_VALUE] },
  { name: "bigints", make: () => [0n, -1n, 2n ** 200n] },
  { name: "strings", make: () => ["", "text", "\u00e9\u00fc", "\u{1f600}", "\ud800", "\0", "\u20ac".repeat(1000)] },
  { name: "a string of a megabyte", make: () => "x".repeat(2 ** 20) },
  { name: "a Date", make: () => new Date(7) },
  { name: "an invalid Date", make: () => new Date(Number.NaN) },
  { name: "a RegExp", make: () => /^a+(?<b>.)$/giu },
  { name: "boxed primitives", make: () => [Object(1), Object("s"), Object(false), Object(3n)] },
  { name: "an array", make: () => [1, "two", [3, [4]], { five: 5 }] },
  // oxlint-disable-next-line no-sparse-arrays -- holes are what it is about
  { name: "a sparse array", make: () => [1, , 3, ,] },
  { name: "an array with properties", make: () => Object.assign([1, 2], { index: 7, input: "text" }) },
  { name: "an array of a class", make: () => Stack.of(1, 2, 3), as: "an array", arrives: () => [1, 2, 3] },
  { name: "10,000 numbers", make: () => Array.from({ length: 10_000 }, (_, n) => n / 3) },
  { name: "a plain object", make: () => ({ a: { b: { c: undefined } }, "": 0, 7: "seven" }) },
  {
    name: "an object without prototype",
    make: () => Object.assign(Object.create(null), { a: 1 }),
    as: "a plain object",
    arrives: () => ({ a: 1 })
  },
  {
    name: "keys of the language's and Effect's",
    make: () => JSON.parse('{"then":1,"constructor":2,"toString":3,"~effect/Equal":4}')
  },
  { name: "an own __proto__", make: () => JSON.parse('{"__proto__":{"a":1},"b":2}') },
  {
    name: "what looks like an Effect",
    make: () => JSON.parse('{"~effect/Effect":{},"~effect/Exit":{},"_tag":"Success","value":1}')
  },
  {
    name: "symbols as keys",
    make: () => ({ [Symbol.for("s")]: 1, a: 2 }),
    as: "without them",
    arrives: () => ({ a: 2 })
  },
  {
    name: "hidden properties",
    make: () => Object.defineProperty({ a: 1 }, "hidden", { value: 2, enumerable: false }),
    as: "without them",
    arrives: () => ({ a: 1 })
  },
  {
    name: "getters",
    make: () => ({
      get a() {
        return [1]
      }
    }),
    as: "their values",
    arrives: () => ({ a: [1] })
  },
  {
    name: "an object of a class",
    make: () => ({ at: new Point(1) }),
    as: "a plain object",
    arrives: () => ({ at: { x: 1 } })
  },
  {
    name: "a Map",
    make: () =>
      new Map<unknown, unknown>([
        ["a", { n: 1 }],
        [{ k: 1 }, new Map()]
      ])
  },
  { name: "a Map of a class", make: () => new Registry([["a", 1]]), as: "a Map", arrives: () => new Map([["a", 1]]) },
  { name: "a Set", make: () => new Set<unknown>([1, "a", { n: 1 }, new Set()]) },
  { name: "an ArrayBuffer", make: () => bytes(16) },
  { name: "a resizable ArrayBuffer", make: () => new ArrayBuffer(8, { maxByteLength: 16 }) },
  {
    name: "typed arrays",
    make: () => [
      Int8Array.of(-1, 2),
      Uint8Array.of(1, 2),
      Uint8ClampedArray.of(300, 2),
      Int16Array.of(-1, 2),
      Uint16Array.of(1, 2),
      Int32Array.of(-1, 2),
      Uint32Array.of(1, 2),
      Float32Array.of(0.5, 2),
      Float64Array.of(1 / 3, Number.NaN),
      BigInt64Array.of(-1n, 2n),
      BigUint64Array.of(1n, 2n)
    ]
  },
  { name: "a DataView", make: () => new DataView(bytes(16), 4, 8) },
  {
    name: "two views of the same memory",
    make: () => {
      const memory = bytes(16)
      return [new Uint8Array(memory), new Uint16Array(memory, 0, 6)]
    }
  },
  { name: "a small view of much memory", make: () => ({ view: new Uint8Array(bytes(100_000), 500, 10) }) },
  { name: "a Buffer", make: () => toBuffer("a Buffer") },
  { name: "an empty Buffer", make: () => toBuffer("") },
  { name: "Buffers within others", make: () => new Map([["a", [toBuffer("one"), new Set([{ b: toBuffer("two") }])]]]) },
  { name: "an Error", make: () => new RangeError("wrong", { cause: new TypeError("why") }) },
  {
    name: "an Error with properties",
    make: () => Object.assign(new Error("wrong"), { code: "E_CODE", data: { a: [1] } })
  },
  { name: "an AggregateError", make: () => new AggregateError([new TypeError("one"), 2], "both") },
  {
    name: "an Error within an object",
    make: () => ({ error: new ParseError("wrong") }),
    as: "an Error, without other properties",
    arrives: () => ({ error: new Error("wrong") })
  },
  { name: "an object within itself", make: withCycle },
  { name: "an object in several places", make: shared },
  { name: "an object 500 deep", make: () => nested(500) },
  { name: "a sum of 500 terms", make: () => sum(500) },
  { name: "a function", make: () => () => 1, refused: "always" },
  { name: "a function within an object", make: () => ({ a: [{ f: () => 1 }] }), refused: "always" },
  { name: "a symbol", make: () => Symbol.for("s"), refused: "always" },
  { name: "a Promise within an object", make: () => ({ promise: Promise.resolve(1) }), refused: "always" },
  { name: "a WeakMap", make: () => new WeakMap(), refused: "always" },
  { name: "a WeakRef", make: () => new WeakRef({}), refused: "always" },
  { name: "a generator", make: () => (function* () {})(), refused: "always" },
  { name: "a Proxy", make: () => ({ proxy: new Proxy({ a: 1 }, {}) }), refused: "always" },
  { name: "a Proxy that was revoked", make: () => [revoked()], refused: "always" },
  {
    name: "a getter that throws",
    make: () => ({
      get a(): never {
        throw new RangeError("not to be read")
      }
    }),
    refused: "always"
  },
  { name: "an object 5,000 deep", make: () => nested(5000), refused: "perhaps" },
  { name: "a sum of 20,000 terms", make: () => sum(20_000), refused: "perhaps" },
  { name: "an object 30,000 deep", make: () => nested(30_000), refused: "perhaps" },
  ...ofPlatform("always", {
    URL: () => new URL("https://effect.website/docs?a=1"),
    URLSearchParams: () => ({ query: new URLSearchParams("a=1") }),
    Headers: () => new Headers({ a: "1" }),
    FormData: () => new FormData(),
    Request: () => new Request("https://effect.website"),
    Response: () => [new Response("text")]
  }),
  // on a page that is not isolated, these are two more ArrayBuffers
  { name: "a SharedArrayBuffer", make: () => new SharedMemory(8), refused: "perhaps" },
  {
    name: "a view of a SharedArrayBuffer",
    make: () => [new Int32Array(new SharedMemory(8))],
    refused: "perhaps"
  },
  {
    name: "a WebAssembly.Module",
    make: () => new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)),
    refused: "perhaps"
  },
  ...ofPlatform("perhaps", {
    Blob: () => new Blob(["text"], { type: "text/plain" }),
    DOMException: () => {
      const error = new DOMException("wrong", "AbortError")
      return { error, others: new Map([[error, new Set([[error]])]]), around: new Error("around", { cause: error }) }
    }
  })
]

export const kindOf = (name: string): Kind => kinds.find((kind) => kind.name === name)!

/** What a value of the kind arrives as. */
export const arrived = ({ arrives, make }: Kind): unknown => (arrives ?? make)()

// -----------------------------------------------------------------------------
// Text
// -----------------------------------------------------------------------------

const classOf = (object: object): string => {
  const prototype = Object.getPrototypeOf(object) as { readonly constructor?: { readonly name?: unknown } } | null
  if (prototype === null) return "null"
  const { constructor } = prototype
  return typeof constructor?.name === "string" ? constructor.name : "(anonymous)"
}

/** Writes values as text; an object that was written before as its number. Not recursive: values may be deep. */
class Printer {
  private readonly numbers = new Map<object, number>()
  private readonly lines: Array<string> = []
  private readonly queue: Array<object> = []

  print(value: unknown): string {
    this.lines.push(this.one(value))
    for (let next = 0; next < this.queue.length; next++) this.lines.push(`#${next} ${this.contents(this.queue[next]!)}`)
    return this.lines.join("\n")
  }

  private one(value: unknown): string {
    if (Object.is(value, -0)) return "-0"
    if (typeof value === "bigint") return `${value}n`
    if (typeof value === "string") return JSON.stringify(value)
    if (typeof value === "symbol") return "a symbol"
    if (typeof value === "function") return "a function"
    if (typeof value !== "object" || value === null) return String(value)
    let number = this.numbers.get(value)
    if (number === undefined) {
      number = this.queue.length
      this.numbers.set(value, number)
      this.queue.push(value)
    }
    return `#${number}`
  }

  private contents(object: object): string {
    return `${classOf(object)} ${this.own(object)} ${this.properties(object)}`
  }

  /** What is in an object besides its properties. */
  private own(object: object): string {
    if (object instanceof Map) return [...object].map(([key, value]) => `${this.one(key)} => ${this.one(value)}`).join()
    if (object instanceof Set) return [...object].map((value) => this.one(value)).join()
    if (object instanceof Date) return String(object.getTime())
    if (object instanceof RegExp) return String(object)
    if (object instanceof Error) return this.error(object)
    if (ArrayBuffer.isView(object)) return bytesOf(object.buffer, object.byteOffset, object.byteLength)
    if (object instanceof ArrayBuffer || object instanceof SharedMemory) return bytesOf(object, 0, object.byteLength)
    // oxlint-disable-next-line typescript/no-base-to-string -- a boxed primitive has a text of its own
    if (boxes.has(classOf(object))) return String(object)
    if (typeof Blob === "function" && object instanceof Blob) return `${object.size} ${object.type}`
    return ""
  }

  private error(error: Error): string {
    const errors = error instanceof AggregateError ? this.one(error.errors) : ""
    const cause = Object.hasOwn(error, "cause") ? this.one(error.cause) : ""
    return [error.name, error.message, typeof error.stack, cause, errors].join()
  }

  private properties(object: object): string {
    // an index of bytes or of a text is no property
    if (ArrayBuffer.isView(object) || classOf(object) === "String") return ""
    const known = object instanceof Error ? ["name", "message", "stack", "cause", "errors"] : []
    return Object.keys(object)
      .filter((key) => !known.includes(key))
      .map((key) => `${JSON.stringify(key)}: ${this.one((object as Record<string, unknown>)[key])}`)
      .join()
  }
}

const boxes = new Set(["Number", "String", "Boolean", "BigInt"])

const bytesOf = (memory: ArrayBufferLike, offset: number, length: number): string =>
  `${length}: ${new Uint8Array(memory, offset, length).join()}`

/** A text that says all of a value: contents, classes, and what is in several places. */
export const print = (value: unknown): string => new Printer().print(value)
