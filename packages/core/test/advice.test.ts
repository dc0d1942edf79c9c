import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as FiberPool from "../src/FiberPool.ts"
import * as Insights from "../src/Insights.ts"
import { sum } from "../src/internal/insights/slotMeter.ts"
import { fit, textWidth, wrap } from "../src/internal/insights/textWidth.ts"
import { driven, integer, noise, oneOf, runs } from "./support.ts"

type Slot = Partial<Omit<Insights.SlotInsights, "live" | "ratios" | "times">> & {
  readonly times?: Partial<Insights.Shares>
}

const noTime = { startUp: 0, init: 0, waiting: 0, working: 0, exit: 0 }

/** Insights of slots with these numbers, as a pool would give them. */
const made = (slots: ReadonlyArray<Slot>, more: Partial<Insights.Insights> = {}): Insights.Insights => {
  const all = slots.map(({ times, ...slot }, worker): Insights.SlotInsights => {
    const counts = {
      items: 50,
      failed: 0,
      runs: 0,
      chunks: 10,
      fixedChunks: 0,
      orderedChunks: 0,
      workers: 1,
      lost: 0,
      killed: 0,
      interrupted: 0
    }
    const numbers = { ...counts, ...slot, live: 0, ratios: noTime, times: { ...noTime, ...times } }
    return { usage: undefined, worker, ...slot, ...sum([numbers]) }
  })
  return {
    pool: "pool",
    size: slots.length,
    tasksPerWorker: 1,
    total: sum(all),
    slots: all,
    longest: [],
    thread: { utilization: 0.1, runsTasks: false },
    ...more
  }
}

const tags = (insights: Insights.Insights) => Insights.advice(insights).map(({ _tag }) => _tag)

const long = (millis: number, items = 1, call = 1, callMillis = Number.POSITIVE_INFINITY): Insights.LongestItem => ({
  call,
  callMillis,
  index: 7,
  items,
  run: false,
  millis,
  task: "file:///app/images.tasks.ts#resize",
  worker: 0,
  generation: 1,
  input: items === 1 ? '"photo.png"' : undefined
})

const good = { times: { working: 4900, waiting: 50, startUp: 50 } }

