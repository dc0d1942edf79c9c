/**
 * Progress as plain lines, for what is no terminal: one when a call begins, one every 10 seconds, and one at its end (O4).
 */
import * as Progress from "@effect-mpire/core/Progress"

/** The time between two lines about a call, in milliseconds. */
const interval = 10_000

const width = 120

export class Plain {
  /** For each call that runs, when something was said of it. */
  private readonly said = new Map<number, number>()

  /** What is to be said now. */
  lines(calls: ReadonlyArray<Progress.CallProgress>): string {
    return calls
      .filter((call) => this.isDue(call))
      .map((call) => `${Progress.format(call, { width })}\n`)
      .join("")
  }

  private isDue({ elapsed, id, state }: Progress.CallProgress): boolean {
    if (state !== "running") {
      this.said.delete(id)
      return true
    }
    const last = this.said.get(id)
    if (last !== undefined && elapsed - last < interval) return false
    this.said.set(id, elapsed)
    return true
  }
}
