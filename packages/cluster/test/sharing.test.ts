import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { type Decision, decide, placeInQueue } from "../src/internal/sharing/decide.ts"
import * as sharing from "../src/internal/sharing/state.ts"
import { integer, oneOf, runs } from "../../core/test/support.ts"
import { simulate } from "./sharingSimulation.ts"

const wants = (driver: string, count: number, from = 0): ReadonlyArray<sharing.Event> =>
  Array.from({ length: count }, (_, n) => ({ _tag: "want", driver, name: `${driver}${from + n}` }))

const after = (state: sharing.State, ...events: ReadonlyArray<sharing.Event>): sharing.State =>
  events.reduce(sharing.apply, state)

const names = ({ actions }: Decision, tag: sharing.Action["_tag"]) =>
  actions.filter(({ _tag }) => _tag === tag).map(({ name }) => name)

/** All slots granted, and their workers ready at once. */
const granted = (state: sharing.State, at = 0): sharing.State => {
  const { actions, state: next } = decide(state, at)
  return after(next, ...actions.map(({ name }) => ({ _tag: "ready", name, at }) as const))
}

const count = (state: sharing.State, driver: string) =>
  state.workers.filter((worker) => worker.driver === driver).length

describe("the sharing of slots", () => {
  it("K6 one driver has all of them, and what it does not get waits", () => {
    const { actions, again, state } = decide(after(sharing.make({ slots: 4 }), ...wants("a", 6)), 0)
    assert.deepStrictEqual(
      actions.map(({ _tag, name }) => [_tag, name]),
      ["a0", "a1", "a2", "a3"].map((name) => ["grant", name])
    )
    assert.isUndefined(again)
    assert.deepStrictEqual(decide(state, 1e9).actions, [])
  })

  it("K6 two that want at once have half each, and three a third, with what is left for who asked first", () => {
    const two = granted(after(sharing.make({ slots: 4 }), ...wants("a", 4), ...wants("b", 4)))
    assert.deepStrictEqual([count(two, "a"), count(two, "b")], [2, 2])
    const three = granted(after(sharing.make({ slots: 4 }), ...wants("a", 4), ...wants("b", 4), ...wants("c", 4)))
    assert.deepStrictEqual([count(three, "a"), count(three, "b"), count(three, "c")], [2, 1, 1])
  })

  it("K6 what a driver does not want of its share, others have", () => {
    const state = granted(after(sharing.make({ slots: 4 }), ...wants("a", 1), ...wants("b", 4)))
    assert.deepStrictEqual([count(state, "a"), count(state, "b")], [1, 3])
  })

  it("K6 a newcomer is given its share by asking back, after the tenure, those held longest", () => {
    const alone = granted(after(sharing.make({ slots: 4 }), ...wants("a", 4)), 1_000)
    const both = after(alone, ...wants("b", 4))
    const early = decide(both, 10_999)
    assert.deepStrictEqual([early.actions, early.again], [[], 11_000])
    const late = decide(both, 11_000)
    assert.deepStrictEqual(names(late, "askBack"), ["a0", "a1"])
    // what is on its way is not asked for again
    assert.deepStrictEqual(decide(late.state, 1e9).actions, [])
    const back = decide(after(late.state, { _tag: "release", name: "a0" }, ...wants("a", 1, 4)), 11_500)
    assert.deepStrictEqual(names(back, "grant"), ["b0"])
  })

  it("K6 nobody is asked for a driver that has its share", () => {
    const state = after(
      granted(after(sharing.make({ slots: 3 }), ...wants("a", 3), ...wants("b", 1))),
      ...wants("b", 2, 1)
    )
    assert.deepStrictEqual([count(state, "a"), count(state, "b")], [2, 1])
    assert.deepStrictEqual(decide(state, 1e9).actions, [])
  })

  it("K6 a driver that wants nothing more, and keeps its workers, is asked for what others need alone", () => {
    const state = after(granted(after(sharing.make({ slots: 4 }), ...wants("a", 4))), ...wants("b", 1))
    assert.deepStrictEqual(names(decide(state, 10_000), "askBack"), ["a0"])
  })

  it("K6 when one of two leaves, the other has all at once", () => {
    const state = granted(after(sharing.make({ slots: 4 }), ...wants("a", 4), ...wants("b", 4)))
    const { state: alone } = decide(after(state, { _tag: "leave", driver: "a" }), 5)
    assert.deepStrictEqual([count(alone, "a"), count(alone, "b"), alone.waiting.length], [0, 4, 0])
  })

  it("K6 more drivers than slots queue by arrival, and take turns", () => {
    const drivers = ["a", "b", "c", "d", "e", "f"]
    const state = granted(after(sharing.make({ slots: 4 }), ...drivers.flatMap((driver) => wants(driver, 4))))
    assert.deepStrictEqual(
      drivers.map((driver) => count(state, driver)),
      [1, 1, 1, 1, 0, 0]
    )
    assert.deepStrictEqual(
      drivers.map((driver) => placeInQueue(state, driver)),
      [...Array(4), 0, 1]
    )
    const asked = decide(state, 10_000)
    assert.deepStrictEqual(names(asked, "askBack"), ["a0", "b0"])
    const next = after(asked.state, { _tag: "release", name: "a0" }, { _tag: "release", name: "b0" })
    assert.deepStrictEqual(names(decide(next, 10_000), "grant"), ["e0", "f0"])
    assert.isUndefined(placeInQueue(decide(next, 10_000).state, "e"))
  })

  it("K6 the tenure counts from when a worker is ready, and lasts as long as that took", () => {
    const { state } = decide(after(sharing.make({ slots: 1 }), ...wants("a", 1), ...wants("b", 1)), 0)
    const starting = decide(state, 299_999)
    assert.deepStrictEqual([starting.actions, starting.again], [[], 300_000])
    assert.deepStrictEqual(names(decide(state, 300_000), "askBack"), ["a0"])
    const ready = after(state, { _tag: "ready", name: "a0", at: 30_000 })
    assert.strictEqual(decide(ready, 59_999).again, 60_000)
    assert.deepStrictEqual(names(decide(ready, 60_000), "askBack"), ["a0"])
  })

  it("K6 what is not there changes nothing, and no name is taken twice", () => {
    const state = after(granted(after(sharing.make({ slots: 1 }), ...wants("a", 2))), { _tag: "unwant", name: "a1" })
    assert.deepStrictEqual(state.waiting, [])
    const events: ReadonlyArray<sharing.Event> = [
      { _tag: "unwant", name: "a0" },
      { _tag: "grant", name: "x", at: 1 },
      { _tag: "ready", name: "x", at: 1 },
      { _tag: "askBack", name: "x" },
      { _tag: "release", name: "x" },
      { _tag: "leave", driver: "x" },
      ...wants("a", 1),
      // the first time counts
      { _tag: "ready", name: "a0", at: 99 }
    ]
    for (const event of events) assert.deepStrictEqual(sharing.apply(state, event), state, event._tag)
  })
})

