/**
 * The chunks whose task is being loaded in a remote worker, and what the pool has said of them meanwhile. Counts the turns of the
 * event loop as long as there are any, by which the pool knows whether something else keeps it (T4).
 */
import * as realTime from "../task/realTime.ts"
import { type Turns, turnLength } from "../wire/control.ts"
import type * as protocol from "../wire/protocol.ts"

/** What has been said of a chunk while its task was being loaded. */
export interface Said {
  readonly isWanted: boolean
  readonly granted: ReadonlyArray<protocol.Grant>
}

export class Loads {
  private readonly turns: Turns
  private readonly chunks = new Map<number, { isWanted: boolean; readonly granted: Array<protocol.Grant> }>()
  private timer: realTime.Timer = undefined
  private isStopped = false

  constructor(turns: Turns) {
    this.turns = turns
  }

  begin(chunk: number): void {
    this.chunks.set(chunk, { isWanted: true, granted: [] })
    if (this.chunks.size === 1 && !this.isStopped) this.wait()
  }

  /** The load is over; returns what has been said. */
  end(chunk: number): Said {
    const said = this.chunks.get(chunk) ?? { isWanted: false, granted: [] }
    this.chunks.delete(chunk)
    if (this.chunks.size === 0) realTime.cancel(this.timer)
    return said
  }

  interrupt(chunk: number): void {
    const said = this.chunks.get(chunk)
    if (said !== undefined) said.isWanted = false
  }

  grant(grant: protocol.Grant): void {
    this.chunks.get(grant.chunk)?.granted.push(grant)
  }

  /** A message has been read, so that the event loop has turned. */
  turned(): void {
    if (this.chunks.size > 0) this.turns.add()
  }

  /** The worker ends: nobody wants to know any more. */
  stop(): void {
    this.isStopped = true
    realTime.cancel(this.timer)
  }

  private wait(): void {
    this.timer = realTime.afterIfRunning(turnLength, () => {
      this.turns.add()
      this.wait()
    })
  }
}
