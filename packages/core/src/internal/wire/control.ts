/**
 * What the numbers of a `Control` mean: what a worker says of itself, and what its pool says to it, when neither can wait
 * for a message. Free of Effect.
 */
import type { Control } from "../../Channel.ts"

/** What a worker is doing with a hook or a chunk. */
export const phases = { unseen: 0, loading: 1, loaded: 2 } as const

export type Phase = (typeof phases)[keyof typeof phases]

/** The numbers of the worker as a whole. */
const hookPhase = 0
const hookInterrupted = 1
const first = 2

/** The numbers of a cell: which chunk has it, what the worker is doing with it, how many items have started. */
const owner = 0
const phase = 1
const started = 2
/** The pool's: items at this position and beyond must not start. */
const limit = 3
const length = 4

/** A limit that also says that nobody wants the results of what runs. */
const interrupted = -1

/** So many numbers for a worker that may have so many chunks. */
export const numbers = (cells: number): number => first + cells * length

/** The numbers of a worker's hooks. */
export class HookNumbers {
  private readonly control: Control | undefined

  constructor(control: Control | undefined) {
    this.control = control
  }

  /** The worker's. */
  enter(phase: Phase): void {
    this.control?.set(hookPhase, phase)
  }

  /** Whether a module is being loaded, as far as is known. */
  get isLoading(): boolean {
    return this.control?.get(hookPhase) === phases.loading
  }

  /** The pool's: nobody wants the result of `init` any more. */
  interrupt(): void {
    this.control?.set(hookInterrupted, 1)
  }

  get isInterrupted(): boolean {
    return this.control?.get(hookInterrupted) === 1
  }
}

/** The numbers of one chunk, while it has its cell. */
export class Cell {
  private readonly control: Control | undefined
  private readonly place: number
  private readonly chunk: number

  constructor(control: Control | undefined, cell: number, chunk: number) {
    this.control = control
    this.place = first + cell * length
    this.chunk = chunk
  }

  // The worker's side

  /** Takes the cell over from the chunk that had it. */
  take(): void {
    const { control, place } = this
    if (control === undefined) return
    control.set(place + phase, phases.unseen)
    control.set(place + started, 0)
    control.set(place + owner, this.chunk)
  }

  enter(now: Phase): void {
    this.control?.set(this.place + phase, now)
  }

  /** Says that an item starts, unless it must not: a pool that loses the worker knows which one it was (F2). */
  claim(position: number): boolean {
    const { control, place } = this
    if (control === undefined) return true
    // said first and asked then: the pool does it the other way round, so one of the two learns of the other
    control.set(place + started, position + 1)
    if (position < control.get(place + limit)) return true
    control.set(place + started, position)
    return false
  }

  get isInterrupted(): boolean {
    return this.control?.get(this.place + limit) === interrupted
  }

  // The pool's side

  /** Lets so many items start; to be called before the worker is sent the chunk. */
  open(items: number): void {
    this.control?.set(this.place + limit, items)
  }

  /** Lets so many items start at most; returns how many have started or still may. */
  limitTo(items: number): number {
    // said first and asked then, as in `claim`: what has started by now had started before the worker could know
    this.control?.set(this.place + limit, items)
    return Math.max(items, this.started ?? items)
  }

  /** No more items start, and what runs learns that nobody wants it. */
  interrupt(): void {
    this.control?.set(this.place + limit, interrupted)
  }

  /** Whether the worker can say anything by it. */
  get isKnown(): boolean {
    return this.control !== undefined
  }

  get phase(): Phase {
    return this.isTaken ? (this.control!.get(this.place + phase) as Phase) : phases.unseen
  }

  /** How many items have started; `undefined` where nobody knows. */
  get started(): number | undefined {
    if (this.control === undefined) return undefined
    return this.isTaken ? this.control.get(this.place + started) : 0
  }

  private get isTaken(): boolean {
    return this.control !== undefined && this.control.get(this.place + owner) === this.chunk
  }
}
