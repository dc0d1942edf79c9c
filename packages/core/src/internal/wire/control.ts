/**
 * What the numbers of a `Control` mean, by which a worker and its pool tell each other what cannot wait for a message.
 * README.md, in this folder, shows that their handshake is safe. Free of Effect.
 */
import type { Control } from "../../Channel.ts"
import { ToldNumbers } from "./toldNumbers.ts"

/** How far a worker is with the code of a hook or a chunk; `unseen` until it has taken the chunk up. */
export const phases = { unseen: 0, loading: 1, loaded: 2 } as const

export type Phase = (typeof phases)[keyof typeof phases]

// The numbers of the hooks, then those of the cells
const hookPhase = 0
const hookInterrupted = 1
const servicesBuilt = 2
/** Set by the pool: how many of the worker's messages it has read. */
const read = 3
const loadingTurns = 4
const firstCell = 5

// The numbers of a cell, from its offset on; the worker sets the first three
const owner = 0
const phase = 1
const started = 2
/** Set by the pool: items at this position and beyond must not start. */
const limit = 3
const cellLength = 4

/** The limit of an interrupted chunk, which also says that the results of running items are unwanted. */
const interrupted = -1

/** How many numbers the control block of a worker with `cells` cells has. */
export const numbers = (cells: number): number => firstCell + cells * cellLength

/** Whether the worker sets that number; the others are the pool's. */
export const isWorkers = (index: number): boolean =>
  index < firstCell
    ? index === hookPhase || index === servicesBuilt || index === loadingTurns
    : (index - firstCell) % cellLength !== limit

/** Tells the other end numbers that it does not share. */
const tell = (control: Control | undefined, index: number): void => {
  if (control instanceof ToldNumbers) control.tell(index, 1)
}

/** The numbers of a worker's hooks. */
export class HookNumbers {
  private readonly control: Control

  constructor(control: Control) {
    this.control = control
  }

  // The worker's side

  enter(phase: Phase): void {
    this.set(hookPhase, phase)
  }

  get isInterrupted(): boolean {
    return this.control.get(hookInterrupted) === 1
  }

  /** Says that `init` has come to its hook. */
  enterHook(): void {
    this.set(servicesBuilt, 1)
  }

  // The pool's side

  /** Whether `init` has come to its hook, the services having been built. */
  get isAtHook(): boolean {
    return this.control.get(servicesBuilt) === 1
  }

  /** Whether the worker is loading a module of its hooks or services. */
  get isLoading(): boolean {
    return this.control.get(hookPhase) === phases.loading
  }

  /** Says that the result of `init` is unwanted, once and for all: a worker runs one `init`. */
  interrupt(): void {
    this.set(hookInterrupted, 1)
  }

  private set(index: number, value: number): void {
    this.control.set(index, value)
    tell(this.control, index)
  }
}

/** How many of a worker's messages the pool has read: those that it cannot read are sent again. */
export class ReadNumber {
  private readonly control: Control

  constructor(control: Control) {
    this.control = control
  }

  /** The pool's side: the first `count` messages have been read. */
  set(count: number): void {
    this.control.set(read, count | 0)
    tell(this.control, read)
  }

  /** The worker's side: whether the message of that number has been read. */
  isPast(number: number): boolean {
    // the number has 32 bits, and what is kept is never far from it
    return ((this.control.get(read) - number) | 0) > 0
  }
}

/** How many milliseconds lie between two turns that `Turns` counts, at least, until the worker has heard that it is to leave. */
export const turnLength = 100

/**
 * How often a worker's event loop has turned while a task was being loaded there, by a timer that is set anew each time. As long as
 * it turns, nothing keeps the worker from the module.
 */
export class Turns {
  private readonly control: Control

  constructor(control: Control) {
    this.control = control
  }

  /** The worker's side: it has turned again. */
  add(): void {
    const { control } = this
    control.set(loadingTurns, (control.get(loadingTurns) + 1) | 0)
    tell(control, loadingTurns)
  }

  /** The pool's side: the count, whatever it began with. */
  get count(): number {
    return this.control.get(loadingTurns)
  }
}

/** The numbers of one chunk, from when it is sent until the worker has said that it has ended. */
export class Cell {
  protected control: Control | undefined
  protected readonly offset: number
  private readonly chunk: number
  /** How many items the chunk has; any number, until that has been said. */
  protected items: number

  /** `control` is undefined where the worker had no cell left for the chunk. */
  constructor(control: Control | undefined, cell: number, chunk: number, items = Number.POSITIVE_INFINITY) {
    this.control = control
    this.items = items
    this.offset = firstCell + cell * cellLength
    this.chunk = chunk
  }

  // The worker's side

