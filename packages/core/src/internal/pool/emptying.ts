/**
 * Empties the pool, by which its session ends; calls that come meanwhile wait (L6).
 */
import * as Effect from "effect/Effect"
import type { Releases } from "../common/releases.ts"
import type { Dispatcher } from "../dispatcher/dispatcher.ts"
import type { Hooks } from "../slot/hooks.ts"
import type { Slots } from "../slot/slots.ts"
import type { Gate } from "./gate.ts"
import type { Session } from "./session.ts"

export interface EmptyingParts {
  readonly gate: Gate
  readonly session: Session
  readonly dispatcher: Dispatcher
  readonly slots: Slots
}

export class Emptying {
  private readonly parts: EmptyingParts
  /** How many times the pool is being emptied now. */
  private inProgress = 0

  constructor(parts: EmptyingParts) {
    this.parts = parts
  }

  /** Releases all workers with `hooks`, which are read once, first (L6). */
  release(releases: Releases, hooks: () => Hooks): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.begin()
      this.parts.slots.retireAll(releases, hooks())
      return Effect.map(releases.settle, () => this.end())
    })
  }

  /** Kills all workers. `marked` is called when they count as killed, so that the end of a call releases none any more. */
  kill(marked: () => void): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.begin()
      const kills = this.parts.slots.killAll()
      marked()
      return Effect.andThen(
        Effect.forEach(kills, (kill) => kill, { concurrency: "unbounded", discard: true }),
        Effect.sync(() => this.end())
      )
    })
  }

  private begin(): void {
    const { dispatcher, gate } = this.parts
    this.inProgress++
    // runs and calls that were admitted before get no worker that the emptying would not see
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
