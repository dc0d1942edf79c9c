/**
 * Counts and times what becomes of a slot's workers (O1). Always on: what happens once for each chunk costs a few fields,
 * and an item nothing.
 */
import type { Numbers, Shares } from "./insights.ts"
import type { ThreadMeter } from "./threadMeter.ts"
import { AtOnce, InTurn, type Working } from "./working.ts"

/** What all slots of a pool have in common. */
export interface MeterOptions {
  readonly tasksPerWorker: number
  /** In milliseconds, by the clock that the workers live by; never goes back. */
  readonly now: () => number
  readonly thread: ThreadMeter
}

/** What it asks of a chunk. */
export interface MeteredChunk {
  /** How many items have an outcome, and how many of these have failed or were interrupted. */
  readonly reported: number
  readonly failed: number
  readonly interrupted: number
  /** Whether its items came by `run`. */
  readonly areRuns: boolean
  /** Whether its call has set the lengths of chunks. */
  readonly isFixed: boolean
  /** Whether its slot had to be this one. */
  readonly isOrdered: boolean
  /** Whether it was interrupted: how long what ran of it took may not be reported. */
  readonly isCut: boolean
  /** Whether it is known that none of its items has started, nor will. */
  readonly isUnstarted: boolean
  /** When it was sent, or last reported: of a worker's first chunk, and where several items run at once. */
  since: number
}

type Phase = "none" | "startUp" | "init" | "live" | "exit"

export class SlotMeter {
  private workers = 0
  private lost = 0
  private killed = 0
  private readonly options: MeterOptions
  /** Whether workers run several items at once. */
  private readonly runsSeveral: boolean
  private readonly working: Working
  private chunks = 0
  private fixedChunks = 0
  private orderedChunks = 0
  /** Those of chunks that have ended. */
  private items = 0
  private failed = 0
  private interrupted = 0
  private runs = 0
  private phase: Phase = "none"
  private phaseBegan = 0
  private readonly times = { none: 0, startUp: 0, init: 0, live: 0, exit: 0 }
  /** How many chunks its worker has. */
  private inHand = 0
  /** Its worker's first chunk, until the worker has reported something. */
  private first: MeteredChunk | undefined = undefined
  private hasBegun = false
  /** The times before its worker. */
  private timesBefore: Readonly<Record<Phase, number>> | undefined = undefined
  /** The working time before its worker. */
  private workingBefore = 0

  constructor(options: MeterOptions) {
    this.options = options
    this.runsSeveral = options.tasksPerWorker > 1
    this.working = this.runsSeveral ? new AtOnce() : new InTurn()
  }

  // ---------------------------------------------------------------------------
  // The life of its worker
  // ---------------------------------------------------------------------------

  acquiring(): void {
    this.workers++
    this.inHand = 0
    this.first = undefined
    this.hasBegun = false
    this.workingBefore = this.working.total
    this.enter("startUp")
    this.timesBefore = { ...this.times }
  }

  /** There was no place for it: it has never been, and its time has been nobody's. */
  hadNoRoom(): void {
    this.gone()
    this.workers--
    Object.assign(this.times, this.timesBefore)
  }

  /** The runtime has started it: what follows is `init`. */
  started(): void {
    if (this.phase === "startUp") this.enter("init")
  }

  acquired(): void {
    this.enter("live")
  }

  releasing(): void {
    this.enter("exit")
  }

  /** It has vanished, or was killed for something in it that does not yield. */
  lostOrKilled(wasKilled: boolean): void {
    if (wasKilled) this.killed++
    else this.lost++
  }

  /** It has ended, or nothing that it does counts any more: it is lost, or killed. */
  gone(): void {
    if (this.phase === "none") return
    this.enter("none")
  }

  private enter(phase: Phase): void {
    const now = this.options.now()
    const { thread } = this.options
    // while workers only start, nobody waits for that thread, however idle it is
    if (phase === "live") thread.workerCame()
    else if (this.phase === "live") thread.workerGone()
    this.times[this.phase] += now - this.phaseBegan
    this.phase = phase
    this.phaseBegan = now
  }

  // ---------------------------------------------------------------------------
  // Its chunks
  // ---------------------------------------------------------------------------

  sent(chunk: MeteredChunk): void {
    this.chunks++
    if (chunk.isFixed) this.fixedChunks++
    if (chunk.isOrdered) this.orderedChunks++
    const isFirst = this.inHand++ === 0
    if (!isFirst && !this.runsSeveral) return
    const now = this.options.now()
    chunk.since = now
    if (isFirst) this.working.begin(now)
    if (this.hasBegun) return
    this.hasBegun = true
    this.first = chunk
  }

  /** Items of a chunk have ended, which took that long. */
  reported(chunk: MeteredChunk, millis: number): void {
    if (this.first !== undefined) this.firstReported(this.first, chunk, millis)
    // beside those that are reported ran what was interrupted, for longer: all of it counts when the chunk ends
    if (this.runsSeveral && chunk.isCut) return
    this.working.reported(millis, this.options.now)
    if (this.runsSeveral) chunk.since = this.options.now()
  }

  /** What a worker's first item has waited for is its module, more than anything else: that is a part of its start. */
  private firstReported(first: MeteredChunk, chunk: MeteredChunk, millis: number): void {
    this.first = undefined
    // another one may overtake it, whose module the worker has loaded for a hook
    if (chunk !== first && !this.runsSeveral) return
    const waited = Math.max(0, this.options.now() - chunk.since - millis)
    this.startedLate(waited)
    chunk.since += waited
  }

