import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as crossing from "../src/internal/wire/crossing.ts"
import * as failure from "../src/internal/wire/failure.ts"
import * as WorkerPoolError from "../src/WorkerPoolError.ts"
import { integer, oneOf, optional, runs } from "./support.ts"

class Tagged extends Data.TaggedError("Tagged")<{ readonly n: number }> {
  override get message() {
    return `tagged ${this.n}`
  }
}

class Plain extends Error {
  override readonly name = "Plain"
  readonly code: string
  constructor(message: string, code: string) {
    super(message)
    this.code = code
  }
}

/** As validators have them. */
class Invalid extends Error {
  override readonly name = "Invalid"
  readonly errors: ReadonlyArray<string>
  constructor(errors: ReadonlyArray<string>) {
    super(`${errors.length} errors`)
    this.errors = errors
  }
}

const cross = (value: unknown): unknown => failure.decode(structuredClone(failure.encode(value)))

/** What an error is, as far as it should survive. */
const facts = (value: unknown): unknown => {
  if (!(value instanceof Error)) return value
  return {
    name: value.name,
    message: value.message,
    stack: value.stack,
    cause: facts(value.cause),
    errors: value instanceof AggregateError ? value.errors.map(facts) : undefined,
    tag: facts((value as { readonly _tag?: unknown })._tag),
    own: Object.fromEntries(
      Object.entries(value)
        .filter(([name]) => !["name", "message", "stack", "cause", "_tag"].includes(name))
        .map(([name, inner]) => [name, facts(inner)])
    )
  }
}

const leaves = Arbitrary.all({
  kind: oneOf(
    "Error",
    "TypeError",
    "RangeError",
    "Tagged",
    "Plain",
    "Invalid",
    "AggregateError",
    "DOMException",
    "value"
  ),
  message: Arbitrary.schema(Schema.String),
  n: integer(0, 100),
  name: optional(oneOf("Custom", "constructor", "toString", "__proto__", "", "TypeError", "AggregateError")),
  property: optional(oneOf("code", "status", "_tag", "__proto__", "toString"))
})

type Leaf = typeof leaves extends Arbitrary.Arbitrary<infer A> ? A : never

/** An error, or a value where an error could be, with the others in it: as causes, own properties, or aggregated. */
const build = ([leaf, ...others]: ReadonlyArray<Leaf>): unknown => {
  if (leaf === undefined) return undefined
  const { kind, message, n, name, property } = leaf
  const inner = build(others)
  const make = (): Error | undefined => {
    switch (kind) {
      case "value":
        return undefined
      case "Error":
        return new Error(message, n % 2 === 0 ? { cause: inner } : undefined)
      case "TypeError":
        return new TypeError(message, { cause: inner })
      case "RangeError":
        return new RangeError(message)
      case "Tagged":
        return new Tagged({ n })
      case "Plain":
        return new Plain(message, "E_CODE")
      case "Invalid":
        return new Invalid([message, "second"])
      case "AggregateError":
        return new AggregateError([inner, "a value", new Error("aggregated")], message)
      case "DOMException":
        return new DOMException(message, "DataCloneError")
    }
  }
  const error = make()
  if (error === undefined) return [message, n, { nested: new Map([[n, message]]) }]
  if (name !== undefined && kind !== "Plain" && kind !== "Invalid" && kind !== "DOMException") {
    Object.defineProperty(error, "name", { value: name, configurable: true, writable: true, enumerable: n % 3 === 0 })
  }
  if (property !== undefined && kind !== "Tagged") {
    Object.defineProperty(error, property, {
      value: n % 5 === 0 ? inner : message,
      enumerable: true,
      configurable: true
    })
  }
  return error
}

