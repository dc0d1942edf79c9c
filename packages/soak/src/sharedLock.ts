/**
 * Many may share it, or one has it for itself; first come, first served.
 */
import * as Effect from "effect/Effect"

export class SharedLock {
  private sharing = 0
  private isTaken = false
  private readonly waiting: Array<{ readonly isAlone: boolean; readonly go: () => void }> = []

  /** Waits for a share. */
  readonly share: Effect.Effect<void> = this.enter(false)

  /** Waits until nobody else has any of it. */
  readonly take: Effect.Effect<void> = this.enter(true)

  /** Takes a share without waiting, beside somebody who has one. */
  join(): void {
    this.sharing++
  }

  leave(): void {
    if (this.isTaken) this.isTaken = false
    else this.sharing--
    this.admit()
  }

  private enter(isAlone: boolean): Effect.Effect<void> {
    return Effect.callback((resume) => {
      this.waiting.push({ isAlone, go: () => resume(Effect.void) })
      this.admit()
    })
  }

  private admit(): void {
    for (;;) {
      const [first] = this.waiting
      if (first === undefined || this.isTaken || (first.isAlone && this.sharing > 0)) return
      this.waiting.shift()
      if (first.isAlone) this.isTaken = true
      else this.sharing++
      first.go()
    }
  }
}
