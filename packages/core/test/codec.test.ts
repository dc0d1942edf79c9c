import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Transferable from "effect/workers/Transferable"
import { type Codec, fromSchemas } from "../src/internal/wire/codec.ts"

type Transfers = Parameters<Codec["encode"]>[1]

/** In the terms of this platform. */
const movable = (transfers: Transfers) => transfers as Array<ArrayBuffer>

const make = (schema: unknown): Codec => {
  const codec = fromSchemas({ input: schema }).input
  assert(codec !== undefined)
  return codec
}

const encode = (schema: unknown, value: unknown): unknown => make(schema).encode(value, [])

const cross = <A>(schema: Schema.Codec<A, any>, value: A): A => {
  const codec = make(schema)
  const transfer: Transfers = []
  const encoded = codec.encode(value, transfer)
  return codec.decode(structuredClone(encoded, { transfer: movable(transfer) })) as A
}

/** Unlike chai's, this equality tells `-0` from `0`, and an instance from its fields. */
const roundTrips = <A>(schema: Schema.Codec<A, any>, value: A): void => deepStrictEqual(cross(schema, value), value)

class Point extends Schema.Class<Point>("Point")({ x: Schema.Number, y: Schema.Number }) {
  get length(): number {
    return Math.hypot(this.x, this.y)
  }
}

class Sample extends Schema.TaggedClass<Sample>()("Sample", {
  at: Schema.Date,
  nanoseconds: Schema.BigInt,
  bytes: Schema.Uint8Array,
  where: Schema.Option(Point),
  note: Schema.optionalKey(Schema.UndefinedOr(Schema.String))
}) {}