  private startedLate(millis: number): void {
    this.times.startUp += millis
    this.times.live -= millis
  }

  /** A chunk has ended; `wasCut`: what ran of it has been interrupted, and how long it took may not have been reported. */
  ended(chunk: MeteredChunk, wasCut: boolean): void {
    this.count(chunk)
    if (chunk.isUnstarted) this.endedUnstarted(chunk)
    // of the one that ended unheard, nobody knows when it began; and the next one need not wait for the module
    this.first = undefined
    if (wasCut && !chunk.isUnstarted) this.working.cut(chunk.since, this.options.now())
    else if (this.inHand > 1) this.working.chunkEnded(this.options.now)
    this.inHand--
  }

  /** A chunk has ended before its worker began it: it waited for its module, if that was the worker's first one. */
  private endedUnstarted(chunk: MeteredChunk): void {
    if (chunk !== this.first) return
    this.startedLate(this.options.now() - chunk.since)
    // the worker may still load the module, and whatever comes next waits for that too
    if (this.inHand === 1) this.hasBegun = false
  }

  /** The worker is gone, with chunks in hand; `areRunning`: items of them had started. */
  endedWith(chunks: ReadonlyArray<MeteredChunk>, areRunning: boolean): void {
    if (this.inHand === 0) return
    // what it had in hand has ended when the worker has: a clock that is read again has gone on, and tells of more time than it lived
    const now = this.phase === "none" ? this.phaseBegan : this.options.now()
    if (areRunning) this.working.cut(earliest(chunks), now)
    else if (this.first !== undefined) this.startedLate(now - this.first.since)
    this.first = undefined
    this.inHand = 0
    for (const chunk of chunks) this.count(chunk)
  }

  private count({ areRuns, failed, interrupted, reported }: MeteredChunk): void {
    this.items += reported
    this.failed += failed
    this.interrupted += interrupted
    if (areRuns) this.runs += reported
  }

  // ---------------------------------------------------------------------------
  // Reading
  // ---------------------------------------------------------------------------

  /** How long its worker took until it was live, in milliseconds. */
  get starting(): number {
    const { init = 0, startUp = 0 } = this.timesBefore ?? {}
    return this.times.startUp - startUp + this.times.init - init
  }

  /** How long its worker has been working, in milliseconds. */
  workingNow(chunks: ReadonlyArray<MeteredChunk>, areRunning: boolean): number {
    return this.total(chunks, areRunning) - this.workingBefore
  }

  /** All that it knows; `chunks` are those that its worker has, and `areRunning` whether items of them have started. */
  read(chunks: ReadonlyArray<MeteredChunk>, areRunning: boolean): Numbers {
    const times = { ...this.times }
    const now = this.options.now()
    times[this.phase] += now - this.phaseBegan
    if (this.inHand > 0 && !areRunning && this.first !== undefined) {
      times.startUp += now - this.first.since
      times.live -= now - this.first.since
    }
    // a worker's clock may run a little faster than this one
    const working = Math.min(times.live, this.total(chunks, areRunning))
    const { init, live, startUp, exit } = times
    const sum = (of: (chunk: MeteredChunk) => number) => chunks.reduce((sum, chunk) => sum + of(chunk), 0)
    return numbers({
      items: this.items + sum(({ reported }) => reported),
      failed: this.failed + sum(({ failed }) => failed),
      interrupted: this.interrupted + sum(({ interrupted }) => interrupted),
      runs: this.runs + sum(({ areRuns, reported }) => (areRuns ? reported : 0)),
      chunks: this.chunks,
      fixedChunks: this.fixedChunks,
      orderedChunks: this.orderedChunks,
      workers: this.workers,
      lost: this.lost,
      killed: this.killed,
      times: { startUp, init, waiting: live - working, working, exit }
    })
  }

  private total(chunks: ReadonlyArray<MeteredChunk>, areRunning: boolean): number {
    const { total } = this.working
    if (this.inHand === 0 || !areRunning) return total
    return total + this.working.unreported(earliest(chunks), this.options.now())
  }
}

const earliest = (chunks: ReadonlyArray<MeteredChunk>): number => Math.min(...chunks.map(({ since }) => since))

const kinds = ["startUp", "init", "waiting", "working", "exit"] as const satisfies ReadonlyArray<keyof Shares>

const shares = (of: (kind: keyof Shares) => number): Shares => ({
  startUp: of("startUp"),
  init: of("init"),
  waiting: of("waiting"),
  working: of("working"),
  exit: of("exit")
})

const numbers = (counted: Omit<Numbers, "live" | "ratios">): Numbers => {
  const live = kinds.reduce((sum, kind) => sum + counted.times[kind], 0)
  const ratios = shares((kind) => (live > 0 ? counted.times[kind] / live : 0))
  return { ...counted, live, ratios }
}

/** Numbers of several slots, as of one. */
export const sum = (all: ReadonlyArray<Numbers>): Numbers => {
  const total = (of: (one: Numbers) => number) => all.reduce((sum, one) => sum + of(one), 0)
  return numbers({
    items: total(({ items }) => items),
    failed: total(({ failed }) => failed),
    interrupted: total(({ interrupted }) => interrupted),
    runs: total(({ runs }) => runs),
    chunks: total(({ chunks }) => chunks),
    fixedChunks: total(({ fixedChunks }) => fixedChunks),
    orderedChunks: total(({ orderedChunks }) => orderedChunks),
    workers: total(({ workers }) => workers),
    lost: total(({ lost }) => lost),
    killed: total(({ killed }) => killed),
    times: shares((kind) => total(({ times }) => times[kind]))
  })
}