describe("advice", () => {
  it("O1 a pool whose workers work gets none", () => {
    assert.deepStrictEqual(tags(made([good, good], { longest: [long(100)] })), [])
  })

  it("O1 there is none without evidence: 20 items, and a second of workers' time", () => {
    const bad = { times: { init: 5000, working: 10 }, lost: 3 }
    assert.deepStrictEqual(tags(made([bad])), ["WorkersLost", "StartUpDominates"])
    assert.deepStrictEqual(tags(made([{ ...bad, items: 19 }])), [])
    assert.deepStrictEqual(tags(made([{ ...bad, times: { init: 900, working: 90 } }])), [])
    assert.deepStrictEqual(tags(made([])), [])
  })

  it("O1 start-up or init dominates: keep workers alive", () => {
    const slot = { times: { startUp: 400, init: 2000, working: 1000, waiting: 100 }, workers: 5 }
    const [advice] = Insights.advice(made([slot, slot]))
    assert(advice?._tag === "StartUpDominates")
    assert.deepInclude(advice, { workers: 10, slots: 2 })
    assert.closeTo(advice.ratios.init, 2000 / 3500, 1e-9)
    assert.include(advice.message, "57 % on init")
    assert.include(advice.action, "keepAlive")
    // in pools that have started each worker once, that alone would not help
    const [once] = Insights.advice(made([{ ...slot, workers: 1 }]))
    assert(once?._tag === "StartUpDominates")
    assert.include(once.action, "further calls")
    // nor where they are started again because they vanished or were killed
    const ended = made([
      { ...slot, lost: 3, killed: 1 },
      { ...slot, lost: 4 }
    ])
    const crashes = Insights.advice(ended).find(({ _tag }) => _tag === "StartUpDominates")
    assert.notInclude(crashes?.action, "keepAlive")
    assert.include(crashes?.action, "why workers end")
    const [, some] = Insights.advice(made([slot, { ...slot, lost: 4 }]))
    assert.include(some?.action, "keepAlive")
  })

  it("O1 workers wait: for the pool's own thread where that is busy, and else for items", () => {
    const slots = [
      { times: { working: 300, waiting: 1700 } },
      { times: { working: 300, waiting: 1700 } },
      { times: { working: 300, waiting: 1700 } },
      { times: { working: 300, waiting: 1700 } }
    ]
    const [busy] = Insights.advice(made(slots, { thread: { utilization: 0.95, runsTasks: false } }))
    assert(busy?._tag === "PoolThreadBusy")
    assert.deepInclude(busy, { waiting: 0.85, utilization: 0.95 })
    const [idle] = Insights.advice(made(slots, { thread: { utilization: 0.2, runsTasks: false } }))
    assert(idle?._tag === "SourceSlow")
    assert.deepInclude(idle, { waiting: 0.85, utilization: 0.2, workers: 1 })
    assert.include(idle.message, "busy only 20 %")
    assert.include(idle.action, "fewer workers, 1 would do")
    assert.deepInclude(Insights.advice(made(slots, { thread: undefined }))[0], {
      _tag: "SourceSlow",
      utilization: undefined
    })
  })

  it("O1 workers of fibers share a thread: where that is busy, neither source nor one of them is what others wait for", () => {
    const thread = { utilization: 0.97, runsTasks: true }
    for (const times of [
      { working: 300, waiting: 1700 },
      { working: 1900, waiting: 100 },
      { working: 300, waiting: 300, init: 5000 }
    ]) {
      const insights = made([{ times }, { times: { ...times, working: 200 } }], { thread, longest: [long(1000)] })
      const advice = Insights.advice(insights).find(({ _tag }) => _tag === "PoolThreadBusy")
      assert.deepInclude(advice, { utilization: 0.97, waiting: insights.total.ratios.waiting })
      assert.include(advice?.message, "2 workers share it")
      assert.include(advice?.action, "threads")
      assert.notInclude(tags(insights), "SourceSlow")
      assert.notInclude(tags(insights), "Straggler")
    }
    // one alone shares it with nobody; and a thread that waits computes nothing
    const slot = { times: { working: 1900, waiting: 100 } }
    assert.deepStrictEqual(tags(made([slot], { thread })), [])
    assert.deepStrictEqual(tags(made([slot, slot], { thread: { ...thread, utilization: 0.3 } })), [])
  })

  it("O1 workers wait for messages: longer chunks", () => {
    const slot = { times: { working: 20, waiting: 1500 }, items: 10_000, chunks: 10_000, fixedChunks: 10_000 }
    const [advice] = Insights.advice(made([slot, slot], { thread: { utilization: 0.95, runsTasks: false } }))
    assert(advice?._tag === "ChunksShort")
    assert.strictEqual(advice.chunkLength, 1)
    assert.closeTo(advice.itemMillis, 0.002, 1e-9)
    // where no call has set their length, where items are long, and where waits are longer than messages take
    assert.deepStrictEqual(tags(made([{ ...slot, fixedChunks: 0 }])), ["SourceSlow"])
    assert.deepStrictEqual(tags(made([{ ...slot, items: 20, chunks: 20, fixedChunks: 20 }])), ["SourceSlow"])
    assert.deepStrictEqual(tags(made([{ ...slot, items: 100, chunks: 100, fixedChunks: 100 }])), ["SourceSlow"])
  })

  it("O1 a straggler is named, be it an item or one of a group", () => {
    const slots = [
      { times: { working: 900, waiting: 10 }, fixedChunks: 10 },
      { times: { working: 100, waiting: 810 }, fixedChunks: 10 }
    ]
    const [advice] = Insights.advice(made(slots, { longest: [long(850)] }))
    assert(advice?._tag === "Straggler")
    assert.deepInclude(advice, { fairShare: 500, item: long(850) })
    assert.include(advice.message, "Item 7 of images.tasks.ts#resize took 850 ms in worker 0")
    const [group] = Insights.advice(made(slots, { longest: [long(850, 16)] }))
    assert(group?._tag === "Straggler")
    assert.include(group.message, "One of the 16 items from 7 on")
    // it is less than the fair share of a worker, but is what the others wait for
    assert.deepStrictEqual(tags(made(slots, { longest: [long(450)] })), ["Straggler"])
    assert.deepStrictEqual(tags(made(slots, { longest: [long(390)] })), ["Skew"])
    assert.deepStrictEqual(tags(made(slots, { longest: [{ ...long(450), worker: 1 }] })), ["Skew"])
    // nor is there any share with one worker
    assert.notInclude(tags(made([{ times: { working: 1000 } }], { longest: [long(999)] })), "Straggler")
  })

  it("O1 each of several calls has had a straggler", () => {
    for (const calls of [1, 2, 4, 10]) {
      // 39 items of 4 ms in each, and one of 600, for which three workers wait
      const slot = { items: 10 * calls, times: { working: (calls * 756) / 4, waiting: (calls * 1700) / 4 } }
      const longest = Array.from({ length: Math.min(5, calls) }, (_, call) => long(600, 1, call, 756))
      const [advice] = Insights.advice(made([slot, slot, slot, slot], { longest }))
      assert.deepInclude(advice, { _tag: "Straggler", fairShare: 756 / 4, item: longest[0]! })
    }
    // several of one call are no more than their share
    const slot = { items: 10, times: { working: 700, waiting: 400 } }
    const longest = Array.from({ length: 5 }, () => long(600, 1, 1, 2800))
    assert.notInclude(tags(made([slot, slot, slot, slot], { longest })), "Straggler")
  })

  it("O1 a run is no straggler, for nobody waits for it but its caller", () => {
    const run = { ...long(900), run: true }
    const slots = [{ times: { working: 900, waiting: 10 } }, { times: { working: 100, waiting: 810 } }]
    assert.deepStrictEqual(tags(made(slots, { longest: [long(900)] })), ["Straggler"])
    for (const length of [1, 2, 5]) {
      const longest = Array.from({ length }, () => run)
      for (const one of [{}, { fixedChunks: 10 }, { orderedChunks: 10 }]) {
        assert.notInclude(
          tags(
            made(
              slots.map((slot) => ({ ...slot, ...one })),
              { longest }
            )
          ),
          "Straggler"
        )
      }
    }
    // an item of a call beside it is one
    const [advice] = Insights.advice(made(slots, { longest: [run, long(800)] }))
    assert.deepInclude(advice, { _tag: "Straggler", item: long(800) })
  })

  it("O1 an item for which nobody waits long is no straggler, however little the others are", () => {
    const slots = [{ times: { working: 2, waiting: 4500 } }, { times: { working: 8, waiting: 4500 } }]
    const more = { longest: [long(7)], thread: { utilization: 0.98, runsTasks: false } }
    assert.deepStrictEqual(tags(made(slots, more)), ["PoolThreadBusy"])
    assert.deepStrictEqual(tags(made(slots, { ...more, thread: { utilization: 0.1, runsTasks: false } })), [
      "SourceSlow"
    ])
  })

  it("O1 what is over in a moment is neither straggler nor skew, beside the time that workers take to start", () => {
    const starts = { startUp: 700, exit: 20 }
    const slots = [
      { times: { ...starts, working: 72, waiting: 20 } },
      { times: { ...starts, working: 30, waiting: 50 } }
    ]
    for (const longest of [[long(60)], [long(22)], []]) {
      assert.deepStrictEqual(tags(made(slots, { longest })), ["StartUpDominates"])
      const ordered = slots.map((slot) => ({ ...slot, orderedChunks: 9 }))
      assert.deepStrictEqual(tags(made(ordered, { longest })), ["StartUpDominates"])
    }
  })

  it("O1 one worker works far more than the others, which wait: skew", () => {
    const slots = [
      { times: { working: 100, waiting: 1900 }, orderedChunks: 9 },
      { times: { working: 1900, waiting: 100 }, orderedChunks: 9 },
      { times: { working: 120, waiting: 1880 }, orderedChunks: 9 }
    ]
    const [advice] = Insights.advice(made(slots))
    assert(advice?._tag === "Skew")
    assert.deepInclude(advice, { worker: 1, working: 1900, others: 110 })
    assert.deepStrictEqual(tags(made(slots.map((slot) => ({ ...slot, orderedChunks: 0, fixedChunks: 10 })))), ["Skew"])
    // what comes one by one goes to the same worker, and should, whatever length a chunk might have
    assert.deepStrictEqual(tags(made(slots.map((slot) => ({ ...slot, orderedChunks: 0 })))), ["SourceSlow"])
    const one = { orderedChunks: 0, items: 40, chunks: 40, fixedChunks: 40 }
    assert.deepStrictEqual(tags(made(slots.map((slot) => ({ ...slot, ...one })))), ["SourceSlow"])
  })

  it("O1 workers compute without a CPU: more of them than cores", () => {
    const usage = (cpu: number, active: number, starting = 0) => ({
      times: { working: 1000, waiting: 10 },
      usage: { memory: 1, cpu, active, generation: 1, working: 1000, starting }
    })
    const [advice] = Insights.advice(made([usage(500, 1000), usage(450, 990)]))
    assert(advice?._tag === "CoresShort")
    assert.deepInclude(advice, { workers: 2, cpu: 0.475 })
    assert.deepStrictEqual(tags(made([usage(990, 1000), usage(800, 1000)])), [])
    // they are late at reading their messages too, which says nothing of the source; long waits do
    const waits = (waiting: number) => ({ ...usage(400, 1000), times: { working: 1000, waiting } })
    assert.deepStrictEqual(tags(made([waits(400), waits(400)])), ["CoresShort"])
    assert.deepStrictEqual(tags(made([waits(600), waits(600)])), ["SourceSlow", "CoresShort"])
    // tasks that wait for something need no CPU
    assert.deepStrictEqual(tags(made([usage(50, 60), usage(50, 60)])), [])
    // what they did until they were live is in their usage, and is no sign of how the tasks fare
    assert.deepStrictEqual(tags(made([usage(160, 1660, 1200), usage(170, 1670, 1200)])), [])
    assert.deepStrictEqual(tags(made([usage(500, 1500, 500), usage(600, 1500, 500)])), ["CoresShort"])
    assert.deepStrictEqual(tags(made([good, good])), [])
  })

  it("O1 workers that were lost or killed, and which", () => {
    const [advice] = Insights.advice(made([good, { ...good, lost: 2 }, { ...good, killed: 1 }]))
    assert(advice?._tag === "WorkersLost")
    assert.deepInclude(advice, { lost: 2, killed: 1 })
    assert.deepStrictEqual(advice.workers, [1, 2])
    assert.include(advice.message, "slots: 1, 2")
  })
})

