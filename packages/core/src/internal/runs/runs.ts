/**
 * The `run`s of a pool. Those of one task that are in progress together share a call, so that those that wait can share
 * chunks; each has an outcome of its own.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Code } from "../../WorkerRuntime.ts"
import type { Call } from "../call/call.ts"
import type { Releases } from "../common/releases.ts"
import { type EntryHost, type GroupHost, type Outcome, RunEntry, RunGroup, type RunRequest } from "./runGroup.ts"

/** What the `run`s ask of their pool. */
export interface RunsHost extends GroupHost {
  readonly began: (call: Call) => void
  readonly ended: (call: Call) => void
  /** Why one that waits must not, if too many do. */
  readonly overloaded: () => WorkerPoolError.WorkerPoolError | undefined
  /** Logs what nobody else hears of. */
  readonly releasesFailed: (failures: ReadonlyArray<WorkerPoolError.WorkerPoolError>) => Effect.Effect<void>
}

export class Runs implements EntryHost {
  private readonly host: RunsHost
  private readonly groups = new Map<Code, Array<RunGroup>>()
  /** How many are in progress. */
  inProgress = 0

  constructor(host: RunsHost) {
    this.host = host
  }

  /** How many wait for a worker. */
  get waiting(): number {
    let waiting = 0
    for (const groups of this.groups.values()) for (const { available } of groups) waiting += available
    return waiting
  }

  /** Begins one, which `resume` hears of; returns what ends it when nobody waits for it any more (C5). */
  begin(input: unknown, request: RunRequest, resume: RunEntry["resume"]): Effect.Effect<void> {
    const entry = new RunEntry(this, this.group(request), input, resume)
    this.inProgress++
    entry.group.add(entry)
    if (entry.group.isWaiting(entry)) {
      const error = this.host.overloaded()
      if (error !== undefined) {
        entry.settle(Exit.fail(error))
        entry.group.drop(entry)
      }
    }
    return Effect.suspend(() => this.abandon(entry))
  }

  /** One of them is over. */
  settled(): void {
    this.inProgress--
  }

  afterReleases(outcome: Outcome, releases: Releases): Effect.Effect<unknown, unknown> {
    return Effect.uninterruptible(
      Effect.flatMap(this.released(releases), (failures) => withReleases(outcome, failures))
    )
  }

  private abandon(entry: RunEntry): Effect.Effect<void> {
    if (entry.isSettled) return Effect.void
    const over = Effect.callback<Releases | undefined>((resume) => {
      entry.dropped = (releases) => resume(Effect.succeed(releases))
      if (entry.group.drop(entry)) entry.settle(Exit.interrupt())
    })
    return Effect.flatMap(over, (releases) => {
      if (releases !== undefined) return Effect.flatMap(this.released(releases), this.host.releasesFailed)
      this.inProgress--
      return Effect.void
    })
  }

  private released(releases: Releases): Effect.Effect<ReadonlyArray<WorkerPoolError.WorkerPoolError>> {
    return Effect.map(releases.settle, (failures) => {
      this.inProgress--
      return failures
    })
  }

  private group(request: RunRequest): RunGroup {
    let groups = this.groups.get(request.task)
    if (groups === undefined) {
      groups = []
      this.groups.set(request.task, groups)
    }
    const open = groups.find((group) => group.admits(request))
    if (open !== undefined) return open
    const group: RunGroup = new RunGroup(this.host, request, () => this.closed(group))
    groups.push(group)
    this.host.began(group.call)
    return group
  }

  private closed(group: RunGroup): void {
    const { task } = group.call.options
    const groups = this.groups.get(task)!.filter((other) => other !== group)
    if (groups.length === 0) this.groups.delete(task)
    else this.groups.set(task, groups)
    this.host.ended(group.call)
  }
}

/** An outcome, with what failed in the releases that it had to wait for. */
const withReleases = (outcome: Outcome, failures: ReadonlyArray<WorkerPoolError.WorkerPoolError>): Outcome => {
  if (failures.length === 0) return outcome
  const reasons = Exit.isFailure(outcome) ? outcome.cause.reasons : []
  return Exit.failCause(Cause.fromReasons([...reasons, ...failures.map(Cause.makeFailReason)]))
}
