import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { type MeteredChunk, SlotMeter, sum } from "../src/internal/insights/slotMeter.ts"
import { ThreadMeter } from "../src/internal/insights/threadMeter.ts"
import { AtOnce, InTurn } from "../src/internal/insights/working.ts"
import { type Generated, integer, oneOf, runs } from "./support.ts"

/** How much of the time any of the stretches covers, looked at millisecond by millisecond. */
const union = (stretches: ReadonlyArray<readonly [from: number, to: number]>): number => {
  const covered = new Set<number>()
  for (const [from, to] of stretches) for (let at = from; at < to; at++) covered.add(at)
  return covered.size
}

const stretches = (most: number) =>
  Arbitrary.map(
    Arbitrary.array(Arbitrary.all([integer(0, 300), integer(0, 120)]), { minLength: 1, maxLength: most }),
    (all) => all.map(([from, length]) => [from, from + length] as const).toSorted(([, one], [, other]) => one - other)
  )

describe("working time", () => {
  it.prop(
    "O1 of several items at once is the time in which at least one runs",
    { all: stretches(40) },
    ({ all }) => {
      const working = new AtOnce()
      working.begin(0)
      for (const [from, to] of all) working.reported(to - from, () => to)
      assert.strictEqual(working.total, union(all))
    },
    runs(300)
  )

  it.prop(
    "O1 counts what has not been reported as if it ran until now",
    { all: stretches(10), since: integer(0, 400), after: integer(0, 100) },
    ({ after, all, since }) => {
      const working = new AtOnce()
      working.begin(0)
      for (const [from, to] of all) working.reported(to - from, () => to)
      const now = Math.max(since, all.at(-1)![1]) + after
      const total = union([...all, [since, now]])
      assert.strictEqual(working.total + working.unreported(since, now), total)
      working.cut(since, now)
      assert.strictEqual(working.total, total)
      assert.strictEqual(working.unreported(since, now), 0)
    },
    runs(300)
  )

  it("O1 of many short items during a long one is that of the long one, however many they are", () => {
    const working = new AtOnce()
    working.begin(0)
    for (let n = 1; n <= 1000; n++) working.reported(1, () => n * 10)
    assert.strictEqual(working.total, 1000)
    working.reported(10_000, () => 10_000)
    assert.strictEqual(working.total, 10_000)
  })

  it.prop(
    "O1 of one item after another is the sum, whenever the reports arrive",
    { all: Arbitrary.array(integer(0, 50), { minLength: 1, maxLength: 20 }), late: integer(0, 100) },
    ({ all, late }) => {
      const working = new InTurn()
      const total = all.reduce((sum, millis) => sum + millis, 0)
      working.begin(0)
      for (const millis of all) working.reported(millis)
      assert.strictEqual(working.total, total)
      // all of them arrive together, `late` after the last one
      assert.strictEqual(working.unreported(0, total + late), late)
      working.chunkEnded(() => total + late)
      assert.strictEqual(working.unreported(0, total + late + 5), 5)
    },
    runs(100)
  )
})

// -----------------------------------------------------------------------------
// The meter
// -----------------------------------------------------------------------------

class Chunk implements MeteredChunk {
  reported = 0
  failed = 0
  interrupted = 0
  readonly areRuns = false
  readonly isFixed = false
  readonly isOrdered = false
  isUnstarted = false
  isCut = false
  since = 0
}

const step = Arbitrary.all([
  oneOf("start", "live", "send", "report", "end", "release", "lose", "kill", "vacate", "nothing"),
  integer(0, 200)
])

type Step = Generated<typeof step>

/** Takes a meter through a slot's life, leaving out the steps that cannot be; how long there was a worker. */
const live = (meter: SlotMeter, clock: { now: number }, steps: ReadonlyArray<Step>) => {
  const chunks: Array<Chunk> = []
  let phase: "none" | "starting" | "live" | "leaving" = "none"
  let lived = 0
  const end = () => {
    meter.gone()
    phase = "none"
  }
  for (const [what, millis] of steps) {
    clock.now += millis
    if (phase !== "none") lived += millis
    if (what === "start" && phase === "none") {
      meter.acquiring()
      phase = "starting"
    } else if (what === "start" && phase === "starting") {
      meter.started()
    } else if (what === "live" && phase === "starting") {
      meter.acquired()
      phase = "live"
    } else if (what === "send" && phase === "live") {
      const chunk = new Chunk()
      chunks.push(chunk)
      meter.sent(chunk)
    } else if (what === "report" && chunks[0] !== undefined) {
      // one whose task has been loaded may overtake one whose task has not
      const chunk = millis % 3 === 0 ? chunks.at(-1)! : chunks[0]
      chunk.reported++
      meter.reported(chunk, millis)
    } else if (what === "end" && chunks[0] !== undefined) {
      // a chunk that is queued may be interrupted before the first one ends
      const chunk = millis % 3 === 0 ? chunks.pop()! : chunks.shift()!
      chunk.isUnstarted = chunk.reported === 0 && millis % 5 === 0
      meter.ended(chunk, millis % 2 === 0 && chunks.length === 0)
    } else if (what === "release" && phase === "live" && chunks.length === 0) {
      meter.releasing()
      phase = "leaving"
    } else if ((what === "lose" || what === "kill") && phase !== "none") {
      meter.lostOrKilled(what === "kill")
      if (what === "lose") {
        // as a slot does it: what a lost worker had is told when its items have failed, which may take a while
        end()
        clock.now += millis
      }
      meter.endedWith(chunks.splice(0), millis % 2 === 0)
      if (what === "kill") end()
    } else if (what === "vacate" && phase === "leaving") {
      end()
    }
  }
  return { chunks, lived }
}