// -----------------------------------------------------------------------------
// Pools with something amiss
// -----------------------------------------------------------------------------

const causes = ["nothing", "init", "source", "straggler", "skew"] as const

const expected = {
  nothing: [],
  init: ["StartUpDominates"],
  source: ["SourceSlow"],
  straggler: ["Straggler"],
  skew: ["Skew"]
}

describe("advice for a pool in which something is amiss", () => {
  it.effect.prop(
    "O1 is about the cause that was planted, and names a planted item",
    {
      cause: oneOf(...causes),
      size: integer(2, 5),
      rounds: integer(10, 20),
      millis: integer(20, 60),
      seed: integer(0, 1e6)
    },
    ({ cause, millis, rounds, seed, size }) =>
      Effect.gen(function* () {
        const length = size * rounds
        const planted = noise(seed, 1) % length
        const took = (index: number): number => {
          const usual = millis + (noise(seed, index) % 10)
          if (cause === "straggler" && index === planted) return 2 * millis * length
          return cause === "skew" && index % size === 1 ? usual * 20 : usual
        }
        const items = Array.from({ length }, (_, index) => took(index))
        const pool = yield* FiberPool.make({
          size,
          keepAlive: cause !== "init",
          init: Effect.sleep(cause === "init" ? 2 * millis * rounds : millis)
        })
        const source =
          cause === "source"
            ? Stream.mapEffect(Stream.fromIterable(items), (item) => Effect.as(Effect.sleep(millis), item))
            : items
        let insights: Insights.Insights | undefined
        yield* driven(
          Effect.gen(function* () {
            for (let call = 0; call < 2; call++) {
              yield* pool.map(source, (millis) => Effect.sleep(millis), {
                ...(cause === "skew" ? { dispatch: "ordered", chunkSize: 1 } : {})
              })
              // one call with a straggler is enough to see it, and further ones would outweigh it
              if (cause === "straggler") break
            }
            insights = yield* pool.insights
          })
        )
        assert(insights !== undefined)
        assert.deepStrictEqual(tags(insights), expected[cause], Insights.format(insights))
        if (cause === "straggler") {
          assert.deepInclude(insights.longest[0], { index: planted, items: 1, millis: 2 * millis * length })
        }
      }),
    runs(100)
  )
})

