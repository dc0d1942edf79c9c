/**
 * Empties the pool: releases or kills all workers, which ends the session. Calls that come meanwhile wait (L6).
 */
import * as Effect from "effect/Effect"
import type { Releases } from "../common/releases.ts"
import type { Turn } from "../common/turn.ts"
import type { Dispatcher } from "../dispatcher/dispatcher.ts"
import type { Hooks } from "../slot/hooks.ts"
import type { Slots } from "../slot/slots.ts"
import type { Gate } from "./gate.ts"
import type { Session } from "./session.ts"

export interface EmptyingParts {
  readonly turn: Turn
  readonly gate: Gate
  readonly session: Session
  readonly dispatcher: Dispatcher
  readonly slots: Slots
}

export class Emptying {
  private readonly parts: EmptyingParts
  /** How many emptyings are in progress: a `terminate` can begin while the end of a call empties the pool. */
  private inProgress = 0

  constructor(parts: EmptyingParts) {
    this.parts = parts
  }

  /**
   * Begins to release all workers, in the turn that is in progress; the Effect completes when they are gone. All of them
   * run the same `exit`, that of `hooks` (L6).
   */
  release(releases: Releases, hooks: Hooks): Effect.Effect<void> {
    this.begin()
    this.parts.slots.retireAll(releases, hooks)
    return Effect.map(releases.settle, () => this.parts.turn.take(() => this.end()))
  }

  /**
   * Marks all workers as killed, in the turn that is in progress; the Effect completes when they have ended. `marked` is
   * called in between: calls that fail in it do not release them.
   */
  kill(marked: () => void): Effect.Effect<void> {
    this.begin()
    const kills = this.parts.slots.killAll()
    marked()
    return Effect.andThen(
      Effect.forEach(kills, (kill) => kill, { concurrency: "unbounded", discard: true }),
      Effect.sync(() => this.parts.turn.take(() => this.end()))
    )
  }

  private begin(): void {
    const { dispatcher, gate } = this.parts
    this.inProgress++
    // calls and runs that were admitted before must not acquire a worker now: the emptying would miss it
    dispatcher.pause()
    gate.close()
  }

  private end(): void {
    const { dispatcher, gate, session } = this.parts
    this.inProgress--
    if (this.inProgress === 0) {
      session.end()
      if (dispatcher.waiting.length > 0) session.goOn()
    }
    gate.open()
    dispatcher.resume()
  }
}