  /** Makes the cell this chunk's. The owner comes last, so that the pool never reads what the last chunk left there. */
  take(): void {
    const { control, offset } = this
    if (control === undefined) return
    control.set(offset + phase, phases.unseen)
    control.set(offset + started, 0)
    control.set(offset + owner, this.chunk)
  }

  enter(now: Phase): void {
    this.control?.set(this.offset + phase, now)
  }

  /** Starts the item at `position`, or returns false when it must not start. */
  claim(position: number): boolean {
    const { control, offset } = this
    if (control === undefined) return true
    // Dekker's handshake: each side writes its own number and then reads the other's; with sequential consistency at
    // least one sees the other's write, so an item is never both started here and taken back there
    control.set(offset + started, position + 1)
    if (position < control.get(offset + limit)) return true
    control.set(offset + started, position)
    return false
  }

  get isInterrupted(): boolean {
    return this.control?.get(this.offset + limit) === interrupted
  }

  // The pool's side

  /** Lets all `items` items start. Called before the chunk is sent: the cell still has the last chunk's limit. */
  open(items: number): void {
    this.items = items
    this.control?.set(this.offset + limit, items)
  }

  /** Lets at most the first `items` items start; returns how many have started or still may. */
  limitTo(items: number): number {
    // the pool's half of the handshake in `claim`: an item that has not started by the read sees the new limit
    this.control?.set(this.offset + limit, items)
    return Math.max(items, this.started ?? items)
  }

  /** Lets no more items start, and tells those that run that their results are unwanted. */
  interrupt(): void {
    this.control?.set(this.offset + limit, interrupted)
  }

  /** Whether there are numbers. Without them it is unknown what has started, and nothing can be taken back. */
  get isKnown(): boolean {
    return this.control !== undefined
  }

  /** Whether the worker may be further on than is known here, so that even a chunk taken back as a whole can have begun. */
  get lags(): boolean {
    return false
  }

  get phase(): Phase {
    return this.isTaken ? (this.control!.get(this.offset + phase) as Phase) : phases.unseen
  }

  /**
   * How many items, the first ones, have started; the others may run elsewhere (F2). `undefined` without numbers. Never more than
   * there are, whatever the worker has set (F6): it is counted up to.
   */
  get started(): number | undefined {
    if (this.control === undefined) return undefined
    return this.isTaken ? Math.min(this.items, Math.max(0, this.control.get(this.offset + started))) : 0
  }

  /**
   * How many items may have started, as far as anybody can know here: these may not run elsewhere unasked. It is more than
   * `started` where the numbers lag.
   */
  get mostStarted(): number | undefined {
    return this.started
  }

  /** Whether exactly so many items have started as may have. */
  get isCertain(): boolean {
    return true
  }

  private get isTaken(): boolean {
    return this.control !== undefined && this.control.get(this.offset + owner) === this.chunk
  }
}

/**
 * The numbers of a chunk where they are told by messages. The worker tells that an item starts before it does, or, where
 * that is not `exact`, that all of them may, before the first. The pool cannot take items back here, since it cannot know
 * what has started meanwhile: it asks the worker to end the chunk sooner, and those that have not started come back then.
 */
class ToldCell extends Cell {
  private readonly told: ToldNumbers
  private readonly isExact: boolean

  constructor(told: ToldNumbers, cell: number, chunk: number, items: number, exactStarts: boolean) {
    super(told, cell, chunk, items)
    this.told = told
    this.isExact = exactStarts
  }

  override take(): void {
    super.take()
    this.told.set(this.offset + limit, this.items)
  }

  override enter(now: Phase): void {
    const wasUnseen = this.phase === phases.unseen
    super.enter(now)
    // a task that needs no loading is told with its first item
    if (now === phases.loading || !wasUnseen) this.tellAll()
  }

  override claim(position: number): boolean {
    const { isExact, items, offset, told } = this
    const mayStart = position < told.get(offset + limit)
    const toTell = mayStart ? (isExact ? position + 1 : items) : position
    if (told.get(offset + started) === toTell) return mayStart
    told.set(offset + started, toTell)
    this.tellAll()
    return mayStart
  }

  private tellAll(): void {
    this.told.tell(this.offset, limit)
  }

  override get lags(): boolean {
    return true
  }

  override limitTo(items: number): number {
    const { offset, told } = this
    if (items < told.get(offset + limit)) {
      told.set(offset + limit, items)
      told.tell(offset + limit, 1)
    }
    return this.items
  }
}

/**
 * The numbers of a chunk; `cell` is negative when there was none left for it. The worker says how many items the chunk has,
 * and whether the start of each is told, where it has to be told at all.
 */
export const cellOf = (control: Control, cell: number, chunk: number, items = 0, exactStarts = false): Cell => {
  if (cell < 0) return new Cell(undefined, cell, chunk)
  return control instanceof ToldNumbers
    ? new ToldCell(control, cell, chunk, items, exactStarts)
    : new Cell(control, cell, chunk)
}
