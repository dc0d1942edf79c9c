/**
 * Reads a pool's ledger, the file to which its workers and the driver append lines, and says which rules they broke.
 */
import { type Act, events, isCrash } from "./item.ts"

interface WorkerRecord {
  readonly name: string
  readonly slot: number
  readonly generation: number
  isScoped: boolean
  isReady: boolean
  exits: number
  hasExited: boolean
  isFinalized: boolean
  hasCrashAct: boolean
  started: number
  readonly running: Set<string>
  /** The operation whose hostile `init` it ran last. */
  doomed: number | undefined
  /** The start of an item that it wrote after the item's call had settled: it may only have been killed meanwhile. */
  lateStart: string | undefined
  /** What it wrote last. */
  readonly tail: Array<string>
}

/** What the pool says of itself after it has closed. */
export interface Counts {
  readonly lost: number
  readonly killed: number
  /** The lifespan, when no other was ever in force. */
  readonly lifespan: number | undefined
}

/** How many lines of a worker are kept for a report. */
const tail = 12

const nameOf = (slot: number, generation: number): string => `worker ${slot}.${generation}`

export class Audit {
  readonly problems: Array<string> = []
  /** How many items started, by what they do. */
  readonly acts = new Map<string, number>()
  /** Lines read. */
  lines = 0
  private readonly workers = new Map<string, WorkerRecord>()
  /** By slot: the newest generation. */
  private readonly newest = new Map<number, number>()
  private readonly starts = new Map<string, number>()
  private readonly settled = new Set<string>()
  private readonly mayRepeat: (operation: number) => boolean
  private readonly mayEndLate: boolean
  /** Items that may end when their worker is long gone. */
  private readonly late = new Set<string>()
  private rest = ""

  /**
   * Items of an operation may start more than once where `mayRepeat` says so; `mayEndLate` says that there are workers
   * that cannot be killed, whose items may end although nobody waits for them any more.
   */
  constructor(mayRepeat: (operation: number) => boolean, mayEndLate = false) {
    this.mayRepeat = mayRepeat
    this.mayEndLate = mayEndLate
  }

  get workersStarted(): number {
    return this.workers.size
  }

  feed(text: string): void {
    const lines = (this.rest + text).split("\n")
    this.rest = lines.pop()!
    for (const line of lines) this.line(line)
  }

  /** The operation whose hostile `init` was what the worker did last, if it was. */
  doomed(slot: number, generation: number): number | undefined {
    return this.workers.get(nameOf(slot, generation))?.doomed
  }

  private line(line: string): void {
    this.lines++
    const [event, ...fields] = line.split(" ")
    if (event === events.settled) {
      this.settled.add(fields[0]!)
      return
    }
    const worker = this.worker(Number(fields[0]), Number(fields[1]))
    if (worker.lateStart !== undefined) this.startedLate(worker, worker.lateStart)
    worker.tail.push(line)
    if (worker.tail.length > tail) worker.tail.shift()
    const newest = this.newest.get(worker.slot) ?? 0
    // a fiber's lane that was abandoned cannot be told to be silent (C4)
    const isAbandoned = event === events.end && this.late.delete(`${fields[2]}.${fields[3]}`)
    if (worker.generation < newest && !isAbandoned)
      this.problem(`L1: ${worker.name} says "${line}" after its successor ${newest} has begun`, worker)
    this.newest.set(worker.slot, Math.max(newest, worker.generation))
    this.happened(event!, worker, fields, line)
  }

