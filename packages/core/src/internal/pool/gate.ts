import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** Makes callers wait while it is closed: until it has been opened as often as it was closed. */
export class Gate {
  private closures = 0
  private opened: Deferred.Deferred<void> | undefined = undefined

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

  /** Opens it for good. */
  abolish(): void {
    this.closures = Number.NEGATIVE_INFINITY
    this.wake()
  }

  /**
   * Calls `enter` as soon as the gate is open, with nothing in between that could close it. In an uninterruptible region
   * `restore` makes the wait interruptible.
   */
  pass<A, E>(
    enter: () => Effect.Effect<A, E>,
    restore: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
  ): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      if (this.isOpen) return enter()
      this.opened ??= Deferred.makeUnsafe()
      return Effect.andThen(restore(Deferred.await(this.opened)), this.pass(enter, restore))
    })
  }

  private wake(): void {
    const { opened } = this
    this.opened = undefined
    if (opened !== undefined) Deferred.doneUnsafe(opened, Exit.void)
  }
}