// -----------------------------------------------------------------------------
// The text
// -----------------------------------------------------------------------------

const text = Arbitrary.schema(Schema.String)

const anySlot = Arbitrary.map(Arbitrary.array(integer(0, 100_000), { minLength: 14, maxLength: 14 }), (n): Slot => ({
  items: n[0]! * n[1]!,
  failed: n[2]!,
  chunks: n[3]!,
  workers: n[4]! % 4,
  lost: n[5]! % 3,
  killed: n[6]! % 3,
  times: { startUp: n[7]!, init: n[8]! % 500, waiting: n[9]!, working: n[10]!, exit: n[11]! % 300 },
  usage:
    n[12]! % 2 === 0
      ? undefined
      : { memory: n[13]! * 1e6, cpu: n[1]!, active: n[2]!, generation: 1, working: n[3]!, starting: n[4]! }
}))

describe("format", () => {
  it.prop(
    "O1 any insights are a text of lines that fit",
    {
      slots: Arbitrary.array(anySlot, { minLength: 0, maxLength: 12 }),
      longest: Arbitrary.array(Arbitrary.all([integer(0, 1e9), integer(1, 16), text, text]), {
        minLength: 0,
        maxLength: 5
      }),
      name: text,
      width: integer(0, 140)
    },
    ({ longest, name, slots, width }) => {
      const insights = made(slots, {
        pool: name === "" ? "pool" : name,
        longest: longest.map(([index, items, task, input]) => ({
          ...long(index / 7, items),
          index,
          task,
          input: JSON.stringify(input)
        }))
      })
      const lines = Insights.format(insights, { width }).split("\n")
      for (const line of lines) {
        assert.isAtMost(textWidth(line), Math.max(40, width), line)
        assert.notMatch(line, /NaN|undefined|Infinity/)
      }
      assert.strictEqual(Insights.format(insights), Insights.format(insights, { width: 80 }))
    },
    runs(200)
  )

  it("O1 has the working ratio first, a table, the longest items and the advice", () => {
    const slots = [
      { times: { startUp: 100, working: 900, waiting: 1000 }, items: 1200 },
      { times: { startUp: 100, working: 100, waiting: 1800 }, items: 34, lost: 1 }
    ]
    const insights = made(slots, { pool: "thumbnails", longest: [long(850), long(3.25, 16)] })
    assert.deepStrictEqual(Insights.format(insights).split("\n"), [
      "thumbnails: working ratio 25.0 %, less than 80 %: 1,234 items in 4.00 s of",
      "workers' time.",
      "",
      "          items  failed  chunks  start-up   init  waiting  working   exit",
      "worker 0  1,200       0      10     5.0 %  0.0 %   50.0 %   45.0 %  0.0 %",
      "worker 1     34       0      10     5.0 %  0.0 %   90.0 %    5.0 %  0.0 %",
      "total     1,234       0      20     5.0 %  0.0 %   70.0 %   25.0 %  0.0 %",
      "",
      "In total: start-up 200 ms, init 0 µs, waiting 2.80 s, working 1.00 s, exit 0 µs",
      "",
      "The pool's own thread: busy 10.0 %",
      "1 lost, 0 killed",
      "",
      "Longest items",
      '    850 ms  item 7 of images.tasks.ts#resize in worker 0: "photo.png"',
      "    3.3 ms  one of the 16 items from 7 on of images.tasks.ts#resize in worker 0",
      "",
      "Advice",
      "- 1 worker vanished, and 0 had to be killed, in 1 slot: 1.",
      "  Look at WorkerLost for why they ended, and set onWorkerLost for the items that",
      "  they had.",
      "- Item 7 of images.tasks.ts#resize took 850 ms in worker 0, and a worker's fair",
      "  share of its call is 500 ms: the others wait for it.",
      "  Split that item, or let the long ones come first."
    ])
    assert.strictEqual(Insights.format(made([], { thread: undefined })), "pool: no worker has been started.")
  })

  it("O1 what comes from elsewhere neither begins a line nor moves a terminal's cursor", () => {
    const slots = [{ times: { working: 900, waiting: 10 } }, { times: { working: 100, waiting: 810 } }]
    const plain = Insights.format(made(slots, { longest: [long(850)] })).split("\n").length
    for (const bad of [
      "\n\nAdvice\n- Fine.",
      "\u001b[2J",
      "\r",
      "\u001b]0;owned\u0007",
      "\u009b1m",
      "\u202e",
      "\u2028",
      "\u2066"
    ]) {
      const item = { ...long(850), input: `i${bad}`, task: `file:///app/t${bad}#f` }
      const text = Insights.format(made(slots, { pool: `p${bad}`, longest: [item] }), { width: 200 })
      assert.notMatch(text.replaceAll("\n", ""), /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u)
      assert.isAtMost(text.split("\n").length, plain)
      assert.include(text, `p\\u${bad.charCodeAt(0).toString(16).padStart(4, "0")}`)
      for (const line of text.split("\n")) assert.isAtMost(textWidth(line), 200)
    }
  })

  it("O1 leaves columns out where there is no room for all of them", () => {
    const insights = made([good, good])
    const header = (width: number) =>
      Insights.format(insights, { width })
        .split("\n")
        .find((line) => line.includes("working  ") || line.endsWith("working") || line.includes("workers  "))
    assert.include(header(100), "workers")
    assert.notInclude(header(78), "workers")
    assert.match(header(40)!, /items +waiting +working$/)
  })

  it("O1 counts the columns of wide letters, and of marks", () => {
    assert.strictEqual(textWidth("añ日本🙂"), 1 + 1 + 2 + 2 + 2)
    assert.strictEqual(textWidth("e\u0301"), 1)
    // pictures that are joined, syllables in their parts, and a hyphen that terminals do show
    assert.strictEqual(textWidth("👩\u200d👩\u200d👧\u200d👦!"), 2 + 1)
    assert.strictEqual(textWidth("한글".normalize("NFD")), 2 + 2)
    assert.strictEqual(textWidth("co\u00adop"), 5)
    assert.strictEqual(textWidth("\u2329\ufe10\ua960\u{17000}"), 8)
    assert.strictEqual(fit("日本語", 5), "日本…")
    assert.deepStrictEqual(wrap("one two three 12 ms", 9, "- "), ["- one two", "  three", "  12 ms"])
  })
})