class TooLarge extends Schema.TaggedError<TooLarge>()("TooLarge", {
  limit: Schema.BigInt,
  since: Schema.Date,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message() {
    return `more than ${this.limit}`
  }
}

interface Tree {
  readonly at: Date
  readonly data: Uint8Array
  readonly children: ReadonlyArray<Tree>
  readonly parent: Option.Option<Tree>
}

const Tree = Schema.Struct({
  at: Schema.Date,
  data: Schema.Uint8Array,
  children: Schema.Array(Schema.suspend((): Schema.Codec<Tree, any> => Tree)),
  parent: Schema.Option(Schema.suspend((): Schema.Codec<Tree, any> => Tree))
})

const Nested = Schema.Struct({
  sample: Sample,
  grid: Schema.Array(Schema.Array(Schema.Number)),
  pair: Schema.Tuple([Schema.Date, Schema.NullishOr(Schema.BigInt)]),
  rest: Schema.TupleWithRest(Schema.Tuple([Schema.String]), [Schema.Uint8Array]),
  either: Schema.Union([Schema.String, Schema.Date, Schema.BigInt, Schema.Number, Schema.Null, Schema.Undefined]),
  result: Schema.Result(Schema.Option(Schema.Date), Schema.BigInt),
  scores: Schema.Record(Schema.String, Schema.Option(Schema.BigInt)),
  days: Schema.ReadonlyMap(Schema.BigInt, Schema.Date),
  literal: Schema.Literals(["a", 1, 2n, true]),
  big: Schema.BigInt.check(Schema.isGreaterThanOrEqualToBigInt(0n)),
  day: Schema.Date.annotate({ title: "Day" }),
  text: Schema.DateFromString,
  maybe: Schema.optionalKey(Schema.Duration)
})

const isEquivalent = Schema.toEquivalence(Nested)

describe("codec", () => {
  describe("round trips", () => {
    // generated objects may lack a prototype, which those that come back never do
    it.prop("S1 gives back every value of a nested Schema", [Nested], ([value]) =>
      assert.isTrue(isEquivalent(cross(Nested, value), value))
    )

    it.prop("S1 gives back every class instance", [Sample], ([sample]) => {
      const back = cross(Sample, sample)
      assert.instanceOf(back, Sample)
      if (Option.isSome(back.where)) assert.instanceOf(back.where.value, Point)
      deepStrictEqual(back, sample)
    })

    it.prop(
      "S1 gives back every Exit",
      [Schema.Exit(Schema.Option(Schema.Date), Schema.BigInt, Schema.String)],
      ([exit]) => roundTrips(Schema.Exit(Schema.Option(Schema.Date), Schema.BigInt, Schema.String), exit)
    )

    it.prop("S1 encodes to what structured clone carries, and nothing of it is lost", [Nested], ([value]) => {
      const encoded = encode(Nested, value)
      deepStrictEqual(structuredClone(encoded), encoded)
    })

    it("S1 keeps Option, Result and class identity", () => {
      assert.isTrue(Option.isSome(cross(Schema.Option(Schema.Number), Option.some(1))))
      assert.isTrue(Result.isFailure(cross(Schema.Result(Schema.Number, Schema.String), Result.fail("no"))))
      const point = cross(Point, new Point({ x: 3, y: 4 }))
      assert.instanceOf(point, Point)
      assert.strictEqual(point.length, 5)
    })

    it("S1 keeps the class, message and cause of a TaggedError", () => {
      const error = new TooLarge({ limit: 3n, since: new Date(5), cause: new Error("disk", { cause: "full" }) })
      const codec = fromSchemas({ error: TooLarge }).error
      const back = codec?.decode(structuredClone(codec.encode(error, [])))
      assert.instanceOf(back, TooLarge)
      assert.strictEqual(back.message, "more than 3")
      assert.strictEqual(back._tag, "TooLarge")
      assert.strictEqual(back.limit, 3n)
      assert.deepStrictEqual(back.since, new Date(5))
      assert.instanceOf(back.cause, Error)
      assert.strictEqual(back.cause.message, "disk")
      assert.strictEqual(back.cause.cause, "full")
    })

    it("S1 tells the members of a union of errors apart", () => {
      class TooSmall extends Schema.TaggedError<TooSmall>()("TooSmall", { limit: Schema.BigInt }) {}
      const Failure = Schema.Union([TooLarge, TooSmall])
      assert.instanceOf(cross(Failure, new TooSmall({ limit: 1n })), TooSmall)
      assert.instanceOf(cross(Failure, new TooLarge({ limit: 1n, since: new Date(0) })), TooLarge)
    })

    it("S1 follows a recursive Schema", () => {
      const tree = (children: ReadonlyArray<Tree>, parent: Option.Option<Tree>): Tree => ({
        at: new Date(children.length),
        data: new Uint8Array([1]),
        children,
        parent
      })
      const leaf = tree([], Option.none())
      roundTrips(Tree, tree([leaf, tree([leaf], Option.some(leaf))], Option.some(leaf)))
    })

    it("S1 follows a recursive class, declared after the codec was asked for", () => {
      const codecs = fromSchemas({
        get output() {
          return Schema.suspend((): Schema.Codec<Node, any> => Node)
        }
      })
      class Node extends Schema.Class<Node>("Node")({
        at: Schema.Date,
        next: Schema.Option(Schema.suspend((): Schema.Codec<Node, any> => Node))
      }) {}
      const node = new Node({ at: new Date(1), next: Option.some(new Node({ at: new Date(2), next: Option.none() })) })
      const back = codecs.output?.decode(structuredClone(codecs.output.encode(node, [])))
      assert.instanceOf(back, Node)
      assert.instanceOf(Option.getOrThrow(back.next), Node)
      deepStrictEqual(back, node)
    })

    it("S1 tells undefined, null and a missing key apart", () => {
      const schema = Schema.Struct({
        a: Schema.NullishOr(Schema.String),
        b: Schema.optionalKey(Schema.NullishOr(Schema.String))
      })
      roundTrips(schema, { a: undefined })
      roundTrips(schema, { a: null, b: undefined })
      roundTrips(schema, { a: undefined, b: null })
    })

    it("S1 leaves out what is missing, however deep its encoding", () => {
      const schema = Schema.Struct({
        a: Schema.optionalKey(Schema.Redacted(Schema.DateTimeUtc)),
        b: Schema.optionalKey(Schema.Option(Schema.Date)),
        c: Schema.String.pipe(Schema.withConstructorDefault(Effect.succeed("c")))
      })
      roundTrips(schema, { c: "" })
      assert.throws(() => make(schema).decode({}), /Missing key/)
      const back = cross(schema, { a: Redacted.make(DateTime.makeUnsafe(5)), c: "" })
      assert.strictEqual(DateTime.toEpochMillis(Redacted.value(back.a!)), 5)
    })

    it("S1 carries numbers that JSON has no form for", () => {
      roundTrips(Schema.Array(Schema.Number), [Number.NaN, Infinity, -Infinity, -0, 0])
    })

    it("S1 carries Effect's own data", () => {
      roundTrips(Schema.Duration, Duration.nanos(3n))
      roundTrips(Schema.Duration, Duration.infinity)
      roundTrips(Schema.HashMap(Schema.String, Schema.Date), HashMap.make(["a", new Date(1)]))
      roundTrips(Schema.Exit(Point, TooLarge, Schema.Defect()), Exit.succeed(new Point({ x: 1, y: 2 })))
      const exit = cross(
        Schema.Exit(Point, TooLarge, Schema.Defect()),
        Exit.fail(new TooLarge({ limit: 1n, since: new Date(1) }))
      )
      assert(Exit.isFailure(exit))
      assert.instanceOf(Cause.squash(exit.cause), TooLarge)
    })

    it("S1 carries symbols by their key, in values and as keys of a record", () => {
      const symbol = Symbol.for("effect-mpire/test")
      roundTrips(Schema.Union([Schema.String, Schema.Symbol]), symbol)
      roundTrips(Schema.Record(Schema.Symbol, Schema.Date), { [symbol]: new Date(1) })
      // structured clone would drop it without a word
      assert.throws(() => encode(Schema.Struct({ [symbol]: Schema.Date }), { [symbol]: new Date(1) }), /property names/)
    })
  })

  describe("passes through", () => {
    it("S1 Uint8Array, Date and bigint as they are, wherever they are nested", () => {
      const bytes = new Uint8Array([1, 2])
      const date = new Date(1)
      const leaves = Schema.Struct({ bytes: Schema.Uint8Array, date: Schema.Date, big: Schema.BigInt })
      const value = { bytes, date, big: 1n }
      const check = (encoded: unknown): void => {
        const leaf = encoded as typeof value
        assert.strictEqual(leaf.bytes, bytes)
        assert.strictEqual(leaf.date, date)
        assert.strictEqual(leaf.big, 1n)
      }
      class Leaves extends Schema.Class<Leaves>("Leaves")(leaves) {}
      check(encode(leaves, value))
      check(encode(Leaves, new Leaves(value)))
      check((encode(Schema.Array(leaves), [value]) as ReadonlyArray<unknown>)[0])
      check((encode(Schema.Tuple([Schema.Number, leaves]), [1, value]) as ReadonlyArray<unknown>)[1])
      check((encode(Schema.Record(Schema.String, leaves), { a: value }) as { readonly a: unknown }).a)
      check((encode(Schema.Option(leaves), Option.some(value)) as { readonly value: unknown }).value)
      check(encode(Schema.Union([Schema.String, leaves]), value))
      check(encode(Schema.NullOr(leaves), value))
      check(
        encode(
          Schema.suspend(() => leaves),
          value
        )
      )
    })

    it("S1 Uint8Array, Date and bigint with checks, annotations and brands", () => {
      const bytes = new Uint8Array(2)
      const date = new Date(1)
      assert.strictEqual(encode(Schema.Uint8Array.annotate({ title: "bytes" }), bytes), bytes)
      assert.strictEqual(encode(Schema.Date.check(Schema.isGreaterThanDate(new Date(0))), date), date)
      assert.strictEqual(encode(Schema.BigInt.check(Schema.isGreaterThanBigInt(0n)), 1n), 1n)
      assert.strictEqual(encode(Schema.BigInt.pipe(Schema.brand("Big")), 1n), 1n)
      assert.strictEqual(encode(Schema.Literal(1n), 1n), 1n)
    })

    it("S1 strings and bytes that look like something else", () => {
      const schema = Schema.Union([Schema.Date, Schema.BigInt, Schema.Uint8Array, Schema.String])
      roundTrips(schema, "2020-01-01T00:00:00.000Z")
      roundTrips(schema, "1")
      roundTrips(schema, "AQI=")
      roundTrips(schema, new Uint8Array([1, 2]))
    })

    it("S1 any, unknown and types without a JSON form to structured clone", () => {
      const value = { map: new Map([[1, 2n]]), at: new Date(1), error: new RangeError("x") }
      for (const schema of [Schema.Any, Schema.Unknown, Schema.ObjectKeyword]) {
        assert.strictEqual(encode(schema, value), value)
      }
      roundTrips(Schema.Unknown, value)
      roundTrips(Schema.instanceOf(Float64Array), new Float64Array([1, 2]))
      roundTrips(Schema.Struct({ shared: Schema.instanceOf(Map) }), { shared: new Map([[1, new Date(1)]]) })
      roundTrips(Schema.Void, undefined)
    })

    it("S1 but not what a Schema says the wire form of", () => {
      assert.strictEqual(encode(Schema.DateFromString, new Date(1)), "1970-01-01T00:00:00.001Z")
      assert.strictEqual(encode(Schema.BigIntFromString, 1n), "1")
      const seconds = Schema.Date.annotate({
        toCodecJson: () =>
          Schema.link<Date>()(Schema.Number, {
            decode: SchemaGetter.transform((seconds) => new Date(seconds * 1000)),
            encode: SchemaGetter.transform((date) => date.getTime() / 1000)
          })
      })
      assert.strictEqual(encode(seconds, new Date(2000)), 2)
      roundTrips(seconds, new Date(2000))
    })
  })

  describe("transfers", () => {
    it("S2 lists the buffer of a Transferable, which then moves", () => {
      const codec = make(Schema.Struct({ name: Schema.String, bytes: Transferable.Uint8Array }))
      const bytes = new Uint8Array([1, 2, 3])
      const transfers: Transfers = []
      const encoded = codec.encode({ name: "a", bytes }, transfers)
      assert.deepStrictEqual(transfers, [bytes.buffer])
      const back = codec.decode(structuredClone(encoded, { transfer: movable(transfers) }))
      assert.strictEqual(bytes.byteLength, 0)
      deepStrictEqual(back, { name: "a", bytes: new Uint8Array([1, 2, 3]) })
    })

    it("S2 lists what a Transferable Schema selects, and its MessagePorts", () => {
      const { port1, port2 } = new MessageChannel()
      const schema = Schema.Struct({
        port: Transferable.MessagePort,
        image: Schema.Struct({ pixels: Schema.Uint8Array, at: Schema.Date }).pipe(
          Transferable.schema(({ pixels }) => [pixels.buffer as ArrayBuffer])
        )
      })
      const pixels = new Uint8Array(8)
      const transfers: Transfers = []
      const encoded = make(schema).encode({ port: port1, image: { pixels, at: new Date(1) } }, transfers)
      deepStrictEqual(new Set(transfers), new Set<Transfers[number]>([port1, pixels.buffer]))
      deepStrictEqual(encoded, { port: port1, image: { pixels, at: new Date(1) } })
      port2.close()
    })

    it("S2 names a buffer once, though it is met again, in another item too", () => {
      const Tagged = Schema.Union([
        Schema.Struct({ bytes: Transferable.Uint8Array, kind: Schema.String }),
        Schema.Struct({ bytes: Transferable.Uint8Array, kind: Schema.Number })
      ])
      const codec = make(Schema.Array(Tagged))
      const buffer = new ArrayBuffer(8)
      const transfers: Transfers = []
      const item = (start: number) => ({ bytes: new Uint8Array(buffer, start, 4), kind: start })
      const first = codec.encode([item(0), item(4)], transfers)
      const second = codec.encode([item(2)], transfers)
      assert.deepStrictEqual(transfers, [buffer])
      structuredClone([first, second], { transfer: movable(transfers) })
    })

    it("S2 lists every buffer of many", () => {
      const items = Array.from({ length: 5000 }, (_, i) => new Uint8Array([i]))
      const transfers: Transfers = []
      make(Schema.Array(Transferable.Uint8Array)).encode(items, transfers)
      assert.strictEqual(transfers.length, items.length)
    })

    it("S2 lists nothing for plain bytes, nor for a rejected value", () => {
      const transfers: Transfers = []
      make(Schema.Uint8Array).encode(new Uint8Array(1), transfers)
      const codec = make(Schema.Tuple([Transferable.Uint8Array, Schema.Number]))
      assert.throws(() => codec.encode([new Uint8Array(1), "no number"], transfers))
      assert.deepStrictEqual(transfers, [])
    })
  })

  describe("rejects", () => {
    it("what the Schema rejects, with a SchemaError that says where", () => {
      const codec = make(Schema.Struct({ at: Schema.Date, tags: Schema.Array(Schema.String) }))
      for (const f of [codec.encode, codec.decode]) {
        try {
          f({ at: new Date(1), tags: ["a", 1] }, [])
          assert.fail("not rejected")
        } catch (error) {
          assert(Schema.isSchemaError(error))
          assert.include(error.message, `["tags"][1]`)
        }
      }
    })

    it("an impostor, a failed check and an invalid date", () => {
      assert.throws(() => encode(Point, { x: 1, y: 2 }))
      assert.throws(() => encode(TooLarge, new Error("other")))
      assert.throws(() => encode(Schema.BigInt, 1))
      assert.throws(() => encode(Schema.Uint8Array, [1]))
      assert.throws(() => encode(Schema.Date, new Date(Number.NaN)))
      assert.throws(() => encode(Schema.Int, 1.5))
      assert.throws(() => make(Schema.BigInt).decode("1"))
      assert.throws(() => make(Schema.Date).decode("1970-01-01T00:00:00.000Z"))
    })

    it("an instance that structured clone stripped", () => {
      class Plain {
        readonly field = 1
      }
      const codec = make(Schema.instanceOf(Plain))
      assert.throws(() => codec.decode(structuredClone(codec.encode(new Plain(), []))))
    })

    it("a defect of a transformation as itself", () => {
      const defect = new Error("thrown")
      const schema = Schema.String.pipe(
        Schema.decode({
          decode: SchemaGetter.passthrough(),
          encode: SchemaGetter.transform((): string => {
            throw defect
          })
        })
      )
      assert.throws(() => encode(schema, "a"), defect)
    })

    it("a transformation that is not synchronous", () => {
      const schema = Schema.String.pipe(
        Schema.decode({
          decode: SchemaGetter.transformEffect((text) => Effect.delay(Effect.succeed(text), "1 millis")),
          encode: SchemaGetter.passthrough()
        })
      )
      assert.throws(() => make(schema).decode("a"))
    })
  })

  describe("fromSchemas", () => {
    it("has a codec for each Schema, and only for those", () => {
      const codecs = fromSchemas({ input: Schema.Number, error: undefined })
      assert.isDefined(codecs.input)
      assert.isUndefined(codecs.output)
      assert.isUndefined(codecs.error)
    })

    it("makes them once per schemas object", () => {
      const schemas = { output: Schema.Number }
      assert.strictEqual(fromSchemas(schemas), fromSchemas(schemas))
      assert.notStrictEqual(fromSchemas(schemas), fromSchemas({ ...schemas }))
    })

    it("runs a transformation that needs a fiber", () => {
      const schema = Schema.String.pipe(
        Schema.decode({
          decode: SchemaGetter.transformEffect((text) => Effect.suspend(() => Effect.succeed(text.toUpperCase()))),
          encode: SchemaGetter.transformEffect((text) => Effect.suspend(() => Effect.succeed(text.toLowerCase())))
        })
      )
      assert.strictEqual(encode(schema, "ABC"), "abc")
      roundTrips(schema, "ABC")
    })
  })
})
