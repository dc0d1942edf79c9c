import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Turn } from "../common/turn.ts"

/** Makes callers wait while it is closed: until `open` has been called as often as `close`. */
export class Gate {
  private readonly turn: Turn
  private closures = 0
  private opened: Deferred.Deferred<void> | undefined = undefined

  constructor(turn: Turn) {
    this.turn = turn
  }

  get isOpen(): boolean {
    return this.closures <= 0
  }

  close(): void {
    this.closures++
  }

  open(): void {
    this.closures--
    if (this.closures === 0) this.wake()
  }

  /** Opens it for good, so that callers of a closed pool get their error instead of waiting. */
  abolish(): void {
    this.closures = Number.NEGATIVE_INFINITY
    this.wake()
  }

  /**
   * Calls `enter` in a turn, when the gate is open. After a wait it looks again, because the gate may have been closed anew before
   * the caller went on. `restore` makes the wait interruptible where the caller is not.
   */
  pass<A, E>(
    enter: () => Effect.Effect<A, E>,
    restore: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
  ): Effect.Effect<A, E> {
    return this.turn.enter(() => {
      if (this.isOpen) return enter()
      this.opened ??= Deferred.makeUnsafe()
      return Effect.andThen(restore(Deferred.await(this.opened)), this.pass(enter, restore))
    })
  }

  private wake(): void {
    const { opened } = this
    this.opened = undefined
    if (opened !== undefined) this.turn.complete(opened, Exit.void)
  }
}