// -----------------------------------------------------------------------------
// Whatever happens, in whatever order
// -----------------------------------------------------------------------------

interface Step {
  readonly kind: "want" | "unwant" | "ready" | "release" | "leave" | "tick"
  readonly driver: number
  readonly pick: number
  readonly pause: number
}

const steps: Arbitrary.Arbitrary<ReadonlyArray<Step>> = Arbitrary.array(
  Arbitrary.all({
    kind: oneOf(
      "want",
      "want",
      "want",
      "want",
      "unwant",
      "ready",
      "ready",
      "ready",
      "release",
      "release",
      "leave",
      "tick"
    ),
    driver: integer(0, 6),
    pick: integer(0, 1_000),
    pause: oneOf(0, 0, 1, 50, 3_000, 10_000, 400_000)
  }),
  { minLength: 1, maxLength: 80 }
)

/** Runs the steps, and shows `look` each decision with the state before it. */
const play = (
  slots: number,
  steps: ReadonlyArray<Step>,
  look: (before: sharing.State, decision: Decision, now: number) => void
): void => {
  let state = sharing.make({ slots })
  let now = 0
  for (const [n, { driver, kind, pause, pick }] of steps.entries()) {
    now += pause
    const worker = state.workers[pick % Math.max(1, state.workers.length)]
    const request = state.waiting[pick % Math.max(1, state.waiting.length)]
    const event: sharing.Event | undefined =
      kind === "want"
        ? { _tag: "want", driver, name: n }
        : kind === "leave"
          ? { _tag: "leave", driver }
          : kind === "unwant"
            ? request && { _tag: "unwant", name: request.name }
            : kind === "tick"
              ? undefined
              : worker && { _tag: kind, name: worker.name, at: now }
    if (event !== undefined) state = sharing.apply(state, event)
    const decision = decide(state, now)
    look(state, decision, now)
    state = decision.state
  }
}