  private happened(event: string, worker: WorkerRecord, fields: ReadonlyArray<string>, line: string): void {
    const item = `${fields[2]}.${fields[3]}`
    if (worker.isFinalized && event !== events.end)
      this.problem(`L3: "${line}" after the finalizers of ${worker.name}`, worker)
    switch (event) {
      case events.scoped:
        worker.isScoped = true
        return
      case events.acquire:
        return
      case events.ready:
        if (worker.isReady) this.problem(`L3: ${worker.name} was initialised twice`, worker)
        worker.isReady = true
        return
      case events.doomed:
        worker.doomed = Number(fields[2])
        if (fields[3] === "exits") worker.hasCrashAct = true
        return
      case events.begin: {
        if (!worker.isReady) this.problem(`L3: "${line}" before init of ${worker.name}`, worker)
        if (worker.exits > 0) this.problem(`L3: "${line}" after exit of ${worker.name}`, worker)
        if (this.settled.has(fields[2]!)) {
          // a thread that is killed while it writes this line ends behind it, some time after its call (C4)
          if (this.mayEndLate) this.startedLate(worker, line)
          else worker.lateStart = line
        }
        const starts = (this.starts.get(item) ?? 0) + 1
        this.starts.set(item, starts)
        if (starts > 1 && !this.mayRepeat(Number(fields[2])))
          this.problem(`F2: "${line}", its start number ${starts}`, worker)
        worker.running.add(item)
        worker.started++
        this.acts.set(fields[4]!, (this.acts.get(fields[4]!) ?? 0) + 1)
        if (fields[4] === "late" && this.mayEndLate) this.late.add(item)
        if (isCrash(fields[4] as Act)) worker.hasCrashAct = true
        return
      }
      case events.end:
        if (!worker.running.delete(item)) this.problem(`"${line}" without its start`, worker)
        return
      case events.exit:
        worker.exits++
        if (!worker.isReady) this.problem(`L3: exit of ${worker.name}, whose init had not succeeded`, worker)
        if (worker.exits > 1) this.problem(`L3: exit of ${worker.name} for the ${worker.exits}th time`, worker)
        if (worker.running.size > 0)
          this.problem(`L3: exit of ${worker.name} while ${[...worker.running].join(", ")} ran`, worker)
        return
      case events.exited:
        worker.hasExited = true
        return
      case events.finalized:
        if (worker.exits > 0 && !worker.hasExited)
          this.problem(`L3: finalizers of ${worker.name} before its exit ended`, worker)
        worker.isFinalized = true
        return
      default:
        this.problem(`a line that nobody writes: "${line}"`)
    }
  }

  /** To be called when the pool has closed and all of its ledger has been read. */
  finish({ killed, lifespan, lost }: Counts): void {
    let missing = 0
    let crashing = 0
    for (const worker of this.workers.values()) {
      if (worker.hasCrashAct) crashing++
      if (lifespan !== undefined && worker.started > lifespan)
        this.problem(`L8: ${worker.name} has started ${worker.started} items, with a lifespan of ${lifespan}`)
      if (this.wasReleased(worker)) {
        if (worker.lateStart !== undefined) this.startedLate(worker, worker.lateStart)
        continue
      }
      missing++
      if (killed + lost === 0) this.problem(`L3: ${worker.name} was never released`, worker)
    }
    if (missing > lost + killed)
      this.problem(
        `L3: ${missing} workers were never released, but only ${lost} are said to be lost and ${killed} killed`
      )
    if (lost > crashing) this.problem(`F1: ${lost} workers are said to be lost, but only ${crashing} had cause to be`)
    if (this.rest !== "") this.problem(`a line is not complete: "${this.rest}"`)
  }

  private wasReleased({ exits, hasExited, isFinalized, isReady, isScoped, started }: WorkerRecord): boolean {
    if (isScoped && !isFinalized) return false
    if (!isReady || hasExited) return true
    // init was interrupted at its very end
    return exits === 0 && started === 0 && isScoped
  }

  private worker(slot: number, generation: number): WorkerRecord {
    const name = nameOf(slot, generation)
    const known = this.workers.get(name)
    if (known !== undefined) return known
    const worker: WorkerRecord = {
      name,
      slot,
      generation,
      isScoped: false,
      isReady: false,
      exits: 0,
      hasExited: false,
      isFinalized: false,
      hasCrashAct: false,
      started: 0,
      running: new Set(),
      doomed: undefined,
      lateStart: undefined,
      tail: []
    }
    this.workers.set(name, worker)
    return worker
  }

  private startedLate(worker: WorkerRecord, line: string): void {
    worker.lateStart = undefined
    this.problem(`C4: "${line}" after its call had settled`, worker)
  }

  private problem(text: string, worker?: WorkerRecord): void {
    this.problems.push(worker === undefined ? text : `${text}; its last lines: ${worker.tail.join(", ")}`)
  }
}
