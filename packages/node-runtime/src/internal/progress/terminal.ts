/**
 * Bars at the end of what a terminal shows. What others write meanwhile goes above them, whole lines only (O4).
 */
import type { CallProgress } from "@effect-mpire/core/Progress"
import { Lines } from "../lines.ts"
import * as bars from "./bars.ts"
import type { Size } from "./bars.ts"
import { Block } from "./block.ts"
import { capture } from "./capture.ts"

/** The terminal that this process writes to. */
export interface Screen {
  /** Writes at once. */
  readonly write: (text: Uint8Array) => void
  /** How large it is now. */
  readonly size: () => Size
  /** The streams of others that lead to it. */
  readonly streams: ReadonlyArray<NodeJS.WriteStream>
  /** The time in milliseconds, of a clock that nobody sets. */
  readonly now: () => number
}

const terminals = new Set<Terminal>()

/** Called when bars have gone, and with `isExit` where the process exits. */
type Gone = (isExit: boolean) => void

const handlers = new Set<Gone>()

/**
 * Whether the process's stream of that name leads to a terminal for bars, so that nothing may write to it but by way of this
 * process: workers that start now must not inherit it. It is the process that has a terminal, whatever layers its pools are
 * made with. Where there is none the stream is not even looked at: Node makes it then, which would be a handle more (F5).
 */
export const isTaken = (name: "stdout" | "stderr"): boolean =>
  [...terminals].some((terminal) => terminal.takes(process[name]))

/** Whether there are bars now below what is written to the stream. */
export const hasBars = (stream: NodeJS.WriteStream): boolean =>
  [...terminals].some((terminal) => terminal.takes(stream) && terminal.hasBars)

/** Calls `handler` whenever bars have gone; returns how to stop that. */
export const onGone = (handler: Gone): (() => void) => {
  handlers.add(handler)
  return () => void handlers.delete(handler)
}

/** A stream of others, and what they wrote to it that is no whole line yet. */
interface Captured {
  readonly lines: Lines
  readonly release: () => void
}

const newline = 10

/**
 * How long a terminal must have kept its width before a frame is drawn anew, in milliseconds: while it is dragged from one to
 * another, tmux tells a program four times a second, so that what it draws between would be broken, and stay.
 */
const settling = 300

/** What others write waits no longer for that, in milliseconds. */
const longestWait = 2000

/** What has no end of line for so many bytes is cut, so that it need not be kept for ever. */
export const longestLine = 1_048_576

export class Terminal {
  private readonly screen: Screen
  private readonly hasColours: boolean
  private readonly block = new Block()
  private readonly captured: ReadonlyArray<Captured>
  /** What this has written: it comes by the streams of others, at once or when there is room. */
  private readonly own = new WeakSet<Uint8Array>()
  private isWriting = false
  /** The calls that run, by who shows them. */
  private readonly running = new Map<object, ReadonlyArray<CallProgress>>()
  /** Whether the cursor is at the beginning of a line. */
  private isAtStart = true
  /** How many lines are known to stand above the bars, since the terminal has become narrower. */
  private above = 0
  private columns: number
  /** When the width was seen to have changed. */
  private changedAt = Number.NEGATIVE_INFINITY
  /** What waits until the width has settled, and since when. */
  private waiting: Array<Uint8Array> = []
  private waitingSince = 0

  constructor(screen: Screen, hasColours: boolean) {
    this.screen = screen
    this.hasColours = hasColours
    this.columns = screen.size().columns
    terminals.add(this)
    this.captured = screen.streams.map((stream) => {
      const lines = new Lines(longestLine)
      return { lines, release: capture(stream, (text) => this.take(lines, text)) }
    })
    process.on("exit", this.exits)
  }

  takes(stream: NodeJS.WriteStream): boolean {
    return this.screen.streams.includes(stream)
  }

  get hasBars(): boolean {
    return !this.block.isEmpty
  }

