/**
 * The spans of a chunk: one, or where its items are `run`s, one for each that is traced, a child of its own call (O3).
 */
import type * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import type * as Tracer from "effect/Tracer"
import type { TracedCall } from "../common/tracing.ts"
import { within } from "../common/tracing.ts"
import * as usersSpan from "../common/usersSpan.ts"
import type { WorkerIdentity } from "../../WorkerPoolError.ts"

/** A span that has not ended. */
interface Open {
  readonly call: TracedCall
  readonly span: Tracer.Span
}

export class ChunkSpans {
  /** By position, where items are `run`s; else one for all. */
  private readonly open: Array<Open | undefined> = []
  private readonly areRuns: boolean
  /** The contexts of callers, with these spans in them; as `open`. */
  readonly contexts: ReadonlyArray<Context.Context<never>>

  /** `callers` are those of its items, one for all where there is one; `items` is how many items each has in it. */
  constructor(
    callers: ReadonlyArray<{
      readonly context: Context.Context<never>
      readonly traced: TracedCall | undefined
    }>,
    items: number,
    { generation, id }: WorkerIdentity,
    areRuns: boolean
  ) {
    this.areRuns = areRuns
    this.contexts = callers.map(({ context, traced }, position) => {
      const span = traced?.tracing.start({
        name: "pool.chunk",
        parent: traced.span,
        attributes: { worker: id, generation, items }
      })
      if (traced === undefined || span === undefined) return context
      this.open[position] = { call: traced, span }
      return within(context, span)
    })
  }

  /** Items have an outcome: those that are `run`s have nothing else in the chunk. */
  reported(position: number, items: number, exit: Exit.Exit<unknown, unknown>): void {
    if (!this.areRuns) return
    for (let n = position; n < position + items; n++) this.endOne(n, exit)
  }

  /** Items from `from` on, before `to`, have been taken back: they run elsewhere. */
  takenBack(from: number, to: number): void {
    if (this.areRuns) return this.reported(from, to - from, Exit.interrupt())
    const span = this.open[0]?.span
    if (span !== undefined) usersSpan.attribute(span, "items", from)
  }

  end(exit: Exit.Exit<unknown, unknown>): void {
    for (let n = 0; n < this.open.length; n++) this.endOne(n, exit)
  }

  private endOne(position: number, exit: Exit.Exit<unknown, unknown>): void {
    const open = this.open[position]
    if (open === undefined) return
    this.open[position] = undefined
    open.call.tracing.end(open.span, exit)
  }
}
