/**
 * Passes on what a worker prints: whole lines while there are bars, each piece as it comes while there are none (O4).
 */
import type { Readable } from "node:stream"
import { Lines } from "./lines.ts"
import * as terminal from "./progress/terminal.ts"
import { after } from "./wait.ts"

/** How long a piece is under way where nobody knows of it, in milliseconds. */
const underWay = 100

/** How often one looks at most: a worker that computes does not send the rest of what it has printed. */
const mostLooks = 20

interface PassingOptions {
  readonly from: Readable
  readonly to: NodeJS.WriteStream
  /** Whether there are bars now below what is written. */
  readonly hasBars: () => boolean
  /** Whether the worker has printed what has not arrived yet, as far as that is known. */
  readonly isUnderWay: () => boolean
}

export class Passing {
  private readonly options: PassingOptions
  private readonly lines = new Lines(terminal.longestLine)
  private mayWait = true
  /**
   * Set for a while when bars have gone: what was printed before comes by another way than the results that ended the call, and
   * would be torn by what others print.
   */
  private callOff: (() => void) | undefined = undefined
  private readonly stop: () => void

  constructor(options: PassingOptions) {
    this.options = options
    this.stop = terminal.onGone((isExit) => {
      this.stopWaiting()
      if (isExit) this.writeRest()
      else this.waitForRest()
    })
  }

  readonly piece = (bytes: Uint8Array): void => {
    if (this.options.hasBars() || this.callOff !== undefined) return this.write(this.lines.push(bytes))
    this.write(this.lines.rest())
    this.write(bytes)
  }

  /** No more is to come. */
  readonly end = (): void => {
    this.stop()
    this.stopWaiting()
    const rest = this.lines.rest()
    this.write(rest.length > 0 && this.options.hasBars() ? Buffer.concat([rest, lineEnd]) : rest)
  }

  /** From now on it waits for nobody. */
  readonly letFlow = (): void => {
    this.mayWait = false
    this.options.from.resume()
  }

  private waitForRest(): void {
    let looks = mostLooks
    const look = () => {
      if (this.options.isUnderWay() && --looks > 0) {
        this.callOff = after(underWay, look, { keepsRunning: false })
      } else {
        this.stopWaiting()
        this.writeRest()
      }
    }
    this.callOff = after(underWay, look, { keepsRunning: false })
  }

  private stopWaiting(): void {
    this.callOff?.()
    this.callOff = undefined
  }

  private writeRest(): void {
    if (!this.options.hasBars()) this.write(this.lines.rest())
  }

  private write(bytes: Uint8Array): void {
    const { from, to } = this.options
    if (bytes.length === 0 || to.write(bytes) || !this.mayWait) return
    // whoever reads this process's output is slower than its workers
    from.pause()
    to.once("drain", () => from.resume())
  }
}

const lineEnd = Buffer.from("\n")
