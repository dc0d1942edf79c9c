/**
 * Whose the items of a chunk are, and what crosses of their contexts (O3).
 */
import type * as Context from "effect/Context"
import type { Chunk } from "../../WorkerRuntime.ts"
import { callerOf, callerOfOnce } from "../wire/caller.ts"
import type { Caller } from "../wire/observed.ts"
import type * as protocol from "../wire/protocol.ts"

export class Callers {
  private readonly context: Context.Context<never>
  private readonly contexts: ReadonlyArray<Context.Context<never>> | undefined
  private readonly caller: Caller | undefined
  private readonly traceItems: boolean

  constructor({ context, contexts, traceItems = false }: Chunk) {
    this.context = context
    this.contexts = contexts
    this.caller = callerOf(context)
    this.traceItems = traceItems
  }

  /** Whether there is nothing to tell the worker. */
  get areDefault(): boolean {
    return this.caller === undefined && this.contexts === undefined && !this.traceItems
  }

  contextOf(position: number): Context.Context<never> {
    return this.contexts?.[position] ?? this.context
  }

  /** What a worker is told, when the items at those positions are sent, or all of them. */
  message(positions: ReadonlyArray<number> | undefined): Pick<protocol.Run, "callerOf" | "callers" | "traceItems"> {
    return this.traceItems ? { ...this.callersOf(positions), traceItems: true } : this.callersOf(positions)
  }

  private callersOf(positions: ReadonlyArray<number> | undefined): Pick<protocol.Run, "callerOf" | "callers"> {
    const { contexts } = this
    if (contexts === undefined) return { callers: [this.caller] }
    const sent = positions === undefined ? contexts : positions.map((position) => contexts[position]!)
    const numbers = new Map<Context.Context<never>, number>()
    for (const context of sent) if (!numbers.has(context)) numbers.set(context, numbers.size)
    return { callers: [...numbers.keys()].map(callerOfOnce), callerOf: sent.map((context) => numbers.get(context)!) }
  }
}