describe("SlotMeter", () => {
  it.prop(
    "O1 whatever becomes of a slot's workers, all of their time is spent on something, and no more",
    { steps: Arbitrary.array(step, { minLength: 60, maxLength: 120 }), tasksPerWorker: integer(1, 3) },
    ({ steps, tasksPerWorker }) => {
      const clock = { now: 1000 }
      const meter = new SlotMeter({ tasksPerWorker, now: () => clock.now, thread: new ThreadMeter(false, false) })
      const { chunks, lived } = live(meter, clock, steps)
      for (const areRunning of [true, false]) {
        const { live, ratios, times } = meter.read(chunks, areRunning)
        assert.closeTo(live, lived, 1e-6)
        for (const time of Object.values(times)) assert.isAtLeast(time, -1e-9)
        const total = Object.values(ratios).reduce((sum, ratio) => sum + ratio, 0)
        assert.closeTo(total, lived > 0 ? 1 : 0, 1e-9)
      }
    },
    runs(500)
  )

  it.prop(
    "O1 no number is ever negative, nor more than the whole, though the clock goes on at each reading",
    {
      steps: Arbitrary.array(step, { minLength: 60, maxLength: 120 }),
      tasksPerWorker: integer(1, 3),
      pace: integer(1, 50)
    },
    ({ pace, steps, tasksPerWorker }) => {
      const clock = { now: 1000 }
      const now = () => (clock.now += pace)
      const meter = new SlotMeter({ tasksPerWorker, now, thread: new ThreadMeter(false, false) })
      const { chunks } = live(meter, clock, steps)
      for (const areRunning of [true, false]) {
        const { live, ratios, times, ...counts } = meter.read(chunks, areRunning)
        for (const number of [live, ...Object.values(times), ...Object.values(counts)]) assert.isAtLeast(number, 0)
        for (const ratio of Object.values(ratios)) assert.isAtMost(ratio, 1 + 1e-9)
        const total = Object.values(ratios).reduce((sum, ratio) => sum + ratio, 0)
        assert.closeTo(total, live > 0 ? 1 : 0, 0.01)
      }
    },
    runs(500)
  )

  it("O1 counts the loading of a worker's first module as a part of its start, and of others as waiting", () => {
    const clock = { now: 0 }
    const meter = new SlotMeter({ tasksPerWorker: 1, now: () => clock.now, thread: new ThreadMeter(false, false) })
    const pass = (millis: number) => void (clock.now += millis)
    meter.acquiring()
    pass(10)
    meter.started()
    pass(20)
    meter.acquired()
    const [first, second] = [new Chunk(), new Chunk()]
    meter.sent(first)
    pass(100)
    assert.deepInclude(meter.read([first], false).times, { startUp: 110, waiting: 0, working: 0 })
    assert.deepInclude(meter.read([first], true).times, { startUp: 10, waiting: 0, working: 100 })
    pass(5)
    meter.reported(first, 5)
    meter.ended(first, false)
    assert.deepInclude(meter.read([], false).times, { startUp: 110, init: 20, waiting: 0, working: 5 })
    meter.sent(second)
    pass(40)
    meter.reported(second, 10)
    meter.ended(second, false)
    assert.deepInclude(meter.read([], false).times, { startUp: 110, init: 20, waiting: 30, working: 15 })
  })

  it("O1 knows nothing of how long a first chunk waited that has reported nothing", () => {
    const clock = { now: 5000 }
    const meter = new SlotMeter({ tasksPerWorker: 1, now: () => clock.now, thread: new ThreadMeter(false, false) })
    meter.acquiring()
    meter.acquired()
    const [first, prefetched] = [new Chunk(), new Chunk()]
    meter.sent(first)
    meter.sent(prefetched)
    clock.now += 50
    meter.ended(first, true)
    clock.now += 30
    meter.reported(prefetched, 20)
    meter.ended(prefetched, false)
    assert.deepInclude(meter.read([], false).times, { startUp: 0, working: 70, waiting: 10 })
  })

  it("O1 counts as start-up what a first chunk waited of which nothing has started, until the worker begins something", () => {
    const clock = { now: 5000 }
    const meter = new SlotMeter({ tasksPerWorker: 1, now: () => clock.now, thread: new ThreadMeter(false, false) })
    meter.acquiring()
    meter.acquired()
    for (const wasCut of [true, false]) {
      const chunk = new Chunk()
      meter.sent(chunk)
      clock.now += 50
      chunk.isUnstarted = true
      meter.ended(chunk, wasCut)
    }
    assert.deepInclude(meter.read([], false).times, { startUp: 100, working: 0, waiting: 0 })
    const [begun, later] = [new Chunk(), new Chunk()]
    meter.sent(begun)
    clock.now += 30
    meter.reported(begun, 10)
    meter.ended(begun, false)
    assert.deepInclude(meter.read([], false).times, { startUp: 120, working: 10, waiting: 0 })
    // the module of what comes later has been loaded
    meter.sent(later)
    clock.now += 40
    later.isUnstarted = true
    meter.ended(later, true)
    assert.deepInclude(meter.read([], false).times, { startUp: 120, working: 10, waiting: 40 })
  })

  it("O1 a chunk that overtakes the first one, which waits for its module, is no part of the start", () => {
    const clock = { now: 5000 }
    const meter = new SlotMeter({ tasksPerWorker: 1, now: () => clock.now, thread: new ThreadMeter(false, false) })
    meter.acquiring()
    meter.acquired()
    const [first, second] = [new Chunk(), new Chunk()]
    meter.sent(first)
    meter.sent(second)
    clock.now += 50
    meter.reported(second, 20)
    meter.ended(second, false)
    clock.now += 30
    meter.reported(first, 10)
    meter.ended(first, false)
    assert.deepInclude(meter.read([], false).times, { startUp: 0, working: 30, waiting: 50 })
  })

  it("O1 sums up several slots as one", () => {
    const clock = { now: 0 }
    const meters = [1, 2].map(
      () => new SlotMeter({ tasksPerWorker: 1, now: () => clock.now, thread: new ThreadMeter(false, false) })
    )
    for (const meter of meters) {
      meter.acquiring()
      clock.now += 50
    }
    const { live, ratios, times, workers } = sum(meters.map((meter) => meter.read([], false)))
    assert.deepStrictEqual(
      { live, startUp: times.startUp, ratio: ratios.startUp, workers },
      { live: 150, startUp: 150, ratio: 1, workers: 2 }
    )
    assert.deepInclude(sum([]), { live: 0, items: 0, workers: 0 })
  })
})