const driversOf = ({ waiting, workers }: sharing.State) =>
  new Set([...waiting, ...workers.filter(({ asked }) => !asked)].map(({ driver }) => driver))

const share = (state: sharing.State) => Math.max(1, Math.floor(state.slots / Math.max(1, driversOf(state).size)))

const held = ({ workers }: sharing.State, driver: sharing.Name) =>
  workers.filter((worker) => worker.driver === driver).length

const kept = ({ workers }: sharing.State, driver: sharing.Name) =>
  workers.filter((worker) => worker.driver === driver && !worker.asked).length

const waitingOf = ({ waiting }: sharing.State, driver: sharing.Name) =>
  waiting.filter((request) => request.driver === driver).length

/** How many slots drivers need that are below their share. */
const needed = (state: sharing.State) =>
  [...driversOf(state)]
    .map((driver) => Math.max(0, Math.min(waitingOf(state, driver), share(state) - held(state, driver))))
    .reduce((sum, need) => sum + need, 0)

/** Slots that are free, or will be because they were asked for. */
const coming = ({ slots, workers }: sharing.State) => slots - workers.filter(({ asked }) => !asked).length

describe("K6, whatever happens", () => {
  const property = (name: string, look: (before: sharing.State, decision: Decision, now: number) => void) =>
    it.prop(name, { slots: integer(1, 6), steps }, ({ slots, steps }) => play(slots, steps, look), runs(400))

  property("K6 never more are granted than there are slots, and none is free while somebody waits", (_, { state }) => {
    assert.isAtMost(state.workers.length, state.slots)
    if (state.waiting.length > 0) assert.strictEqual(state.workers.length, state.slots)
  })

  property("K6 who has its share is granted one only if nobody waits that has less", (before, { actions }) => {
    let state = before
    for (const action of actions) {
      if (action._tag === "grant") {
        const { driver } = state.waiting.find(({ name }) => name === action.name)!
        const below = [...driversOf(state)].filter(
          (other) => held(state, other) < share(state) && waitingOf(state, other) > 0
        )
        if (below.length > 0) {
          assert.include(below, driver)
          for (const other of below) assert.isAtLeast(held(state, other), held(state, driver))
        } else assert.strictEqual(action.name, state.waiting[0]!.name)
      }
      state = sharing.apply(state, action)
    }
  })

  property("K6 no more are asked back than drivers below their share need", (before, { actions }) => {
    let state = before
    for (const action of actions) {
      if (action._tag === "askBack") assert.isBelow(coming(state), needed(state))
      state = sharing.apply(state, action)
    }
  })

  property(
    "K6 what is needed is asked back, as soon as the tenure of one that can be asked for ends",
    (_, decision, now) => {
      const { again, state } = decision
      if (coming(state) >= needed(state)) return assert.isUndefined(again)
      const most = driversOf(state).size > state.slots ? 0 : share(state)
      const ends = state.workers
        .filter(({ asked, driver }) => !asked && kept(state, driver) > most)
        .map(({ ready, since }) => (ready === undefined ? since + 300_000 : ready + Math.max(10_000, ready - since)))
      assert.strictEqual(again, ends.length === 0 ? undefined : Math.min(...ends))
      for (const end of ends) assert.isAbove(end, now)
    }
  )

  property("K6 drivers without a worker are served in the order in which they began to wait", (before, { actions }) => {
    let state = before
    for (const action of actions) {
      if (action._tag === "grant") {
        const { driver } = state.waiting.find(({ name }) => name === action.name)!
        if (state.queue.length > 0) assert.strictEqual(driver, state.queue[0])
      }
      state = sharing.apply(state, action)
    }
    assert.deepStrictEqual(
      new Set(state.queue),
      new Set([...driversOf(state)].filter((driver) => held(state, driver) === 0))
    )
  })

  property(
    "K6 nobody is asked below its share, but for a driver that has none and no slot of its own",
    (before, decision) => {
      let state = before
      for (const action of decision.actions) {
        if (action._tag === "askBack") {
          const { driver } = state.workers.find(({ name }) => name === action.name)!
          const others = [...driversOf(state)].filter((other) => kept(state, other) > share(state))
          if (others.length > 0) assert.include(others, driver)
          else {
            assert.isAbove(driversOf(state).size, state.slots)
            assert.isTrue([...driversOf(state)].some((other) => held(state, other) === 0))
          }
        }
        state = sharing.apply(state, action)
      }
    }
  )

  property("K6 the tenure is honoured", (before, { actions }, now) => {
    for (const { _tag, name } of actions) {
      if (_tag !== "askBack") continue
      const { ready, since } = before.workers.find((worker) => worker.name === name)!
      if (ready === undefined) assert.isAtLeast(now, since + before.maxStart)
      else assert.isAtLeast(now, ready + Math.max(before.minTenure, ready - since))
    }
  })

  property("K6 a decision that has been carried out decides nothing more", (_, { state }, now) => {
    assert.deepStrictEqual(decide(state, now).actions, [])
  })
})

