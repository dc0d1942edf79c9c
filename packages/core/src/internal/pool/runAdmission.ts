/**
 * Lets `run`s in: once the gate is open, and only while no more than `maxPending` wait for a worker (C10).
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import * as errors from "../common/errors.ts"
import type { TracedCall } from "../common/tracing.ts"
import type { Resume } from "../runs/run.ts"
import type { RunRequest } from "../runs/runGroup.ts"
import { Runs, type RunsOptions } from "../runs/runs.ts"
import type { Gate } from "./gate.ts"

export interface RunAdmissionOptions extends Omit<RunsOptions, "overloaded"> {
  readonly gate: Gate
  readonly isClosed: () => boolean
  /** How many `run`s may wait for a worker; `undefined` for any number. */
  readonly maxPending: number | undefined
  /** The pool's name. */
  readonly pool: string
}

export class RunAdmission {
  private readonly options: RunAdmissionOptions
  private readonly runs: Runs
  /** How many `run`s wait for the gate to open. */
  private atGate = 0

  constructor(options: RunAdmissionOptions) {
    this.options = options
    this.runs = new Runs({ ...options, overloaded: () => this.overloaded(0) })
  }

  /** How many `run`s wait for a worker, those at the gate included. */
  get waiting(): number {
    return this.atGate + this.runs.waiting
  }

  /** How many `run`s have been let in and have not ended. */
  get inProgress(): number {
    return this.runs.inProgress
  }

  run(
    input: unknown,
    request: RunRequest,
    context: Context.Context<never>,
    traced: TracedCall | undefined
  ): Effect.Effect<unknown, unknown> {
    return Effect.callback((resume) => this.begin(input, request, context, traced, resume))
  }

  /** Begins what `run` does, for who has registered a callback already: another Effect would make a short `run` dearer. */
  begin(
    input: unknown,
    request: RunRequest,
    context: Context.Context<never>,
    traced: TracedCall | undefined,
    resume: Resume
  ): Effect.Effect<void> | undefined {
    const { gate, isClosed, turn } = this.options
    if (!turn.isOpen && gate.isOpen && !isClosed()) return this.runs.begin(input, request, context, traced, resume)
    // a function here would cost every `run`
    this.beginLater(input, request, context, traced, resume)
    return undefined
  }

  private beginLater(
    input: unknown,
    request: RunRequest,
    context: Context.Context<never>,
    traced: TracedCall | undefined,
    resume: Resume
  ): void {
    const { isClosed, pool, turn } = this.options
    // users' code that a turn has called asks for it: it begins after the turn
    if (turn.isOpen) turn.tell(() => resume(this.run(input, request, context, traced)))
    else resume(isClosed() ? Effect.fail(errors.poolClosed(pool)) : this.runLater(input, request, context, traced))
  }

  private runLater(
    input: unknown,
    request: RunRequest,
    context: Context.Context<never>,
    traced: TracedCall | undefined
  ): Effect.Effect<unknown, unknown> {
    const error = this.overloaded(1)
    if (error !== undefined) return Effect.fail(error)
    this.atGate++
    let isAtGate = true
    const leaveGate = () => {
      if (isAtGate) this.atGate--
      isAtGate = false
    }
    // `run` begins a turn of its own, so that it has to follow the one in which the gate was found open
    const entered = Effect.flatten(
      this.options.gate.pass(() => {
        leaveGate()
        return Effect.succeed(this.run(input, request, context, traced))
      }, identity)
    )
    return Effect.ensuring(entered, Effect.sync(leaveGate))
  }

  /** The error if too many `run`s would wait with `more` beside those that wait now. */
  private overloaded(more: number): WorkerPoolError.WorkerPoolError | undefined {
    const { maxPending, pool } = this.options
    if (maxPending === undefined || this.waiting + more <= maxPending) return undefined
    return WorkerPoolError.make(new WorkerPoolError.Overloaded({ maxPending, pool }))
  }
}
