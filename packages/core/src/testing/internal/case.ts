import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Portable from "../../Portable.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import type { WorkerRuntime } from "../../WorkerRuntime.ts"

export type Need = "cloning" | "transfer" | "sharedMemory" | "killing" | "vanishing" | "signals" | "near" | "dataUrls"

/** An ordinary accident that a case is about. */
export interface Accident {
  /** What happened. */
  readonly what: string
  /** What becomes of it in other pools. */
  readonly elsewhere: string
}

/** A case before it is given its own Scope and a limit of time. */
export interface Case {
  readonly rule: string
  readonly name: string
  readonly needs?: ReadonlyArray<Need>
  readonly accident?: Accident
  readonly effect: Effect.Effect<void, unknown, WorkerRuntime | Scope.Scope>
}

/** Tasks without Effect, as addresses: this side does not load them. */
export const plain = Portable.module<typeof import("../suite.plain.tasks.ts")>(
  new URL("../suite.plain.tasks.ts", import.meta.url)
)

/** Tasks with Effect, as addresses. */
export const tasks = Portable.module<typeof import("../suite.tasks.ts")>(new URL("../suite.tasks.ts", import.meta.url))

/** Tasks and hooks that do harm, as addresses. */
export const harmful = Portable.module<typeof import("../suite.accidents.tasks.ts")>(
  new URL("../suite.accidents.tasks.ts", import.meta.url)
)

/** Tasks and hooks that return or throw what throws when it is looked at, as addresses. */
export const hostile = Portable.module<typeof import("../suite.hostile.tasks.ts")>(
  new URL("../suite.hostile.tasks.ts", import.meta.url)
)

/** The same with Effect, as addresses. */
export const hostileEffects = Portable.module<typeof import("../suite.hostileEffects.tasks.ts")>(
  new URL("../suite.hostileEffects.tasks.ts", import.meta.url)
)

/** Tasks and hooks that update metrics, as addresses. */
export const measuring = Portable.module<typeof import("../suite.metrics.tasks.ts")>(
  new URL("../suite.metrics.tasks.ts", import.meta.url)
)

/** A pool that takes hooks with any state: for cases in which hooks are what goes wrong. */
export type LaxPool = WorkerPool.WorkerPool<any, any, any>

/** Makes a pool that takes hooks with any state. */
export const makeLax = (
  options: WorkerPool.PoolOptions & {
    readonly init?: Portable.Portable<unknown>
    readonly exit?: Portable.Portable<unknown>
  }
): Effect.Effect<LaxPool, WorkerPoolError, WorkerRuntime | Scope.Scope> => WorkerPool.make(options as {}) as any

/**
 * A module with that text. In base64, because Bun takes what follows a dot in a text for the extension of a file, and does not run
 * it.
 */
export const moduleOf = <M>(text: string) => Portable.module<M>(`data:text/javascript;base64,${btoa(text)}`)

/**
 * A `killAfter`, in milliseconds, that is long enough not to kill what yields, even on a busy machine, and shorter than what a case
 * may take.
 */
export const ample = 8000

/** Options of a pool with one worker, whose state is a journal that its exit hook returns. */
export const journaled = { size: 1, init: plain.openJournal, exit: plain.closeJournal, killAfter: ample }
