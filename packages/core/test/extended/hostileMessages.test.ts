/** Whatever stands in the place of any part of any message of a worker's, its pool goes on (F6). */
import { describe, it } from "@effect/vitest"
import { before, exit, exited, init, initialised, inPlaceOf, results, survives, three } from "../utils/tampering.ts"

/** For a busy machine. */
const minutes = 300_000

const cause = { _tag: "Value", value: 1 }

describe("a pool one of whose workers says what none says", () => {
  it.live(
    "F6 goes on after any results",
    () =>
      survives(inPlaceOf("Results", results, ({ again: _, kept: __, ...rest }) => ({ ...rest, long: [[1, 1, 0.25]] }))),
    minutes
  )

  it.live(
    "F6 goes on after any outcome that is no plain result",
    () =>
      survives(
        inPlaceOf("Results", results, (message) => ({
          ...message,
          values: [undefined, undefined, undefined],
          others: [
            [0, { _tag: "TimedOut" }],
            [1, { _tag: "Error", value: { _tag: "Value", value: 1 } }],
            [2, { _tag: "Failure", reasons: [{ _tag: "Interrupt", fiberId: 1 }] }]
          ]
        }))
      ),
    minutes
  )

  it.live(
    "F6 goes on after any failure of an item",
    () =>
      survives(
        inPlaceOf("Results", results, (message) => ({
          ...message,
          values: [2, undefined, 4],
          others: [
            [
              1,
              {
                _tag: "Failure",
                reasons: [
                  {
                    _tag: "Die",
                    defect: {
                      _tag: "Error",
                      name: "Error",
                      message: "two",
                      stack: "at two",
                      cause: { _tag: "Value", value: 1 },
                      errors: [{ _tag: "Value", value: 1 }],
                      properties: [["code", { _tag: "Value", value: 5 }]]
                    }
                  }
                ]
              }
            ]
          ]
        })),
        { task: three }
      ),
    minutes
  )

  it.live(
    "F6 goes on after whatever else is said out of place",
    () =>
      survives([
        ...before("NotLoaded", ({ chunk }) => ({ _tag: "NotLoaded", chunk, cause, isUnread: false })),
        ...before("Unreadable", () => ({ _tag: "Unreadable", number: 2, cause })),
        ...before("Uncaught", () => ({ _tag: "Uncaught", cause })),
        ...before("Ready", () => ({ _tag: "Ready" })),
        ...before("Repeated", () => ({ _tag: "Repeated" })),
        ...before("what is packed", (message) => ({
          ...message,
          buffers: [1],
          causes: [[1, 2]],
          count: 0,
          values: []
        })),
        ...before("Observed", ({ chunk }) => ({
          _tag: "Observed",
          first: 0,
          at: Date.now(),
          records: [["Log", chunk, 0, "Info", 0, ["x"]]]
        })),
        ...before("aside", ({ chunk }) => ({
          _tag: "Observed",
          first: 0,
          at: Date.now(),
          records: [["Log", chunk, 0, "Info", 0, ["x"]]],
          aside: true
        }))
      ]),
    minutes
  )

  it.live(
    "F6 goes on after any start, and any answer of a hook",
    () =>
      survives(
        [
          ...inPlaceOf("Initialised", initialised, (message) => message),
          ...inPlaceOf("Exited", exited, (message) => message),
          ...inPlaceOf("Closed", exited, (message) => message)
        ],
        { pool: { init, exit, keepAlive: false }, isApart: true }
      ),
    minutes
  )
})