  /** Several show their calls in one terminal, each its own. */
  show(calls: ReadonlyArray<CallProgress>, whose: object = this): void {
    const size = this.screen.size()
    this.running.set(
      whose,
      calls.filter(({ state }) => state === "running")
    )
    const ended = calls
      .filter(({ state }) => state !== "running")
      .map((call) => `${bars.line(call, size, this.hasColours).coloured}\n`)
    // nobody comes again when none runs any more
    this.draw(
      Buffer.from(ended.join("")),
      size,
      [...this.running.values()].every(({ length }) => length === 0)
    )
  }

  /** Removes the bars of one of them. */
  hide(whose: object): void {
    this.running.delete(whose)
    this.draw(nothing, this.screen.size(), true)
  }

  /** Removes the bars, and gives the streams back. */
  close(): void {
    this.running.clear()
    this.draw(nothing, this.screen.size(), true)
    this.release()
  }

  private release(): void {
    for (const { release } of this.captured) release()
    process.off("exit", this.exits)
    terminals.delete(this)
  }

  /** Draws the bars of the calls that run, with whole lines above them: once the width has settled, or `atOnce`. */
  private draw(text: Uint8Array, size: Size, atOnce = false): void {
    if (this.hasToWait(size) && !atOnce) return this.wait(text)
    const above = this.waiting.length === 0 ? text : Buffer.concat([...this.waiting, text])
    this.waiting = []
    const wasEmpty = this.block.isEmpty
    // what stands there without the end of its line is not ours to overwrite
    const start = wasEmpty && !this.isAtStart ? "\n" : ""
    this.above += start.length + newlines(above)
    const shown = bars.lines([...this.running.values()].flat(), size, this.hasColours)
    const lines = [...Array.from({ length: bars.spare(shown.length, size, this.above) }, () => empty), ...shown]
    if (above.length === 0 && this.block.shows(lines)) return
    const { after, before } = this.block.frame(lines, size.columns)
    const rest = this.block.isEmpty ? this.captured.map(({ lines }) => lines.rest()) : []
    this.write(Buffer.concat([Buffer.from(start + before), above, Buffer.from(after), ...rest]))
    if (!wasEmpty && this.block.isEmpty) for (const handler of handlers) handler(false)
  }

  /** Whether what is drawn now could be broken: the width has changed, and may be changing still. */
  private hasToWait({ columns }: Size): boolean {
    const now = this.screen.now()
    if (columns !== this.columns) {
      // what was above may be in the history now
      if (columns < this.columns) this.above = 0
      this.columns = columns
      this.changedAt = now
    }
    if (this.block.isEmpty || now - this.changedAt >= settling) return false
    return this.waiting.length === 0 || now - this.waitingSince < longestWait
  }

  private wait(text: Uint8Array): void {
    if (text.length === 0) return
    if (this.waiting.length === 0) this.waitingSince = this.screen.now()
    this.waiting.push(text)
  }

  private write(text: Buffer): void {
    if (text.length === 0) return
    this.isAtStart = text.at(-1) === newline
    this.own.add(text)
    this.isWriting = true
    this.screen.write(text)
    this.isWriting = false
  }

  /** Others write something: while there are bars, whole lines of it go above them. */
  private take(lines: Lines, text: Uint8Array): boolean {
    if (this.isWriting || this.own.has(text)) return false
    if (this.block.isEmpty) {
      if (text.length > 0) this.isAtStart = text.at(-1) === newline
      this.above += newlines(text)
      return false
    }
    const whole = lines.push(text)
    if (whole.length > 0) this.draw(whole, this.screen.size())
    return true
  }

  /**
   * The process ends without the Scope: the bars stay, and below them is written what is no whole line yet, and whatever exit
   * handlers write later.
   */
  private readonly exits = (): void => {
    if (this.waiting.length > 0) this.draw(nothing, this.screen.size(), true)
    this.block.leave()
    this.release()
    this.write(Buffer.concat(this.captured.map(({ lines }) => lines.rest())))
    for (const handler of handlers) handler(true)
  }
}

const nothing = new Uint8Array()

const empty = { text: "", coloured: "" }

const newlines = (text: Uint8Array): number => {
  let count = 0
  for (const byte of text) if (byte === newline) count++
  return count
}
