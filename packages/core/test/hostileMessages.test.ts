/** Whatever number stands in the place of one of a worker's, its pool goes on (F6). */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Results } from "../src/internal/wire/protocol.ts"
import { isFromWorker } from "../src/internal/wire/wellFormed.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import { failures } from "./support.ts"
import { layerTampered } from "./utils/inThisThread.ts"
import { sparse } from "./utils/mutants.ts"
import { add, goodSums, inPlaceOf, items, results, survives, Tampering } from "./utils/tampering.ts"

describe("a pool one of whose workers says what none says", () => {
  it.live("F6 O1 goes on after any number in its results, and counts and times nothing by one that cannot be", () =>
    survives(
      inPlaceOf("Results", results, ({ again: _, kept: __, ...message }) => ({
        ...message,
        long: [[1, 1, 0.25]]
      })).filter(({ what }) => /as (chunk|count|from|millis|long\.0\.\d)$/.test(what))
    )
  )

  it.live("F6 F8 an outcome that is none fails its item alone", () => {
    const tampering = new Tampering()
    return Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      for (const reason of [{ _tag: "Odd" }, {}, null, undefined, 5] as ReadonlyArray<unknown>) {
        tampering.at("Results", (message) => [
          { ...(message as Results), others: [[0, { _tag: "Failure", reasons: [reason] }]] }
        ])
        const exits = yield* pool.mapExit(items, add, { chunkSize: 3 })
        assert.deepStrictEqual(exits.map(Exit.isSuccess), [false, true, true], String(reason))
        assert.deepStrictEqual(failures(exits[0]!), ["NotSerializable"])
      }
      assert.deepInclude(yield* pool.stats, { lost: 0, calls: 0 })
    }).pipe(Effect.scoped, Effect.provide(layerTampered(tampering.tamper)))
  })

  it.live("F6 goes on after any numbers that it is told, however it counts by them", () => {
    const told = { _tag: "Numbers", from: 4, values: [0, 2, 3] }
    const inNumbers = inPlaceOf("Numbers", told, (message) => message)
    return survives(inNumbers, { sharesNumbers: false, call: { timeout: 60_000 } })
  })

  const honest: Results = { ...results, chunk: 1 }

  for (const [what, forged] of Object.entries({
    "an outcome twice": [{ ...honest, count: 1, values: [2], ended: false }, honest],
    "an outcome out of order, and again": [
      { ...honest, from: 1, count: 1, values: [3], ended: false },
      { ...honest, from: 0, count: 2, values: [2, 3], ended: true }
    ],
    "two outcomes of one item": [
      {
        ...honest,
        others: [
          [1, { _tag: "TimedOut" }],
          [1, { _tag: "TimedOut" }]
        ]
      }
    ]
  })) {
    it.live(`F6 ends a worker that reports ${what}`, () => {
      const tampering = new Tampering()
      return Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
        tampering.at("Results", (message) => forged.map((one) => ({ ...one, chunk: (message as Results).chunk })))
        yield* Effect.exit(pool.map(items, add, { chunkSize: 3 }))
        assert.deepStrictEqual(yield* pool.map(items, add), goodSums)
        assert.deepInclude(yield* pool.stats, { lost: 1, calls: 0 })
      }).pipe(Effect.scoped, Effect.provide(layerTampered(tampering.tamper)))
    })
  }

  it("F6 O1 tells durations that are some, counts that count, and lists that end", () => {
    const odd: ReadonlyArray<unknown> = [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      -1,
      2 ** 1000,
      "1",
      null,
      undefined,
      {}
    ]
    assert.isTrue(isFromWorker(results))
    for (const millis of odd) assert.isFalse(isFromWorker({ ...results, millis }), `millis ${String(millis)}`)
    for (const millis of odd) assert.isFalse(isFromWorker({ ...results, long: [[0, 1, millis]] }), String(millis))
    for (const field of ["chunk", "from", "count"]) {
      for (const n of [...odd, 0.5, 2 ** 53]) assert.isFalse(isFromWorker({ ...results, [field]: n }), field)
    }
    const observed = { _tag: "Observed", first: 0, at: 0, records: [] }
    // of a clock that is before 1970
    assert.isTrue(isFromWorker({ ...observed, at: -1 }))
    for (const at of odd) if (at !== -1) assert.isFalse(isFromWorker({ ...observed, at }), String(at))
    for (const field of ["others", "long"]) assert.isFalse(isFromWorker({ ...results, [field]: sparse() }), field)
    assert.isFalse(isFromWorker({ ...results, long: Array.from({ length: 6 }, () => [0, 1, 1]) }))
    assert.isFalse(isFromWorker({ ...observed, records: sparse() }))
    for (const ended of odd) assert.isFalse(isFromWorker({ ...results, ended }), String(ended))
    assert.isFalse(isFromWorker({ ...results, buffers: sparse() }))
  })
})
