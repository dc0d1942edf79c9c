/**
 * One turn of the pool at a time, in both directions (F8). The engine changes its state in turns. What users' code or a
 * runtime asks of the pool while one is in progress is done after it, in a turn of its own; callers, waiters and
 * runtimes are told what has happened at its end, and what they ask then begins a new turn. So nothing in the engine is
 * ever entered twice, and no part of it sees another half changed.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"

/**
 * Calls code that may throw: users' code, or a runtime's. Returns `undefined` when it throws, after `failed` has been
 * called with what it threw. On the pool's side, this is the one way in which such code is called during a turn.
 */
export const guarded = <A>(code: () => A, failed: (defect: unknown) => void): A | undefined => {
  try {
    return code()
  } catch (defect) {
    failed(defect)
    return undefined
  }
}

/** Reports it as the platform reports exceptions that nobody catches, without ending what is being done here. */
export const reportUncaught = (defect: unknown): void =>
  queueMicrotask(() => {
    throw defect
  })

/** How many entries of the queue may be done before their memory is given back. */
const longestDone = 1024

export class Turn {
  /** Whether a turn is in progress. */
  isOpen = false
  /** Called at the end of a turn that wants it, before anybody is told: hands out what the turn has made possible. */
  handOut: () => void = () => {}
  /** Whether `handOut` is to be called at the end of the turn. */
  private isHandOutWanted = false
  /** What is done after the turn, in this order: tellings, and turns that were asked for meanwhile. */
  private queue: Array<() => void> = []
  private isTelling = false
  /** Whether the turn's end has anything to do: most turns only put a result into a sink. */
  private isDirty = false

  /** Runs `step` as a turn: now, or after the turn that is in progress. */
  take(step: () => void): void {
    if (this.isOpen) {
      this.push(() => this.take(step))
      return
    }
    this.isOpen = true
    guarded(step, reportUncaught)
    this.end()
  }

  /** Begins a turn, which `end` must follow, whatever happens. Only while none is in progress; as `take`, but faster. */
  begin(): void {
    this.isOpen = true
  }

  end(): void {
    if (this.isDirty) this.settle()
    else this.isOpen = false
  }

  private settle(): void {
    this.isDirty = false
    if (this.isHandOutWanted) guarded(this.handOut, reportUncaught)
    this.isOpen = false
    if (this.queue.length > 0 && !this.isTelling) this.tellAll()
  }

  /** Has `handOut` called at the end of the turn that is in progress. */
  wantHandOut(): void {
    this.isHandOutWanted = true
    this.isDirty = true
  }

  /** Whether `handOut` has been asked for since this was last called. */
  takeHandOut(): boolean {
    const { isHandOutWanted } = this
    this.isHandOutWanted = false
    return isHandOutWanted
  }

  /** Runs `step` as a turn, in the caller's fiber, and then the Effect that it returns. If it throws, that is a defect. */
  enter<A, E, R>(step: () => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.suspend(() => {
      if (this.isOpen) return Effect.andThen(this.ended, this.enter(step))
      this.isOpen = true
      try {
        return step()
      } finally {
        this.end()
      }
    })
  }

  /** Completes at the end of the turn that is in progress. */
  private readonly ended: Effect.Effect<void> = Effect.callback((resume) => this.tell(() => resume(Effect.void)))

  /**
   * Tells somebody outside something, at the end of the turn: they may go on at once, with anything. What is told
   * outside a turn is told now.
   */
  tell(telling: () => void): void {
    this.push(telling)
    if (!this.isOpen && !this.isTelling) this.tellAll()
  }

  /** Completes a Deferred: its waiters are told at the end of the turn. Without any, nothing is run, and it is done now. */
  complete<A, E>(deferred: Deferred.Deferred<A, E>, exit: Exit.Exit<A, E>): void {
    if (deferred.resumes === undefined) Deferred.doneUnsafe(deferred, exit)
    else this.tell(() => Deferred.doneUnsafe(deferred, exit))
  }

  private push(entry: () => void): void {
    this.isDirty = true
    this.queue.push(entry)
  }

  private tellAll(): void {
    this.isTelling = true
    for (let next = 0; next < this.queue.length; next++) {
      // an observer of a caller's fiber may throw: the others are told all the same
      guarded(this.queue[next] as () => void, reportUncaught)
      if (next < longestDone) continue
      this.queue = this.queue.slice(next + 1)
      next = -1
    }
    this.queue.length = 0
    this.isTelling = false
  }
}
