/**
 * The `run`s of a pool. Those of one task that are in progress together share a call, so that those that wait can share
 * chunks; each has an outcome of its own.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import type { Code } from "../../WorkerRuntime.ts"
import type { Call } from "../call/call.ts"
import type { Releases } from "../common/releases.ts"
import type { TracedCall } from "../common/tracing.ts"
import { guarded, reportUncaught } from "../common/turn.ts"
import { ending, type Resume, Run, type RunExit, type Settled } from "./run.ts"
import { type GroupEvents, type GroupOptions, RunGroup, type RunRequest } from "./runGroup.ts"

export interface RunsOptions extends GroupOptions {
  /** A call that `run`s share has ended, or rests. */
  readonly ended: (call: Call) => void
  /** The error for a `run` that has just begun to wait, if too many wait now (C10). */
  readonly overloaded: () => WorkerPoolError | undefined
  /** Logs what releases failed with when their caller was interrupted, and so does not see it (L10). */
  readonly logFailures: (failures: ReadonlyArray<WorkerPoolError>) => Effect.Effect<void>
}

export class Runs {
  private readonly options: RunsOptions
  private readonly groups = new Map<Code, Array<RunGroup>>()
  /** The group that rests. Only the last one is kept, because each keeps its task and its caller's context in memory. */
  private resting: RunGroup | undefined = undefined
  /** The group that the last `run` joined. */
  private last: RunGroup | undefined = undefined
  /** Those that have been settled in this turn and have no releases to wait for. */
  private untold: Array<Run> = []
  /** How many `run`s are in progress. */
  inProgress = 0

  constructor(options: RunsOptions) {
    this.options = options
  }

  /** How many `run`s wait for a worker. */
  get waiting(): number {
    let waiting = 0
    for (const groups of this.groups.values()) for (const { available } of groups) waiting += available
    return waiting
  }

  /** Begins a `run`; `resume` is called with its Exit. The Effect ends it when its caller is interrupted (C5). */
  begin(
    input: unknown,
    request: RunRequest,
    context: Context.Context<never>,
    traced: TracedCall | undefined,
    resume: Resume
  ): Effect.Effect<void> {
    const { overloaded, turn } = this.options
    turn.begin()
    let run: Run
    try {
      run = new Run(this.groupFor(request), input, context, traced, resume)
      this.inProgress++
      run.group.add(run)
    } finally {
      turn.end()
    }
    // whether it waits is known when the turn has handed it out, if it could
    const error = run.isWaiting ? overloaded() : undefined
    if (error !== undefined) this.refuse(run, error)
    return ending(run)
  }

  /** Here and below, what is seldom done has a method of its own: a function in one that each `run` calls costs them all. */
  private refuse(run: Run, error: WorkerPoolError): void {
    this.options.turn.take(() => {
      if (!run.isWaiting) return
      run.settle(Exit.fail(error))
      run.group.interrupt(run)
    })
  }

  /** Those that one turn settles are told together: there may be thousands. */
  private readonly settled: Settled = (run, releases) => {
    if (releases !== undefined) this.tellLater(run, releases)
    else if (this.untold.push(run) === 1) this.options.turn.tell(this.tellSettled)
  }

  private tellLater(run: Run, releases: Releases): void {
    this.options.turn.tell(() => this.tell(run, releases))
  }

  private readonly tellSettled = (): void => {
    const runs = this.untold
    this.untold = []
    let next = 0
    const tellNext = () => {
      while (next < runs.length) this.tell(runs[next++]!, undefined)
    }
    // an observer of a caller's fiber may throw: the others are told all the same
    while (next < runs.length) guarded(tellNext, reportUncaught)
  }

  private tell(run: Run, releases: Releases | undefined): void {
    const { exit, interrupted, resume } = run
    run.resume = undefined
    if (interrupted !== undefined) return interrupted(releases)
    if (exit === undefined || resume === undefined) return
    if (releases !== undefined) return resume(this.afterReleases(exit, releases))
    this.inProgress--
    resume(exit)
  }

  /** Ends a `run` whose caller is interrupted; what failed in the releases that it caused is logged. */
  private interrupt(run: Run): Effect.Effect<void> {
    // it has been told that the task was interrupted in its worker
    if (run.resume === undefined) return Effect.void
    const ended = Effect.callback<Releases | undefined>((resume) => {
      run.interrupted = (releases) => resume(Effect.succeed(releases))
      this.options.turn.take(() => {
        // it may have been settled, and be about to be told
        if (!run.isSettled && run.group.interrupt(run)) run.settle(Exit.interrupt())
      })
    })
    return Effect.flatMap(ended, (releases) => {
      if (releases !== undefined) return Effect.flatMap(this.released(releases), this.options.logFailures)
      this.inProgress--
      return Effect.void
    })
  }

  private afterReleases(exit: RunExit, releases: Releases): Effect.Effect<unknown, unknown> {
    return Effect.uninterruptible(Effect.flatMap(this.released(releases), (failures) => withFailures(exit, failures)))
  }

  private released(releases: Releases): Effect.Effect<ReadonlyArray<WorkerPoolError>> {
    return Effect.map(releases.settle, (failures) => {
      this.inProgress--
      return failures
    })
  }

  private groupFor(request: RunRequest): RunGroup {
    // most are of the same task as the one before
    if (this.last?.isFor(request) === true) return this.last
    return (this.last = this.findFor(request))
  }

  private findFor(request: RunRequest): RunGroup {
    let groups = this.groups.get(request.task)
    if (groups === undefined) {
      groups = []
      this.groups.set(request.task, groups)
    }
    for (const group of groups) if (group.admits(request)) return group
    const group = new RunGroup(this.options, request, this.settled, this.groupEvents)
    groups.push(group)
    return group
  }

  private readonly groupEvents: GroupEvents = {
    interrupted: (run) => this.interrupt(run),
    onEnd: (group) => {
      this.remove(group)
      this.options.ended(group.call)
    },
    onRest: (group) => {
      const { resting } = this
      this.resting = group
      // it may have been woken, or have ended, since it came to rest
      if (resting !== group && resting?.call.isResting === true) this.remove(resting)
      this.options.ended(group.call)
    }
  }

  private remove(group: RunGroup): void {
    if (this.last === group) this.last = undefined
    const { task } = group.call.options
    const groups = this.groups.get(task) ?? []
    if (groups.length <= 1) this.groups.delete(task)
    else
      this.groups.set(
        task,
        groups.filter((other) => other !== group)
      )
  }
}

/** The Exit of a `run`, with what failed in the releases that its caller had to wait for (L10). */
const withFailures = (exit: RunExit, failures: ReadonlyArray<WorkerPoolError>): RunExit => {
  if (failures.length === 0) return exit
  const reasons = Exit.isFailure(exit) ? exit.cause.reasons : []
  return Exit.failCause(Cause.fromReasons([...reasons, ...failures.map(Cause.makeFailReason)]))
}