describe("ThreadMeter", () => {
  it("O1 counts the thread while workers live, and not while they start or end", () => {
    let step = ""
    const told: Array<readonly [step: string, told: string]> = []
    class Seen extends ThreadMeter {
      override workerCame = () => void told.push([step, "came"])
      override workerGone = () => void told.push([step, "gone"])
    }
    const meter = new SlotMeter({ tasksPerWorker: 1, now: () => 0, thread: new Seen(true, false) })
    const steps = [
      "acquiring",
      "started",
      "gone",
      "acquiring",
      "hadNoRoom",
      "acquiring",
      "acquired",
      "releasing",
      "gone"
    ] as const
    for (const next of [...steps, "acquiring", "acquired", "gone"] as const) {
      step = next
      meter[next]()
    }
    assert.deepStrictEqual(told, [
      ["acquired", "came"],
      ["releasing", "gone"],
      ["acquired", "came"],
      ["gone", "gone"]
    ])
  })

  it("O1 says how busy this thread is while there are workers, and nothing before", async () => {
    const meter = new ThreadMeter(true, false)
    assert.isUndefined(meter.thread)
    meter.workerCame()
    const spin = performance.now() + 30
    while (performance.now() < spin) {
      // busy
    }
    meter.workerGone()
    const busy = meter.thread!.utilization
    assert.isAtLeast(busy, 0.9)
    // without workers it says nothing more, however idle the thread is
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.strictEqual(meter.thread!.utilization, busy)
    meter.workerCame()
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.isBelow(meter.thread!.utilization, busy)
    meter.workerGone()
  })

  it("O1 says nothing where time is a test's, or the platform cannot tell", () => {
    const meter = new ThreadMeter(false, false)
    meter.workerCame()
    assert.isUndefined(meter.thread)
  })
})
