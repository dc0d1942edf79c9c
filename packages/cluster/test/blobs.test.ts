import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { createHash } from "node:crypto"
import * as blobs from "../src/internal/modules/blobs.ts"
import * as bytes from "../src/internal/modules/bytes.ts"
import { Lru } from "../src/internal/modules/lru.ts"
import { integer, oneOf, runs } from "../../core/test/support.ts"
import { failure, isRefused } from "./support.ts"

describe("sizes", () => {
  it.effect.each<readonly [size: number | bigint | string, count: number]>([
    [0, 0],
    [1024, 1024],
    [5n, 5],
    ["1 GB", 1_000_000_000],
    ["1.5 GB", 1_500_000_000],
    ["512MiB", 536_870_912],
    ["64 kB", 64_000],
    ["0 B", 0]
  ])("C8 %s is as many bytes", ([size, count]) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* bytes.parse("cache", size as "1 GB"), count)
    })
  )

  it.effect.each<unknown>([
    ...[-1, 1.5, Number.NaN, Infinity, -1n, 2n ** 64n],
    ...["", "GB", "1", "-1 GB", "1,5 GB", "1e3 MB", "lots", "99999999 TB", "1 GB and more"],
    ...[null, undefined, {}, true]
  ])("C8 refuses %s", (size) => isRefused(bytes.parse("cache", size as number), "cache", size))
})

const blob = (text: string, length = text.length) => {
  const bytes = Buffer.from(text.padEnd(length, "."))
  return { bytes, sha256: createHash("sha256").update(bytes).digest("hex") }
}

describe("blobs", () => {
  it.effect("are named by their sha256, however long they are", () =>
    Effect.gen(function* () {
      for (const length of [0, 1, (1 << 22) - 1, 1 << 22, (1 << 22) + 1, 1 << 23]) {
        const { bytes, sha256 } = blob("x", length)
        assert.strictEqual(yield* blobs.nameOf(bytes), sha256)
      }
    })
  )

  it.effect("K10 many that ask at once share one fetch, and so do those that come later", () =>
    Effect.gen(function* () {
      const cache = yield* blobs.make(100)
      const { bytes, sha256 } = blob("hello")
      const arrives = yield* Deferred.make<Uint8Array>()
      let fetches = 0
      const get = Effect.scoped(
        cache.get(
          sha256,
          Effect.suspend(() => (fetches++, Deferred.await(arrives)))
        )
      )
      const waiting = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 8 }, () => get),
          { concurrency: "unbounded" }
        )
      )
      yield* Effect.yieldNow
      yield* Deferred.succeed(arrives, bytes)
      for (const got of yield* Fiber.join(waiting)) assert.strictEqual(got, bytes)
      assert.strictEqual(yield* get, bytes)
      assert.strictEqual(fetches, 1)
      assert.deepStrictEqual(yield* cache.stats, { bytes: 5, fetched: 1, hits: 8 })
    })
  )

  it.effect("K10 what is larger than the cache is shared by those that ask at once, and then gone", () =>
    Effect.gen(function* () {
      const cache = yield* blobs.make(10)
      const { bytes, sha256 } = blob("large", 100)
      const arrives = yield* Deferred.make<Uint8Array>()
      const get = Effect.scoped(cache.get(sha256, Deferred.await(arrives)))
      const waiting = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 8 }, () => get),
          { concurrency: "unbounded" }
        )
      )
      yield* Effect.yieldNow
      yield* Deferred.succeed(arrives, bytes)
      yield* Fiber.join(waiting)
      assert.deepStrictEqual(yield* cache.stats, { bytes: 0, fetched: 1, hits: 7 })
      yield* get
      assert.deepStrictEqual(yield* cache.stats, { bytes: 0, fetched: 2, hits: 7 })
    })
  )

  it.effect("K10 one whose fetch fails or is interrupted fails alone: the next one fetches", () =>
    Effect.gen(function* () {
      const cache = yield* blobs.make(100)
      const { bytes, sha256 } = blob("hello")
      const fails = yield* Deferred.make<Uint8Array, string>()
      const first = yield* Effect.forkChild(Effect.scoped(cache.get(sha256, Deferred.await(fails))), {
        startImmediately: true
      })
      const isFetching = yield* Deferred.make<void>()
      const hangs = Effect.andThen(Deferred.succeed(isFetching, undefined), Effect.never)
      const second = yield* Effect.forkChild(Effect.scoped(cache.get(sha256, hangs)), { startImmediately: true })
      const third = yield* Effect.forkChild(Effect.scoped(cache.get(sha256, Effect.succeed(bytes))), {
        startImmediately: true
      })
      yield* Deferred.fail(fails, "gone")
      assert.deepStrictEqual(yield* Fiber.await(first), Exit.fail("gone"))
      yield* Deferred.await(isFetching)
      yield* Fiber.interrupt(second)
      assert.strictEqual(yield* Fiber.join(third), bytes)
      assert.strictEqual((yield* cache.stats).fetched, 3)
    })
  )

  it.effect("K10 what arrives as something else is refused, and not kept", () =>
    Effect.gen(function* () {
      const cache = yield* blobs.make(100)
      const { bytes, sha256 } = blob("hello")
      const other = blob("HELLO")
      const error = yield* failure(Effect.scoped(cache.get(sha256, Effect.succeed(other.bytes))))
      assert.deepStrictEqual([error._tag, error.sha256, error.arrived], ["BlobMismatch", sha256, other.sha256])
      assert.strictEqual(yield* Effect.scoped(cache.get(sha256, Effect.succeed(bytes))), bytes)
    })
  )

  it.effect("K10 those used last are kept, and one in use is not dropped", () =>
    Effect.gen(function* () {
      const cache = yield* blobs.make(30)
      const fetches: Array<string> = []
      const get = (name: string) => {
        const { bytes, sha256 } = blob(name, 10)
        return cache.get(
          sha256,
          Effect.sync(() => (fetches.push(name), bytes))
        )
      }
      const scope = yield* Scope.make()
      yield* Scope.provide(get("a"), scope)
      for (const name of ["b", "c", "b", "d", "b", "e"]) yield* Effect.scoped(get(name))
      // "a" is in use, and of the others the last two were "b" and "e"
      assert.deepStrictEqual(fetches, ["a", "b", "c", "d", "e"])
      yield* Effect.scoped(get("a"))
      yield* Scope.close(scope, Exit.void)
      for (const name of ["a", "b", "e"]) yield* Effect.scoped(get(name))
      assert.deepStrictEqual(fetches, ["a", "b", "c", "d", "e"])
      assert.strictEqual((yield* cache.stats).bytes, 30)
    })
  )
})