// -----------------------------------------------------------------------------
// Drivers that work
// -----------------------------------------------------------------------------

describe("drivers that share a runner", () => {
  it("K6 five drivers on four slots with inits of 30 seconds all make progress", () => {
    const driver = { arrives: 0, size: 4, init: 30_000, item: 1_000, items: Infinity, keepAlive: true }
    const { drivers } = simulate({ slots: 4, drivers: Array.from({ length: 5 }, () => driver), until: 3_600_000 })
    for (const { done, longestWait } of drivers) {
      // of four slots for an hour, at least half of the time is spent on items
      assert.isAtLeast(done, (0.45 * 4 * 3_600) / 5)
      assert.isAtMost(longestWait, 90_000)
    }
  })

  it("K6 one of two leaves: the other has all within a second of inits of 100 ms", () => {
    const driver = { arrives: 0, size: 4, init: 100, item: 10, items: Infinity, keepAlive: true }
    const { drivers } = simulate({
      slots: 4,
      drivers: [driver, { ...driver, leaves: 60_000 }],
      until: 120_000
    })
    assert.isAtMost(drivers[0]!.allSince! - 60_000, 1_000)
  })

  it.prop(
    "K6 drivers that come and go at random all end, and none waits long without a worker",
    {
      slots: integer(1, 5),
      drivers: Arbitrary.array(
        Arbitrary.all({
          arrives: integer(0, 600_000),
          size: integer(1, 6),
          init: oneOf(0, 100, 5_000, 30_000),
          item: oneOf(10, 1_000, 20_000),
          items: integer(1, 200),
          keepAlive: oneOf(true, false),
          leaves: oneOf(undefined, undefined, undefined, 300_000)
        }),
        { minLength: 1, maxLength: 9 }
      )
    },
    ({ drivers, slots }) => {
      const result = simulate({ slots, drivers, until: 10 * 24 * 3_600_000 })
      for (const [n, driver] of result.drivers.entries()) {
        if (drivers[n]!.leaves === undefined) assert.strictEqual(driver.done, drivers[n]!.items)
        // a turn is an init, as long again, and an item; at most so many others are before it, on one slot
        assert.isAtMost(driver.longestWait, (drivers.length + 1) * (30_000 + 30_000 + 20_000))
      }
    },
    runs(150)
  )
})