describe("errors that cross", () => {
  it.prop(
    "S1 keep name, message, stack, cause, own properties and what they aggregate",
    { leaves: Arbitrary.array(leaves, { minLength: 1, maxLength: 4 }) },
    ({ leaves }) => {
      const original = build(leaves)
      const crossed = cross(original)
      assert.strictEqual(crossed instanceof Error, original instanceof Error)
      assert.deepStrictEqual(facts(crossed), facts(original))
      // and once more
      assert.deepStrictEqual(facts(cross(crossed)), facts(original))
    },
    runs(500)
  )

  it("S1 keep their class where structured clone knows it", () => {
    for (const Class of [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]) {
      const crossed = cross(new Class("message"))
      assert.strictEqual(Object.getPrototypeOf(crossed), Class.prototype)
      assert.notInclude(Object.keys(crossed as object), "name")
    }
    const aggregate = cross(new AggregateError([new TypeError("one"), 2], "both"))
    assert(aggregate instanceof AggregateError)
    assert(aggregate.errors[0] instanceof TypeError)
    assert.strictEqual(aggregate.errors[1], 2)
    assert.isTrue(cross(new Plain("m", "c")) instanceof Error)
  })

  it.effect("S1 can be caught by their tag, own or inherited", () =>
    Effect.gen(function* () {
      const caught = yield* Effect.fail(cross(new Tagged({ n: 7 })) as Tagged).pipe(
        Effect.catchTag("Tagged", ({ message, n }) => Effect.succeed({ message, n }))
      )
      assert.deepStrictEqual(caught, { n: 7, message: "tagged 7" })
      class Inherited extends Error {
        get _tag() {
          return "Inherited"
        }
      }
      assert.deepInclude(cross(new Inherited("m")) as object, { _tag: "Inherited" })
    })
  )

  it("S1 come round to themselves, and are shared, as they were", () => {
    const own = new Plain("own", "code") as Error & { self?: unknown }
    own.self = own
    own.cause = own
    const crossed = cross(own) as typeof own
    assert.strictEqual(crossed.message, "own")
    assert.strictEqual(crossed.self, crossed)
    assert.strictEqual(crossed.cause, crossed)
    const first = new Error("first")
    const second = new TypeError("second", { cause: first })
    first.cause = new AggregateError([second, first], "all")
    const round = cross(first) as Error
    const all = round.cause as AggregateError
    assert.strictEqual(all.errors[0].message, "second")
    assert.strictEqual(all.errors[0].cause, round)
    assert.strictEqual(all.errors[1], round)
    const shared = new Error("shared")
    const twice = cross(new AggregateError([shared, shared])) as AggregateError
    assert.strictEqual(twice.errors[0].message, "shared")
    assert.strictEqual(twice.errors[0], twice.errors[1])
  })

  it("S1 other values cross as they are", () => {
    for (const value of [undefined, null, 0, "text", 1n, [1], { a: new Date(0) }, new Map([[1, new Set([2])]])]) {
      assert.deepStrictEqual(cross(value), value)
    }
  })
})

describe("causes that cross", () => {
  it("S1 C6 keep failures, defects and interruptions, in order", () => {
    const cause = Cause.fromReasons<unknown>([
      Cause.makeFailReason(new Tagged({ n: 1 })),
      Cause.makeDieReason(new RangeError("two")),
      Cause.makeInterruptReason(3),
      Cause.makeInterruptReason(undefined),
      Cause.makeFailReason("plain")
    ])
    const crossed = crossing.cloneCause(cause, 0, undefined, undefined)
    const [fail, die, interrupt, unknown, plain, ...others] = crossed.reasons
    assert.deepStrictEqual(others, [])
    assert(fail !== undefined && Cause.isFailReason(fail))
    assert.deepInclude(fail.error as object, { _tag: "Tagged", n: 1, message: "tagged 1" })
    assert(die !== undefined && Cause.isDieReason(die))
    assert(die.defect instanceof RangeError)
    assert(interrupt !== undefined && Cause.isInterruptReason(interrupt))
    assert.strictEqual(interrupt.fiberId, 3)
    assert(unknown !== undefined && Cause.isInterruptReason(unknown))
    assert.strictEqual(unknown.fiberId, undefined)
    assert(plain !== undefined && Cause.isFailReason(plain))
    assert.strictEqual(plain.error, "plain")
  })

  it("F4 that cannot come to NotSerializable, with what the failure said", () => {
    const uncloneable: ReadonlyArray<Cause.Cause<unknown>> = [
      Cause.fail(() => "a function"),
      Cause.die(Object.assign(new TypeError("with a function"), { callback: () => {} })),
      Cause.fail(new Error("outer", { cause: Symbol("inner") }))
    ]
    for (const cause of uncloneable) {
      const [reason] = crossing.cloneCause(cause, 4, undefined, undefined).reasons
      assert(reason !== undefined && Cause.isFailReason(reason))
      assert(WorkerPoolError.isWorkerPoolError(reason.error))
      const why = reason.error.reason
      assert(why._tag === "NotSerializable")
      assert.deepStrictEqual([why.direction, why.index], ["error", 4])
      assert(why.cause instanceof Error)
      assert.strictEqual(why.cause.name, "DataCloneError")
      const original = Cause.squash(cause)
      if (original instanceof Error) {
        assert.strictEqual((why.cause.cause as Error).message, `${original.name}: ${original.message}`)
      }
    }
  })
})

