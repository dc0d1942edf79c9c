import { assert, describe, it } from "@effect/vitest"
import * as Chunking from "../src/internal/call/chunking.ts"
import { integer, oneOf, optional, runs } from "./support.ts"

/** The lengths of the chunks that items are cut into, as a call does it: a chunk has no more items than are left. */
const plan = (chunking: Chunking.Chunking, items: number, length: number | undefined, workers: number) => {
  const lengths: Array<number> = []
  for (let planned = 0; planned < items;) {
    const next = chunking({ planned, length, workers })
    assert.isTrue(Number.isSafeInteger(next) && next >= 1, `${next} is a length`)
    lengths.push(Math.min(next, items - planned))
    planned += lengths.at(-1)!
  }
  return lengths
}

const sum = (lengths: ReadonlyArray<number>): number => lengths.reduce((sum, length) => sum + length, 0)

describe("byCount", () => {
  it("C3 cuts as MPIRE does", () => {
    const byCount = (chunks: number, length: number) => plan(Chunking.byCount(chunks, length), length, length, 2)
    assert.deepStrictEqual(byCount(3, 10), [4, 3, 3])
    assert.deepStrictEqual(byCount(6, 10), [2, 2, 1, 2, 2, 1])
    assert.deepStrictEqual(byCount(1, 5), [5])
    assert.deepStrictEqual(byCount(5, 5), [1, 1, 1, 1, 1])
    assert.deepStrictEqual(byCount(9, 3), [1, 1, 1])
    assert.deepStrictEqual(byCount(4, 0), [])
  })

  it.prop(
    "C3 makes as many chunks as asked for, of equal length give or take one, and their boundaries where MPIRE has them",
    { chunks: integer(1, 200), length: integer(1, 2000), workers: integer(1, 8) },
    ({ chunks, length, workers }) => {
      const lengths = plan(Chunking.byCount(chunks, length), length, length, workers)
      assert.strictEqual(sum(lengths), length)
      assert.strictEqual(lengths.length, Math.min(chunks, length))
      assert.isAtMost(Math.max(...lengths) - Math.min(...lengths), 1)
      const boundaries = new Set(Array.from({ length: chunks }, (_, n) => Math.ceil(((n + 1) * length) / chunks)))
      let planned = 0
      assert.deepStrictEqual(
        lengths.map((length) => (planned += length)),
        [...boundaries]
      )
    },
    runs(150)
  )

  it.prop(
    "C3 goes to the next boundary from anywhere, exactly, for as many items as there may be",
    { chunks: integer(1, 1_000_000), length: integer(1, 1_000_000_000), at: integer(0, 1_000_000_000) },
    ({ at, chunks, length }) => {
      const planned = at % length
      const next = planned + Chunking.byCount(chunks, length)({ planned, length, workers: 2 })
      // the least boundary, ⌈i · length / chunks⌉ for some i, that is more than what has been planned
      const [p, c, l] = [BigInt(planned), BigInt(chunks), BigInt(length)]
      const i = (p * c) / l + 1n
      assert.strictEqual(BigInt(next), (i * l + c - 1n) / c)
      assert.isAtMost(next, length)
    },
    runs(300)
  )

  it.prop(
    "C3 goes on with the same lengths when there are more items than it was told",
    { chunks: integer(1, 10), length: integer(0, 50), more: integer(1, 100) },
    ({ chunks, length, more }) => {
      const lengths = plan(Chunking.byCount(chunks, length), length + more, undefined, 2)
      assert.strictEqual(sum(lengths), length + more)
      assert.isAtMost(Math.max(...lengths), Math.max(1, Math.ceil(length / chunks)))
    },
    runs(200)
  )
})

describe("fixed", () => {
  it.prop(
    "C3 makes chunks of one length, the last excepted",
    { size: integer(1, 50), items: integer(0, 1000), workers: integer(1, 8) },
    ({ items, size, workers }) => {
      const lengths = plan(Chunking.fixed(size), items, items, workers)
      assert.strictEqual(sum(lengths), items)
      assert.isTrue(lengths.slice(0, -1).every((length) => length === size))
      assert.strictEqual(lengths.length, Math.ceil(items / size))
    },
    runs(100)
  )
})

