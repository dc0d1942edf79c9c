/**
 * Bound values and sources of inline tasks on a runner (K10): named by their sha256, fetched once however many workers ask for them
 * at once, and kept for those that come later.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { createHash } from "node:crypto"
import { BlobMismatch } from "../../ClusterError.ts"
import { Lru } from "./lru.ts"

/** How many bytes are hashed before others may go on: about 10 milliseconds of work. */
const slice = 1 << 22

/** The name of bytes: their sha256, in hex. */
export const nameOf = (bytes: Uint8Array): Effect.Effect<string> =>
  Effect.gen(function* () {
    const hash = createHash("sha256")
    for (let at = 0; at < bytes.byteLength; at += slice) {
      if (at > 0) yield* Effect.yieldNow
      hash.update(bytes.subarray(at, at + slice))
    }
    return hash.digest("hex")
  })

export interface Stats {
  /** How many bytes are kept: never more than the limit. What is in use beside them is not counted. */
  readonly bytes: number
  /** How often something had to be fetched. */
  readonly fetched: number
  /** How often it did not. */
  readonly hits: number
}

export interface Blobs {
  /**
   * The bytes of that name, which stay until the Scope closes. They are shared: nobody may change them. Where they are not
   * there, `fetch` gets them, for all who want them meanwhile: if it fails or is interrupted, that is the caller's alone, and
   * the next one fetches them by its own.
   */
  readonly get: <E, R>(
    sha256: string,
    fetch: Effect.Effect<Uint8Array, E, R>
  ) => Effect.Effect<Uint8Array, E | BlobMismatch, R | Scope.Scope>
  readonly stats: Effect.Effect<Stats>
}

/** Whoever wants one blob waits for whoever fetches it. */
interface Turn {
  readonly lock: Semaphore.Semaphore
  users: number
}

/** A cache that keeps at most so many bytes. */
export const make = Effect.fnUntraced(function* (limit: number): Effect.fn.Return<Blobs> {
  const lru = new Lru(limit)
  const turns = new Map<string, Turn>()
  let fetched = 0
  let hits = 0

  // begun before waiting, so that what was fetched for another one is still there afterwards
  const use = (sha256: string): Turn => {
    const turn = turns.get(sha256) ?? { lock: Semaphore.makeUnsafe(1), users: 0 }
    turn.users++
    turns.set(sha256, turn)
    lru.use(sha256)
    return turn
  }

  const release = (sha256: string, turn: Turn): void => {
    if (--turn.users === 0) turns.delete(sha256)
    lru.release(sha256)
  }

  return {
    get: Effect.fnUntraced(function* (sha256, fetch) {
      const turn = yield* Effect.acquireRelease(
        Effect.sync(() => use(sha256)),
        (turn) => Effect.sync(() => release(sha256, turn))
      )
      return yield* turn.lock.withPermits(1)(
        Effect.gen(function* () {
          const known = lru.get(sha256)
          if (known !== undefined) {
            hits++
            return known
          }
          fetched++
          const bytes = yield* fetch
          const arrived = yield* nameOf(bytes)
          if (arrived !== sha256) return yield* new BlobMismatch({ sha256, arrived })
          lru.put(sha256, bytes)
          return bytes
        })
      )
    }),
    stats: Effect.sync(() => ({ bytes: lru.bytes, fetched, hits }))
  }
})