describe("errors that cannot be read", () => {
  const revoked = () => {
    const { proxy, revoke } = Proxy.revocable(new Error("original"), {})
    revoke()
    return proxy
  }
  const throwing = (
    name: string,
    error: Error = new TypeError("original"),
    thrown: unknown = new Error("from a getter")
  ) =>
    Object.defineProperty(error, name, {
      enumerable: true,
      get() {
        throw thrown
      }
    })

  for (const name of ["message", "name", "stack", "cause", "_tag", "own"]) {
    it(`F8 are described, with what can be read, when ${name} throws`, () => {
      const error = throwing(name)
      assert.throws(() => failure.encode(error), "from a getter")
      const described = failure.decode(structuredClone(failure.encodeOrDescribe(error))) as Error
      assert.include(described.message, "from a getter")
      const original = described.cause as Error
      const isRead = (text: string, where: string) => (name === where ? "(it cannot be read)" : text)
      const text = name === "name" ? "Error: original" : `TypeError: ${isRead("original", "message")}`
      assert.strictEqual(original.message, text)
      assert.isString(original.stack)
    })
  }

  it("F8 are described though what is thrown, or the error, is a revoked Proxy, or prints as nothing", () => {
    const unprintable = { toString: () => assert.fail("printed") }
    for (const thrown of [revoked(), throwing("message"), Object.create(null), unprintable, Symbol("s"), undefined]) {
      for (const error of [throwing("message", new Error("original"), thrown), revoked(), thrown]) {
        const described = failure.decode(structuredClone(failure.encodeUncloneable(error, thrown)))
        assert.instanceOf(described, Error)
        assert.isString(described.message)
      }
    }
  })

  it("F8 have a message where they are the cause of one of the pool's, or the value of an option", () => {
    for (const cause of [revoked(), throwing("message"), new Proxy({}, { get: () => assert.fail("get") })]) {
      const { message } = crossing.notSerializable("input", 3, cause, undefined)
      assert.strictEqual(message, "Item 3 cannot cross as input: what cannot be printed")
      const option = new WorkerPoolError.InvalidOptions({ option: "size", value: cause, expected: "an integer" })
      assert.isString(option.message)
    }
  })

  it("S1 a Proxy of an error crosses as an error", () => {
    const crossed = cross(new Proxy(new Plain("a message", "E_CODE"), {})) as Plain
    assert.instanceOf(crossed, Error)
    assert.deepStrictEqual([crossed.name, crossed.message, crossed.code], ["Plain", "a message", "E_CODE"])
  })

  it("S1 an AggregateError whose errors are no array keeps them as they are", () => {
    for (const errors of [{ field: "wrong" }, "text", 7, null]) {
      const crossed = cross(Object.assign(new AggregateError([], "all"), { errors })) as AggregateError
      assert.deepStrictEqual([crossed.name, crossed.message, crossed.errors], ["AggregateError", "all", errors as any])
    }
    assert.instanceOf(cross(Object.assign(new AggregateError([], "all"), { errors: undefined })), Error)
  })

  it("S1 a message, name or stack that is no text arrives as it is", () => {
    for (const odd of [{ toString: 1, valueOf: 1 }, [1], 7, null, undefined]) {
      const crossed = cross(Object.assign(new Error("text"), { message: odd, name: odd, stack: odd })) as Error
      assert.deepStrictEqual([crossed.message, crossed.name], [odd, odd] as any)
    }
  })

  it("F4 S1 that contain the next one twice cross in time, thirty deep", () => {
    let wide = new Error("first")
    for (let n = 0; n < 30; n++) wide = Object.assign(new Error(`error ${n}`, { cause: wide }), { again: wide })
    let crossed = cross(wide) as typeof wide & { readonly again: unknown }
    for (let n = 29; n > 0; n--) {
      assert.strictEqual(crossed.message, `error ${n}`)
      assert.strictEqual(crossed.again, crossed.cause)
      crossed = crossed.cause as typeof crossed
    }
  })

  it("F4 are refused where they are thousands deep, or without end", () => {
    let chain = new Error("first")
    for (let n = 0; n < 20_000; n++) chain = new Error(`error ${n}`, { cause: chain })
    const endless: Error = new Proxy(new Error("endless"), {
      get: (target, name) =>
        name === "cause" ? new Error("another", { cause: endless.cause }) : Reflect.get(target, name)
    })
    const growing = (): Error =>
      new Proxy(new Error("growing"), {
        get: (target, name) => (name === "cause" ? growing() : Reflect.get(target, name))
      })
    const many = new AggregateError(Array.from({ length: 10_000 }, (_, n) => new Error(`error ${n}`)))
    for (const error of [chain, endless, growing(), many]) {
      assert.throws(() => failure.encode(error), RangeError)
      const told = failure.decode(failure.encodeOrDescribe(error)) as Error
      assert.strictEqual(told.name, "RangeError")
      assert.match(told.message, /within each other|call stack/)
    }
  })
})
