/**
 * One `run` in progress. There may be very many of them at once, so each is a single object with few fields.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Exit from "effect/Exit"
import { keepHiddenClass } from "../common/hiddenClasses.ts"
import type { Releases } from "../common/releases.ts"
import type { TracedCall } from "../common/tracing.ts"
import type { RunGroup } from "./runGroup.ts"

export type RunExit = Exit.Exit<unknown, unknown>

/** Called once, in a turn, when a `run` has been settled; `releases` are those that its caller has to wait for, if any. */
export type Settled = (run: Run, releases: Releases | undefined) => void

export type Resume = (effect: Effect.Effect<unknown, unknown>) => void

export class Run {
  readonly input: unknown
  readonly group: RunGroup
  /** Its caller's, with its own span in it where it has one. */
  readonly context: Context.Context<never>
  readonly traced: TracedCall | undefined
  /** Lets the caller go on with an Effect; `undefined` once it has: it does at the end of the turn that settles the `run`. */
  resume: Resume | undefined
  /** Its ordinal in the group's call, once it is in a chunk; -1 before. */
  ordinal = -1
  /** How it was settled, once it is. */
  exit: RunExit | undefined = undefined
  /** Set when its caller is interrupted, which waits for its end: called then, in place of `resume`. */
  interrupted: ((releases: Releases | undefined) => void) | undefined = undefined

  static {
    const run = new Run(undefined as never, undefined, Context.empty(), undefined, () => {})
    run.resume = undefined
    run.ordinal = 0
    run.exit = Exit.void
    run.interrupted = () => {}
    keepHiddenClass(run)
  }

  constructor(
    group: RunGroup,
    input: unknown,
    context: Context.Context<never>,
    traced: TracedCall | undefined,
    resume: Resume
  ) {
    this.group = group
    this.context = context
    this.traced = traced
    this.input = input
    this.resume = resume
  }

  get isSettled(): boolean {
    return this.exit !== undefined
  }

  /** Whether its caller still waits for its outcome. */
  get isWanted(): boolean {
    return this.exit === undefined && this.interrupted === undefined
  }

  /** Whether no worker has had it yet. */
  get isWaiting(): boolean {
    return this.ordinal < 0 && this.exit === undefined
  }

  settle(exit: RunExit, releases?: Releases): void {
    if (this.exit !== undefined) return
    this.exit = exit
    this.group.settled(this, releases)
  }
}

Object.setPrototypeOf(
  Run.prototype,
  Effectable.Prototype<Run & Effect.Effect<void>>({
    label: "Run",
    evaluate() {
      return this.group.interrupted(this)
    }
  })
)

/**
 * As an Effect it ends itself: one is needed for each, in case that its caller is interrupted, and would be an object more.
 * Its class does not extend another for that, because two constructors more for each of thousands would be felt.
 */
export const ending = (run: Run): Effect.Effect<void> => run as Run & Effect.Effect<void>