describe("automatic", () => {
  const progress = {
    planned: integer(0, 1_000_000),
    length: optional(integer(0, 1_000_000)),
    workers: integer(1, 8),
    itemTime: oneOf(undefined, 0, 0.0001, 0.003, 0.1, 0.7, 3, 19, 21, 5000),
    chunkTime: oneOf(undefined, undefined, 2),
    measured: oneOf(undefined, 0, 1, 3, 50, 2000, 1_000_000),
    maxActive: optional(oneOf(1, 3, 20, 500, 100_000))
  }

  it.prop(
    "C3 P1 at most maxAutomatic, four times what has been measured, and half of a worker's room; about 50 milliseconds",
    progress,
    (known) => {
      const { chunkTime = 50, itemTime, measured = 0, maxActive = Number.POSITIVE_INFINITY, workers } = known
      const length = Chunking.automatic(known)
      assert.isTrue(Number.isSafeInteger(length) && length >= 1, `${length} is a length`)
      assert.isAtMost(length, Chunking.maxAutomatic)
      assert.isAtMost(length, Math.max(1, 4 * measured))
      assert.isAtMost(length, Math.max(1, maxActive / (2 * workers)))
      if (itemTime === undefined) assert.strictEqual(length, 1)
      else if (length > 1) assert.isAtMost(length * itemTime, chunkTime)
      // what nothing limits takes as long as it should
      const isFar = known.length === undefined || known.length - known.planned > Chunking.maxAutomatic * 2 * workers
      if (itemTime !== undefined && isFar && measured > 1000 && maxActive >= 100_000) {
        assert.isAtLeast(length, Math.min(Chunking.maxAutomatic, Math.floor(chunkTime / itemTime)))
      }
    },
    runs(500)
  )

  it.prop(
    "P4 toward a known end no chunk is longer than half of a worker's share, unless it takes half a millisecond at most",
    { ...progress, length: integer(1, 1_000_000), itemTime: oneOf(0.0001, 0.003, 0.1, 0.7, 3) },
    (known) => {
      const planned = known.planned % known.length
      const length = Chunking.automatic({ ...known, planned })
      const share = Math.ceil((known.length - planned) / (known.workers * 2))
      if (length > share) assert.isAtMost(length * known.itemTime, 0.5)
      // nor shorter than that for the end's sake
      const anywhere = Chunking.automatic({ ...known, planned, length: undefined })
      if (length < Math.min(share, anywhere)) assert.fail("nothing else makes it short")
      if (length < anywhere) assert.isAbove((length + 1) * known.itemTime, 0.5)
    },
    runs(500)
  )

  it.prop(
    "C3 P4 covers all items; once they have been measured, no chunk of a known number is longer than the one before",
    {
      items: integer(1, 50_000),
      told: oneOf("length", "nothing", "too little"),
      workers: integer(1, 8),
      itemTime: oneOf(0.003, 0.1, 3)
    },
    ({ itemTime, items, told, workers }) => {
      const length = told === "length" ? items : told === "nothing" ? undefined : 1
      const measured: Chunking.Chunking = (known) => Chunking.automatic({ ...known, itemTime, measured: 10_000 })
      const lengths = plan(measured, items, length, workers)
      assert.strictEqual(sum(lengths), items)
      if (told === "length") {
        assert.deepStrictEqual(
          lengths,
          lengths.toSorted((left, right) => right - left)
        )
        // workers do not wait long for the last one
        assert.isAtMost(lengths.at(-1)! * itemTime, Math.max(0.5, itemTime))
      } else {
        // the first of them was still within what it was told
        assert.isTrue(lengths.slice(1, -1).every((length) => length === lengths[1]))
      }
    },
    runs(60)
  )

  it("P1 a task of which nothing is known is tried item by item, and then four times as much each time", () => {
    const at = (measured: number) =>
      Chunking.automatic({ planned: 0, length: 1e6, workers: 2, itemTime: 0.001, measured })
    assert.deepStrictEqual([0, 1, 5, 25].map(at), [1, 4, 20, 100])
  })
})

describe("repeatable", () => {
  it("C3 begins with a 64th of a worker's share", () => {
    const first = (length: number | undefined, workers: number) => Chunking.repeatable({ planned: 0, length, workers })
    assert.strictEqual(first(12_800, 2), 100)
    assert.strictEqual(first(12_801, 2), 101)
    assert.strictEqual(first(10, 2), 1)
    assert.strictEqual(first(0, 2), 1)
    assert.strictEqual(first(undefined, 2), 1)
    assert.strictEqual(first(1_000_000_000, 2), Chunking.maxAutomatic)
  })

  it.prop(
    "C3 no chunk is longer than a 64th of a worker's share, half of its share of what is left, or maxAutomatic",
    { items: integer(1, 100_000), workers: integer(1, 8) },
    ({ items, workers }) => {
      const lengths = plan(Chunking.repeatable, items, items, workers)
      assert.strictEqual(sum(lengths), items)
      let left = items
      for (const length of lengths) {
        assert.isAtMost(length, Math.ceil(items / (workers * 64)))
        assert.isAtMost(length, Math.ceil(left / (workers * 2)))
        assert.isAtMost(length, Chunking.maxAutomatic)
        left -= length
      }
      // and none is longer than the one before
      assert.deepStrictEqual(
        lengths,
        lengths.toSorted((left, right) => right - left)
      )
      // the work comes out evenly, with little more than the 64 chunks per worker that it is about
      const least = Math.ceil(items / Math.min(Chunking.maxAutomatic, Math.ceil(items / (workers * 64))))
      assert.isAtLeast(lengths.length, least)
      assert.isAtMost(lengths.length, Math.max(least, workers * 64) + workers * 16)
    },
    runs(40)
  )

  it.prop(
    "C3 of an unknown length, chunks grow with what has been seen",
    { items: integer(1, 50_000), workers: integer(1, 8), told: optional(oneOf(0, 1)) },
    ({ items, told, workers }) => {
      const lengths = plan(Chunking.repeatable, items, told, workers)
      assert.strictEqual(sum(lengths), items)
      let planned = 0
      for (const length of lengths) {
        assert.isAtMost(length, Math.max(1, Math.ceil(planned / (workers * 16))))
        assert.isAtMost(length, Chunking.maxAutomatic)
        planned += length
      }
      assert.deepStrictEqual(
        lengths.slice(0, -1),
        lengths.slice(0, -1).toSorted((left, right) => left - right)
      )
    },
    runs(30)
  )
})
