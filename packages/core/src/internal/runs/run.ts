/**
 * One `run` in progress. There may be very many of them, so each is a single small object.
 */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Releases } from "../common/releases.ts"
import type { RunGroup } from "./runGroup.ts"

export type RunExit = Exit.Exit<unknown, unknown>

/** Called once, in a turn, with the Exit of a `run`, and with the releases that its caller has to wait for, if there are any. */
export type Settled = (run: Run, exit: RunExit, releases: Releases | undefined) => void

export class Run {
  readonly input: unknown
  readonly group: RunGroup
  /** Lets the caller go on with an Effect. */
  readonly resume: (effect: Effect.Effect<unknown, unknown>) => void
  /** Its ordinal in the group's call, once it is in a chunk; -1 before. */
  ordinal = -1
  isSettled = false
  /** How it was settled, until its caller is told. */
  exit: RunExit = Exit.void
  releases: Releases | undefined = undefined
  /** Whether its caller has been told: that happens at the end of the turn that settles it. */
  isTold = false
  /** Set when its caller is interrupted, which waits for its end: called then, in place of the group's `settled`. */
  interrupted: ((releases: Releases | undefined) => void) | undefined = undefined

  constructor(group: RunGroup, input: unknown, resume: Run["resume"]) {
    this.group = group
    this.input = input
    this.resume = resume
  }

  /** Whether its caller still waits for its outcome. */
  get isWanted(): boolean {
    return !this.isSettled && this.interrupted === undefined
  }

  /** Whether no worker has had it yet. */
  get isWaiting(): boolean {
    return this.ordinal < 0 && !this.isSettled
  }

  settle(exit: RunExit, releases?: Releases): void {
    if (this.isSettled) return
    this.isSettled = true
    this.group.settled(this, exit, releases)
  }
}
