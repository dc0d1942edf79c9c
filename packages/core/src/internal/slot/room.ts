/**
 * While the runtime has no place for a worker of a slot, that is no failure: the slot waits for a moment, or until the runtime
 * says that there may be one, and then tries again (K7).
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { Fork } from "../common/fork.ts"
import type { Later } from "../common/later.ts"
import type { Turn } from "../common/turn.ts"

/** How long a slot waits before it tries again, in milliseconds. */
const moment = 200

export interface RoomOptions {
  readonly later: Later
  readonly fork: Fork
  readonly turn: Turn
}

export class Room {
  private readonly options: RoomOptions
  private readonly onOver: () => void
  private wait: { readonly over: Deferred.Deferred<void>; readonly cancel: () => void } | undefined = undefined
  private isDisposed = false

  /** `onOver` is called, in a turn, when the slot may try again. */
  constructor(options: RoomOptions, onOver: () => void) {
    this.options = options
    this.onOver = onOver
  }

  /** Whether the slot waits. */
  get isAwaited(): boolean {
    return this.wait !== undefined
  }

  /** Completes when the slot does not wait any more. */
  readonly awaited: Effect.Effect<void> = Effect.suspend(() =>
    this.wait === undefined ? Effect.void : Deferred.await(this.wait.over)
  )

  /** There is no room; `again` completes when there may be. */
  lack(again: Effect.Effect<void> | undefined): void {
    const { fork, later, turn } = this.options
    if (this.isDisposed || this.wait !== undefined) return
    let fiber: Fiber.Fiber<void> | undefined
    const cancelLater = later(moment, () => this.end())
    this.wait = {
      over: Deferred.makeUnsafe(),
      cancel: () => {
        cancelLater()
        fiber?.interruptUnsafe()
      }
    }
    if (again === undefined) return
    const { wait } = this
    const mayBe = Effect.map(again, () =>
      turn.take(() => {
        if (this.wait === wait) this.end()
      })
    )
    // told, because it may complete at once
    turn.tell(() => {
      if (this.wait === wait) fiber = fork(mayBe)
    })
  }

  /** The pool is closed. */
  dispose(): void {
    this.isDisposed = true
    this.end()
  }

  private end(): void {
    const { wait } = this
    if (wait === undefined) return
    this.wait = undefined
    wait.cancel()
    this.options.turn.complete(wait.over, Exit.void)
    if (!this.isDisposed) this.onOver()
  }
}
