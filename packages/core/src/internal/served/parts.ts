/**
 * The items of a chunk that could not be read in one message, and arrive one by one (F4). Free of Effect.
 */
import * as failure from "../wire/failure.ts"
import type * as protocol from "../wire/protocol.ts"
import type { ServedRun } from "./itemLoop.ts"

export class Parts {
  /** What has arrived of chunks, by their numbers and then by position. */
  private readonly arrived = new Map<number, Map<number, protocol.Part>>()
  /** Why the last part, or the last message of any kind, could not be read. */
  private why: unknown = undefined

  add(part: protocol.Part): void {
    const { chunk, position } = part
    let parts = this.arrived.get(chunk)
    if (parts === undefined) this.arrived.set(chunk, (parts = new Map()))
    parts.set(position, part)
  }

  unreadable(why: unknown): void {
    this.why = why
  }

  /** A chunk with its items in it; those that did not arrive are lost. */
  complete(run: protocol.Run): ServedRun {
    if (run.parts === undefined) return run
    const parts = this.arrived.get(run.chunk)
    this.arrived.delete(run.chunk)
    const items: Array<unknown> = []
    const errors: Array<number> = []
    const lost = new Map<number, unknown>()
    for (let position = 0; position < run.parts; position++) {
      const part = parts?.get(position)
      items[position] = part?.item
      if (part === undefined) lost.set(position, this.why)
      else if (part.lost !== undefined) lost.set(position, failure.decodeOrDescribe(part.lost))
      else if (part.isError) errors[errors.length] = position
    }
    return { ...run, items, errors, lost }
  }
}
