/**
 * Whose Effects run: what they log, trace and measure is told of with it (O3).
 */
import * as Context from "effect/Context"
import { annotationsOf, logSpansOf } from "../wire/caller.ts"
import { type Caller, originKey, poolsOwn, type Whose } from "../wire/observed.ts"

/** Whose Effect runs, and what it has of its caller. */
export class Origin implements Whose {
  readonly chunk: number
  readonly position: number
  readonly caller: Caller | undefined
  /** The annotations and log spans that its Effects begin with, which the pool knows. */
  readonly annotations: Readonly<Record<string, unknown>>
  readonly logSpans: ReadonlyArray<[label: string, start: number]> | undefined

  constructor(chunk: number, position: number, caller: Caller | undefined, worker: number) {
    this.chunk = chunk
    this.position = position
    this.caller = caller
    this.annotations = { worker, ...annotationsOf(caller) }
    this.logSpans = logSpansOf(caller)
  }
}

export const CurrentOrigin = Context.Reference<Origin>(originKey, {
  defaultValue: () => new Origin(poolsOwn, 0, undefined, -1)
})
