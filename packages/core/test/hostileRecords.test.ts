/** What no worker tells of its Effects (F6). */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { Observations } from "../src/internal/remote/observations.ts"
import { ObservedSpans } from "../src/internal/remote/observedSpans.ts"
import { type ObservedRecord, rows } from "../src/internal/wire/observed.ts"
import { isSeries } from "../src/internal/wire/series.ts"
import { isObserved } from "../src/internal/wire/wellObserved.ts"
import { sparse } from "./utils/mutants.ts"

const told = { _tag: "Observed", first: 0, at: 0 } as const

describe("what no worker tells", () => {
  const line = (more: object, ...parts: ReadonlyArray<unknown>) => ["Log", 0, 0, "Info", 0, ["x", ...parts], more]
  const nested = (depth: number): unknown => {
    let value: unknown = 1
    for (let n = 0; n < depth; n++) value = [value]
    return value
  }
  const doubled = (depth: number): unknown => {
    let value: unknown = 1
    for (let n = 0; n < depth; n++) value = [value, value]
    return value
  }
  const circular: Array<unknown> = []
  circular.push(circular)

  for (const [what, record] of Object.entries({
    "errors beyond the parts": line({ errors: [4_294_967_294] }),
    "errors at no index": line({ errors: [0.5] }),
    "annotations that are a text": line({ annotations: "abcdef" }),
    "annotations that are a list": line({ annotations: ["a"] }),
    "log spans that are none": line({ spans: [5] }),
    "names of annotations that are none": line({ without: [5] }),
    "a span that is an object": line({ span: {} }),
    "more around it than there is": ["Log", 0, 0, "Info", 0, ["x"], 5],
    "an endless part": line({}, sparse()),
    "an endless part of a part": line({}, { a: new Map([[1, sparse()]]) }),
    "a part within a thousand others": line({}, nested(1000)),
    "a part with billions of parts, all the same": line({}, doubled(40)),
    "a part that is within itself": line({}, circular),
    "a bigint that takes minutes to become text": line({}, BigInt(10) ** BigInt(2000)),
    "a row that ends early": { _tag: "Spans", chunk: 0, position: 0, rows: [rows.begun, "t", undefined, "s"] },
    "a span without a time": { _tag: "Spans", chunk: 0, position: 0, rows: [rows.ended, "s", 5, ...Array(4)] },
    "an item at no time": { _tag: "Items", chunk: 0, position: 0, items: [[0, "i", Number.NaN, undefined]] },
    "an item that ended at no time": { _tag: "ItemsEnded", chunk: 0, position: 0, items: [[0, Infinity]] },
    "less than no lines": { _tag: "LogsDropped", chunk: 0, position: 0, count: -1, time: 0 },
    "a chunk that is none": { _tag: "LogsDropped", chunk: -2, position: 0, count: 1, time: 0 },
    "a position that is none": { _tag: "LogsDropped", chunk: 0, position: "length", count: 1, time: 0 }
  })) {
    it(`F6 is ${what}`, () => {
      assert.isFalse(isObserved(structuredClone(record)))
    })
  }

  it("F6 is a series of a metric whose attributes, or what it begins with, are endless", () => {
    const series = { id: "s", description: undefined, attributes: undefined, type: "Frequency", words: ["a"] }
    assert.isTrue(isSeries(series))
    for (const field of ["attributes", "words"]) assert.isFalse(isSeries({ ...series, [field]: sparse() }), field)
  })

  it("F6 is refused by whoever would do it again, before anything of it is done", () => {
    const nobody = { contextOf: () => assert.fail("asked"), ageOf: () => assert.fail("asked") }
    const spans = new ObservedSpans({ itemOf: () => undefined, hasChunk: () => false })
    const observations = new Observations({ id: 0, generation: 1 }, Context.empty(), spans, nobody)
    const record = line({ errors: [4_294_967_294] }) as unknown as ObservedRecord
    assert.throws(() => observations.receive({ ...told, records: [record] }), /no worker tells/)
  })

  it("O3 F6 is not what is odd for a reason of users'", () => {
    for (const record of [
      ["Log", -1, 0, "Info", Number.NaN, [undefined, null, Number.NaN, Array(5)]],
      ["Log", 0, 0, "Info", Number.POSITIVE_INFINITY, Array.from({ length: 5000 }, () => undefined)],
      line({ errors: [], span: undefined, spans: [["a", Number.NaN]], annotations: {} }),
      line({}, nested(60), new Date(Number.NaN), new Map([[1, 2]]), new Set([1]), new Uint8Array(5), new Error("made")),
      { _tag: "LogsDropped", chunk: 0, position: 0, count: 5, time: Number.NaN },
      // a name can be anything in JavaScript, and spans have no times where a caller wants none
      {
        _tag: "Spans",
        chunk: 0,
        position: 0,
        rows: [1, "t", undefined, "s", undefined, BigInt(0), undefined, undefined, ...Array(4)]
      }
    ] as ReadonlyArray<unknown>) {
      assert.isTrue(isObserved(structuredClone(record)), String(record))
    }
  })

  it.effect("F6 O3 what comes aside before what never comes is kept up to a bound, the newest of it", () =>
    Effect.contextWith((context: Context.Context<never>) =>
      Effect.sync(() => {
        let written = 0
        let last: unknown
        const counting = Logger.make(({ message }) => {
          written++
          last = message
        })
        const own = Context.add(context, References.CurrentLoggers, new Set([counting]))
        const observations = new Observations(
          { id: 0, generation: 1 },
          own,
          new ObservedSpans({ itemOf: () => undefined, hasChunk: () => false }),
          {
            contextOf: () => undefined,
            ageOf: () => undefined
          }
        )
        for (let n = 0; n < 102; n++) {
          const records = Array.from({ length: 1000 }, (): ObservedRecord => ["Log", 0, 0, "Info", 0, [n]])
          observations.receive({ ...told, records, first: 1_000_000 + n * 1000, aside: true })
        }
        assert.strictEqual(written, 0)
        observations.workerEnded()
        assert.deepStrictEqual([written, last], [100_000, [101]])
      })
    )
  )
})
