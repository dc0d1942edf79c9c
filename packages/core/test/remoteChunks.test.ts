import { afterEach, assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Transferable from "effect/workers/Transferable"
import type { Channel } from "../src/Channel.ts"
import { KnownAddresses } from "../src/internal/remote/knownAddresses.ts"
import { Line } from "../src/internal/remote/line.ts"
import { cellsOf, RemoteChunks } from "../src/internal/remote/remoteChunks.ts"
import { ServedWorker } from "../src/internal/served/servedWorker.ts"
import type * as protocol from "../src/internal/wire/protocol.ts"
import type { ToldNumbers } from "../src/internal/wire/toldNumbers.ts"
import { defer } from "../src/internal/task/realTime.ts"
import * as Portable from "../src/Portable.ts"
import * as WorkerPoolError from "../src/WorkerPoolError.ts"
import type { Chunk, Code } from "../src/WorkerRuntime.ts"
import { sharedNumbers } from "./sharedNumbers.ts"
import { integer, noise, oneOf, runs } from "./support.ts"

const macrotask = () => new Promise<void>((resolve) => defer(resolve))

/** What came of a chunk, by position: a value, or the tag of what it failed with. */
class Outcomes implements Chunk {
  readonly task: Code
  readonly items: ReadonlyArray<unknown>
  readonly timeout = undefined
  readonly discard = false
  readonly reportInterval: number
  readonly context = Context.empty()
  readonly longerThan = 0
  readonly all = new Map<number, unknown>()
  readonly long: Array<readonly [position: number, items: number, millis: number]> = []
  ends = 0

  constructor(task: Code, items: ReadonlyArray<unknown>, reportInterval = 1) {
    this.task = task
    this.items = items
    this.reportInterval = reportInterval
  }

  index(position: number): number {
    return position
  }

  onSuccesses(position: number, values: ReadonlyArray<unknown>): void {
    values.forEach((value, n) => this.onSuccess(position + n, value))
  }

  onSuccess(position: number, value: unknown): void {
    this.tell(position, value)
  }

  onFailure(position: number, cause: Cause.Cause<unknown>): void {
    const error = Cause.squash(cause)
    this.tell(position, WorkerPoolError.isWorkerPoolError(error) ? error.reason._tag : error)
  }

  onTime(): void {}

  onLong(position: number, items: number, millis: number): void {
    this.long.push([position, items, millis])
  }

  onEnd(): void {
    this.ends++
  }

  private tell(position: number, outcome: unknown): void {
    assert.isFalse(this.all.has(position), "an outcome is told once")
    assert.strictEqual(this.ends, 0, "nothing is heard of it after its end")
    this.all.set(position, outcome)
  }
}

/** Both ends of a worker in this thread: each gets the other's messages when the test says so. */
class Bench {
  readonly control = sharedNumbers(cellsOf(3))
  readonly chunks: RemoteChunks
  private readonly line: Line
  /** Why the worker is to be killed, once it is. */
  stuck: string | undefined = undefined
  /** How often the worker has become one that has told the end of all that has ended. */
  settled = 0
  readonly sent: Array<protocol.ToWorker> = []
  private readonly toWorker: Array<protocol.ToWorker> = []
  private readonly toPool: Array<protocol.FromWorker> = []
  private handle: (message: unknown) => void = () => {}
  /** Called before either end sends. */
  beforeSend: () => void = () => {}

  constructor({
    isShared = true,
    killAfter = undefined as number | undefined,
    tasksPerWorker = 1,
    transfersResults = false
  } = {}) {
    const control = isShared ? this.control : undefined
    const send = (message: unknown, transfer: Array<object> = []) => {
      this.beforeSend()
      const cloned = structuredClone(message, { transfer: transfer as Array<ArrayBuffer> }) as protocol.ToWorker
      this.sent.push(message as protocol.ToWorker)
      this.toWorker.push(cloned)
    }
    const channel: Channel = {
      send: (message, moved = []) => {
        this.beforeSend()
        const transfer = (transfersResults ? moved : []) as Array<ArrayBuffer>
        this.toPool.push(structuredClone(message, { transfer }) as protocol.FromWorker)
      },
      receive: (handler) => {
        this.handle = handler
      },
      close: () => {},
      control
    }
    new ServedWorker(channel).serve()
    this.toPool.length = 0
    this.line = new Line({
      control,
      send,
      receive() {},
      closed() {},
      kill: Effect.void,
      setBusy() {}
    })
    const options = {
      worker: { id: 0, generation: 1 },
      tasksPerWorker,
      services: undefined,
      startTimeout: undefined,
      killAfter,
      onLost() {},
      onCondemned() {},
      onUnwanted() {}
    }
    const on = {
      busyChange() {},
      settled: () => {
        this.settled++
      },
      stuck: ({ message }: Error) => {
        this.stuck = message
      }
    }
    this.chunks = new RemoteChunks(options, this.line, new KnownAddresses(this.line), on, {
      chunkEnded() {},
      itemEnded() {},
      itemRuns() {}
    })
    this.handle({ _tag: "Start", id: 0, generation: 1, tasksPerWorker })
    benches.push(this)
  }

  /** The worker ends, as one whose pool reads nothing more. */
  close(): void {
    this.handle({ _tag: "Stop" })
  }

  /** The worker gets what was sent to it, which it does as far as it can. */
  async deliver(): Promise<void> {
    for (const message of this.toWorker.splice(0)) this.handle(message)
    for (let turn = 0; turn < 3; turn++) await macrotask()
  }

  /** The pool gets what the worker has sent. */
  hear(): void {
    for (const message of this.toPool.splice(0)) {
      if (message._tag === "Results") this.chunks.results(message)
      else if (message._tag === "NotLoaded") this.chunks.notLoaded(message)
      else if (message._tag === "Numbers") {
        ;(this.line.control as ToldNumbers).told(message.from, message.values)
        this.chunks.told()
      }
    }
  }

  /** Both, until no chunk is in progress. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 100 && this.chunks.size > 0; turn++) {
      await this.deliver()
      this.hear()
    }
    assert.isUndefined(this.stuck, "nothing is overdue")
  }
}

const benches: Array<Bench> = []

afterEach(() => {
  for (const bench of benches.splice(0)) bench.close()
})

let names = 0

/** A task that has been loaded, as after its first chunk. */
const loaded = async (bench: Bench, task: (item: any) => unknown, schemas?: object): Promise<Code> => {
  const portable: any = Portable.make("test:remoteChunks", `task${names++}`, task as any, schemas as any)
  bench.chunks.run(new Outcomes(portable, []))
  await bench.settle()
  return portable
}

const uncloneable = () => {}

const promise = (run: () => Promise<void>) => Effect.promise(run)

describe("RemoteChunks.limitTo", () => {
  it.effect.prop(
    "F2 C1 what starts is below what it returned, is told once, and the chunk ends once",
    {
      items: integer(1, 12),
      /** One in `bad` items cannot be cloned. */
      bad: oneOf(2, 3, 100),
      keeps: integer(1, 4),
      tasksPerWorker: oneOf(1, 1, 3),
      reportInterval: oneOf(0, 1),
      seed: integer(0, 1_000_000)
    },
    ({ bad, items, keeps, reportInterval, seed, tasksPerWorker }) =>
      promise(async () => {
        const random = (salt: number) => noise(seed, salt)
        const bench = new Bench({ tasksPerWorker })
        const started = new Set<number>()
        let kept = items
        // some of the cuts come in the middle of an item, before the pool has heard of those before it
        const keep = () => {
          const limit = random(100 + items + kept) % (items + 1)
          if (limit >= kept) return
          const before = [...started]
          const now = bench.chunks.limitTo(chunk, limit)
          for (const position of before) assert.isBelow(position, Math.max(now, limit))
          kept = Math.min(kept, now)
        }
        const task = await loaded(bench, (position: number) => {
          started.add(position)
          assert.isBelow(position, kept)
          if (random(position) % 3 === 0) keep()
          return random(position + 50) % 3 === 0 ? macrotask().then(() => position) : position
        })
        const isBad = (position: number) => random(position + 20) % bad === 1
        const inputs = Array.from({ length: items }, (_, n) => (isBad(n) ? uncloneable : n))
        const chunk = new Outcomes(task, inputs, reportInterval)
        bench.chunks.run(chunk)
        for (let n = 0; n < keeps; n++) {
          keep()
          if (random(n + 70) % 2 === 0) await bench.deliver()
          if (random(n + 80) % 2 === 0) bench.hear()
        }
        await bench.settle()
        assert.strictEqual(chunk.ends, 1)
        assert.strictEqual(bench.chunks.size, 0)
        for (let position = 0; position < items; position++) {
          if (isBad(position)) assert.strictEqual(chunk.all.get(position), "NotSerializable")
          else if (started.has(position)) assert.strictEqual(chunk.all.get(position), position)
          else assert.isFalse(chunk.all.has(position))
        }
        // what was not taken back has been done
        const done = [...Array(items).keys()].filter((position) => !isBad(position) && started.has(position)).length
        const wanted = [...Array(kept).keys()].filter((position) => !isBad(position)).length
        assert.isAtMost(done, wanted)
      }),
    runs(150)
  )

  it("F2 a chunk that the worker has not taken up ends at once, and its cell is used again only later", async () => {
    const bench = new Bench()
    const task = await loaded(bench, (n: number) => n)
    const [first, second] = [new Outcomes(task, [1, 2]), new Outcomes(task, [3, 4])]
    bench.chunks.run(first)
    bench.chunks.run(second)
    assert.strictEqual(bench.chunks.limitTo(second, 0), 0)
    assert.deepStrictEqual([first.ends, second.ends], [0, 1])
    assert.strictEqual(bench.chunks.size, 2)
    assert.deepStrictEqual([bench.chunks.areSettled, bench.settled], [false, 0], "reading it may yet end the worker")
    // it has ended: nothing can be taken back, nor asked of it
    assert.strictEqual(bench.chunks.limitTo(second, 1), 2)
    bench.chunks.interrupt(second)
    await bench.settle()
    assert.deepStrictEqual(
      [[...first.all], [...second.all]],
      [
        [
          [0, 1],
          [1, 2]
        ],
        []
      ]
    )
    assert.deepStrictEqual([first.ends, second.ends, bench.chunks.size], [1, 1, 0])
    assert.deepStrictEqual([bench.chunks.areSettled, bench.settled], [true, 1])
    assert.strictEqual(bench.chunks.limitTo(first, 0), 2)
  })

  it("F2 chunks whose end the worker has yet to report leave a cell for each that it has", async () => {
    const bench = new Bench()
    const task = await loaded(bench, (n: number) => n)
    const cells = cellsOf(1)
    const chunks = Array.from({ length: cells + 2 }, () => new Outcomes(task, [1, 2]))
    for (const chunk of chunks) {
      bench.chunks.run(chunk)
      bench.chunks.limitTo(chunk, 0)
    }
    assert.strictEqual(chunks.filter(({ ends }) => ends === 1).length, cells - 2)
    await bench.settle()
    assert.isTrue(chunks.every(({ ends }) => ends === 1))
    // the two that had cells were kept from starting, those beyond had none
    assert.deepStrictEqual(
      chunks.map(({ all }) => all.size),
      chunks.map((_, n) => (n < cells ? 0 : 2))
    )
  })

  it("F2 while the task is being loaded, all can be taken back, and the chunk ends when it has been loaded", async () => {
    const bench = new Bench()
    const started: Array<number> = []
    const task: any = Portable.make("test:remoteChunks", `task${names++}`, (n: number) => started.push(n))
    const chunk = new Outcomes(task, [1, 2, 3])
    bench.chunks.run(chunk)
    const delivered = bench.deliver()
    assert.strictEqual(bench.chunks.limitTo(chunk, 0), 0)
    assert.strictEqual(chunk.ends, 0)
    await delivered
    await bench.settle()
    assert.deepStrictEqual([started, chunk.ends, chunk.all.size], [[], 1, 0])
  })

  it("C1 where numbers are told, items come back at the chunk's end, once the worker has heard of it", async () => {
    const bench = new Bench({ isShared: false })
    const task = await loaded(bench, (n: number) => n)
    const [early, late] = [new Outcomes(task, [1, 2]), new Outcomes(task, [1, 2])]
    bench.chunks.run(early)
    assert.strictEqual(bench.chunks.limitTo(early, 1), 2, "nothing is certain to come back")
    await bench.settle()
    assert.deepStrictEqual([...early.all.values()], [1, 2], "it had begun before the message came")
    // a message that comes first is heard first
    const gate = Promise.withResolvers<number>()
    bench.chunks.run(new Outcomes(await loaded(bench, () => gate.promise), [0]))
    bench.chunks.run(late)
    await bench.deliver()
    assert.strictEqual(bench.chunks.limitTo(late, 1), 2)
    await bench.deliver()
    gate.resolve(0)
    await bench.settle()
    assert.deepStrictEqual([[...late.all.values()], late.ends], [[1], 1])
  })

  it("F2 where numbers are told, each start is told before the item runs if the call needs that, or else the first", async () => {
    for (const exactStarts of [true, false]) {
      const bench = new Bench({ isShared: false })
      const seen: Array<number | undefined> = []
      const chunks: Array<Chunk> = []
      const task = await loaded(bench, (n: number) => {
        bench.hear()
        seen.push(bench.chunks.started(chunks[0]!))
        return n
      })
      chunks.push(Object.assign(new Outcomes(task, [1, 2, 3], 50), { exactStarts }))
      bench.chunks.run(chunks[0]!)
      assert.strictEqual(bench.chunks.started(chunks[0]!), 0)
      await bench.settle()
      assert.deepStrictEqual(seen, exactStarts ? [1, 2, 3] : [3, 3, 3])
    }
  })

  it("C4 where numbers are told, kills a worker whose item had begun when its chunk seemed not to have", async () => {
    const bench = new Bench({ isShared: false, killAfter: 5 })
    const task = await loaded(bench, (n: number) => (n === 0 ? n : new Promise(() => {})))
    const chunk = new Outcomes(task, [1])
    bench.chunks.run(chunk)
    await bench.deliver()
    bench.chunks.interrupt(chunk)
    assert.strictEqual(chunk.ends, 1, "it ends without waiting for the worker")
    while (bench.stuck === undefined) {
      await bench.deliver()
      bench.hear()
    }
    assert.include(bench.stuck, "did not yield within 5 milliseconds")
  })

  it("S2 what has moved is not taken back; what was only copied by its Schema is", async () => {
    const bench = new Bench()
    const input = Schema.Struct({ bytes: Transferable.Uint8Array })
    const task = await loaded(bench, ({ bytes }) => bytes.length, { input })
    const moved = new Outcomes(
      task,
      [1, 2].map((length) => ({ bytes: new Uint8Array(length) }))
    )
    bench.chunks.run(moved)
    assert.strictEqual(bench.chunks.limitTo(moved, 0), 2)
    const coded = new Outcomes(await loaded(bench, (n: number) => n, { input: Schema.Number }), [1, 2])
    bench.chunks.run(coded)
    assert.strictEqual(bench.chunks.limitTo(coded, 0), 0)
    await bench.settle()
    assert.deepStrictEqual([[...moved.all.values()], coded.all.size, coded.ends], [[1, 2], 0, 1])
  })

  it("C4 an interrupted chunk is not brought back to life", async () => {
    const bench = new Bench()
    const task = await loaded(bench, (n: number) => macrotask().then(() => n))
    const chunk = new Outcomes(task, [1, 2, 3])
    bench.chunks.run(chunk)
    const delivering = bench.deliver()
    bench.chunks.interrupt(chunk)
    assert.strictEqual(bench.chunks.limitTo(chunk, 2), 3)
    await delivering
    await bench.settle()
    assert.deepStrictEqual([...chunk.all.values()], [1])
    assert.strictEqual(chunk.ends, 1)
  })
})

/** What users' code may throw for when an item is read; none of it is read a second time with another answer. */
const hostile: ReadonlyArray<readonly [string, () => unknown]> = [
  ["a revoked Proxy", () => revoked({})],
  ["a revoked Proxy of an error", () => revoked(new Error("original"))],
  [
    "a Proxy whose getPrototypeOf throws",
    () => new Proxy({}, { getPrototypeOf: () => assert.fail("getPrototypeOf"), ownKeys: () => assert.fail("ownKeys") })
  ],
  ["a Proxy whose ownKeys throws", () => new Proxy({}, { ownKeys: () => assert.fail("ownKeys") })],
  ["a getter that throws", () => throwing({}, "any")],
  ["a getter that throws a revoked Proxy", () => throwing({}, "any", revoked({}))],
  ["an error whose message throws", () => throwing(new Error("original"), "message")],
  ["an error whose stack throws", () => throwing(new Error("original"), "stack")],
  ["an error whose cause throws", () => throwing(new Error("original"), "cause")],
  ["an error whose own property throws", () => throwing(new Error("original"), "any")],
  ["a getter that throws every second time", () => moody()]
]

const revoked = (target: object): object => {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

const throwing = (target: object, name: string, thrown: unknown = new Error("from a getter")): object =>
  Object.defineProperty(target, name, {
    enumerable: true,
    get() {
      throw thrown
    }
  })

/** An object whose getter throws each time but the second, fourth, …. */
const moody = (): object => {
  let reads = 0
  return {
    get any() {
      if (++reads % 2 === 1) throw new Error("in a mood")
      return 1
    }
  }
}

describe("RemoteChunks.run", () => {
  for (const [what, make] of hostile) {
    it(`F4 F8 ${what} fails its item alone, as an input`, async () => {
      const bench = new Bench()
      const chunk = new Outcomes(await loaded(bench, (item) => (typeof item === "number" ? item : "read")), [
        1,
        make(),
        new Error("an error between them"),
        3
      ])
      bench.chunks.run(chunk)
      await bench.settle()
      // what answers otherwise later may cross, too
      const outcome = chunk.all.get(1)
      assert.isTrue(outcome === "NotSerializable" || (what.endsWith("time") && outcome === "read"), String(outcome))
      assert.deepStrictEqual([chunk.all.get(0), chunk.all.get(2), chunk.all.get(3)], [1, "read", 3])
      assert.deepStrictEqual([chunk.ends, bench.chunks.size], [1, 0])
    })

    it(`F4 F8 ${what} fails its item alone, as a result`, async () => {
      const bench = new Bench()
      const chunk = new Outcomes(await loaded(bench, (n: number) => (n === 2 ? make() : n)), [1, 2, 3])
      bench.chunks.run(chunk)
      await bench.settle()
      const outcome = chunk.all.get(1)
      const isFailure = outcome === "NotSerializable" || outcome instanceof Error
      assert.isTrue(isFailure || what.endsWith("time"), String(outcome))
      assert.deepStrictEqual([chunk.all.get(0), chunk.all.has(1), chunk.all.get(2)], [1, true, 3])
      assert.deepStrictEqual([chunk.ends, bench.chunks.size], [1, 0])
      // the worker goes on
      const next = new Outcomes(chunk.task, [4])
      bench.chunks.run(next)
      await bench.settle()
      assert.strictEqual(next.all.get(0), 4)
    })

    it(`F4 F8 ${what} fails its item alone, as what a task throws`, async () => {
      const bench = new Bench()
      const task = await loaded(bench, (n: number) => {
        if (n === 2) throw make()
        return n
      })
      const chunk = new Outcomes(task, [1, 2, 3])
      bench.chunks.run(chunk)
      await bench.settle()
      assert.deepStrictEqual([chunk.all.get(0), chunk.all.has(1), chunk.all.get(2)], [1, true, 3])
      assert.deepStrictEqual([chunk.ends, bench.chunks.size], [1, 0])
    })
  }

  it("F4 a getter that never gives the channel the answer that it gave the check fails its item alone", async () => {
    for (const place of ["input", "result"]) {
      const bench = new Bench()
      // throws when the channel reads it, however often it was checked: each check is one read, after each send
      let sends = 0
      bench.beforeSend = () => sends++
      let seen = -1
      const item = {
        get any() {
          if (seen === sends) return 1
          seen = sends
          throw new Error("to the channel")
        }
      }
      const task = await loaded(bench, (input: unknown) => (place === "result" && input === 2 ? item : 0))
      const chunk = new Outcomes(task, [1, place === "input" ? item : 2, 3])
      bench.chunks.run(chunk)
      await bench.settle()
      assert.deepStrictEqual([chunk.all.get(0), chunk.all.size, chunk.all.get(2)], [0, 3, 0], place)
      assert.deepStrictEqual([chunk.ends, bench.chunks.size], [1, 0])
    }
  })

  it("F8 an Effect that goes on with what is none, and cannot be printed either, fails its item alone", async () => {
    // loaded by now, so that no real time passes until Effects run
    await import("../src/internal/served/effectRunner.ts")
    const bench = new Bench({ tasksPerWorker: 3 })
    const task = await loaded(bench, (n: number) => {
      const next = n === 1 ? Effect.succeed(n) : n === 2 ? revoked({}) : n === 3 ? Object.create(null) : undefined
      return Effect.flatMap(n === 5 ? Effect.void : Effect.promise(macrotask), () => next)
    })
    const chunk = new Outcomes(task, [1, 2, 3, 4, 5])
    bench.chunks.run(chunk)
    await bench.settle()
    assert.deepStrictEqual([chunk.ends, bench.chunks.size, chunk.all.get(0), chunk.all.size], [1, 0, 1, 5])
    const next = new Outcomes(task, [1])
    bench.chunks.run(next)
    await bench.settle()
    assert.strictEqual(next.all.get(0), 1)
  })

  it("F4 F8 a Schema that throws, or whose encoding cannot be cloned, fails its item alone", async () => {
    const bench = new Bench()
    const input = Schema.declare((_: unknown): _ is unknown => {
      if (_ === 2) throw new Error("from a Schema")
      return true
    })
    const chunk = new Outcomes(await loaded(bench, (n: number) => n, { input }), [1, 2, uncloneable, 4])
    bench.chunks.run(chunk)
    await bench.settle()
    assert.deepStrictEqual(
      [0, 1, 2, 3].map((position) => chunk.all.get(position)),
      [1, "NotSerializable", "NotSerializable", 4]
    )
    assert.strictEqual(chunk.ends, 1)
  })

  it("F4 F8 a Schema that throws when results or failures are decoded fails its item alone", async () => {
    const bench = new Bench()
    let isDecoding = false
    const schema = Schema.declare((value: unknown): value is unknown => {
      if (isDecoding && value === 2) throw new Error("from a Schema")
      return true
    })
    const task = await loaded(bench, (n: number) => (n < 4 ? n : Effect.fail(n - 3)), { output: schema, error: schema })
    const chunk = new Outcomes(task, [1, 2, 3, 4, 5, 6])
    bench.chunks.run(chunk)
    await bench.deliver()
    isDecoding = true
    bench.hear()
    await bench.settle()
    assert.deepStrictEqual(
      [0, 1, 2, 3, 4, 5].map((position) => chunk.all.get(position)),
      [1, "NotSerializable", 3, 1, "NotSerializable", 3]
    )
    assert.strictEqual(chunk.ends, 1)
  })

  it("F4 memory that has moved before fails its item alone", async () => {
    const bench = new Bench({ transfersResults: true })
    const kept = new Uint8Array(8)
    const schema = Schema.Struct({ bytes: Transferable.Uint8Array })
    const task = await loaded(bench, ({ bytes }) => ({ bytes: bytes.length === 0 ? kept : bytes }), {
      input: schema,
      output: schema
    })
    const items = () => [1, 0, 2].map((length) => ({ bytes: new Uint8Array(length) }))
    const first = new Outcomes(task, items())
    bench.chunks.run(first)
    await bench.settle()
    assert.deepStrictEqual(first.ends, 1)
    // the input has moved, and so has the result that the task returns once more
    const moved = items()
    structuredClone(moved[0], { transfer: [moved[0]!.bytes.buffer] })
    const second = new Outcomes(task, moved)
    bench.chunks.run(second)
    await bench.settle()
    assert.deepStrictEqual([second.ends, bench.chunks.size], [1, 0])
    assert.deepStrictEqual(second.all.get(2), { bytes: new Uint8Array(2) })
    assert.strictEqual(second.all.get(1), "NotSerializable")
  })

  it("C4 to interrupt a chunk that is not in progress does nothing", async () => {
    const bench = new Bench()
    const chunk = new Outcomes(await loaded(bench, (n: number) => n), [1])
    bench.chunks.interrupt(chunk)
    bench.chunks.run(chunk)
    await bench.settle()
    bench.chunks.interrupt(chunk)
    assert.deepStrictEqual([chunk.all.get(0), chunk.ends], [1, 1])
  })
})

describe("what takes long", () => {
  it.live("O1 is told of the item that it was, when others before it could not be sent", () =>
    promise(async () => {
      const bench = new Bench()
      const task = await loaded(bench, (millis: number) => {
        const end = performance.now() + millis
        while (performance.now() < end);
      })
      const outcomes = new Outcomes(task, [uncloneable, 0, uncloneable, 20, 0])
      bench.chunks.run(outcomes)
      await bench.settle()
      const [longest] = outcomes.long.toSorted(([, , one], [, , other]) => other - one)
      const [position, items, millis] = longest!
      assert.isAtLeast(millis, 20)
      assert.isTrue(position <= 3 && 3 < position + items, `from ${position} on, ${items}`)
    })
  )

  it.live("F6 O1 cannot be an item that was not sent", () =>
    promise(async () => {
      const bench = new Bench()
      const task = await loaded(bench, (n: number) => n)
      bench.chunks.run(new Outcomes(task, [1, 2]))
      const chunk = (bench.sent.at(-1) as protocol.Run).chunk
      const results = {
        _tag: "Results",
        chunk,
        from: 0,
        count: 0,
        millis: 0,
        values: [],
        others: [],
        ended: false
      } as const
      bench.chunks.results({ ...results, long: [[1, 1, 5]] })
      assert.throws(() => bench.chunks.results({ ...results, long: [[1, 2, 5]] }), "It timed item 2 of 2")
    })
  )
})