describe("least recently used", () => {
  const steps = Arbitrary.array(
    Arbitrary.all({ kind: oneOf("use", "use", "release", "release", "put"), name: integer(0, 7) }),
    { minLength: 1, maxLength: 200 }
  )
  /** A blob of its own length for each name; the last is larger than most limits. */
  const lengths = [0, 1, 3, 5, 8, 13, 21, 90]

  it.prop(
    "K10 never more bytes than the limit are kept, and none that is in use is dropped",
    { limit: integer(0, 60), steps },
    ({ limit, steps }) => {
      const lru = new Lru(limit)
      const users = lengths.map(() => 0)
      const held = lengths.map((): Uint8Array | undefined => undefined)
      for (const { kind, name } of steps) {
        const key = String(name)
        if (kind === "use") {
          lru.use(key)
          users[name]!++
        } else if (kind === "put" && users[name]! > 0 && lru.get(key) === undefined) {
          lru.put(key, new Uint8Array(lengths[name]!))
        } else if (kind === "release" && users[name]! > 0) {
          lru.release(key)
          users[name]!--
        }
        assert.isAtMost(lru.bytes, limit)
        let kept = 0
        for (const [other, before] of held.entries()) {
          const now = lru.get(String(other))
          if (users[other]! > 0 && before !== undefined) assert.strictEqual(now, before)
          held[other] = now
          if (users[other] === 0 && now !== undefined) kept += now.byteLength
        }
        // whatever nobody uses and is there counts
        assert.isAtMost(kept, lru.bytes)
        assert.isAtMost(lru.size, lengths.length)
      }
      for (const [name, count] of users.entries()) for (let n = 0; n < count; n++) lru.release(String(name))
      // what is left is exactly what is kept
      const left = lengths.map((_, name) => lru.get(String(name))?.byteLength ?? 0)
      assert.strictEqual(
        left.reduce((sum, length) => sum + length, 0),
        lru.bytes
      )
    },
    runs(500)
  )

  it.prop(
    "K10 used one after another, those kept are the last used ones that fit",
    { limit: integer(0, 60), names: Arbitrary.array(integer(0, 7), { minLength: 1, maxLength: 60 }) },
    ({ limit, names }) => {
      const lru = new Lru(limit)
      let expected: Array<number> = []
      for (const name of names) {
        lru.use(String(name))
        if (lru.get(String(name)) === undefined) lru.put(String(name), new Uint8Array(lengths[name]!))
        lru.release(String(name))
        if (lengths[name]! > limit) continue
        expected = [name, ...expected.filter((other) => other !== name)]
        const total = () => expected.reduce((sum, other) => sum + lengths[other]!, 0)
        while (total() > limit) expected.pop()
      }
      const kept = lengths.map((_, name) => name).filter((name) => lru.get(String(name)) !== undefined)
      assert.deepStrictEqual(kept, expected.toSorted())
    },
    runs(300)
  )
})
