/**
 * The chunks of a remote worker: encodes and sends their items, and hands on the outcomes that come back.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import type { WorkerIdentity } from "../../WorkerPoolError.ts"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Chunk, Code, InHand, StartOptions } from "../../WorkerRuntime.ts"
import * as errors from "../common/errors.ts"
import { mostAhead } from "../common/mostAhead.ts"
import * as portable from "../task/portable.ts"
import * as realTime from "../task/realTime.ts"
import type * as codec from "../wire/codec.ts"
import { cellOf, phases, Turns } from "../wire/control.ts"
import * as crossing from "../wire/crossing.ts"
import * as failure from "../wire/failure.ts"
import type { Timed } from "../wire/longest.ts"
import type * as protocol from "../wire/protocol.ts"
import * as taskCrossing from "../wire/taskCrossing.ts"
import { ToldNumbers } from "../wire/toldNumbers.ts"
import { Callers } from "./callers.ts"
import { ChunkWatch } from "./chunkWatch.ts"
import * as credit from "./credit.ts"
import { EndedChunks } from "./endedChunks.ts"
import { GrantedCell } from "./grantedCell.ts"
import type { KnownAddresses } from "./knownAddresses.ts"
import type { Line } from "./line.ts"
import type { ItemOf, ObservedSpans } from "./observedSpans.ts"
import { kindOf, Outgoing } from "./outgoing.ts"
import { type MessageOf, SentChunk, type Unsent } from "./sentChunk.ts"
import { Watch } from "./watch.ts"

/** After this time, in milliseconds, what a worker did before it could hear from the pool has been heard of here. */
const onItsWay = (lag: number): number => 2 * lag + 50

/**
 * How many cells a worker has: for chunks in progress, which may be more than it runs at once where they are long on their
 * way, and those that ended early. Further chunks do without a cell.
 */
export const cellsOf = (tasksPerWorker: number): number => Math.min(2 * tasksPerWorker + 40, 8192)

/** What it tells of items and chunks that have ended, for their spans. */
type Spans = Pick<ObservedSpans, "chunkEnded" | "itemEnded" | "itemRuns">

/** The chunk that is to blame for the worker's end. */
export interface Blame {
  readonly chunk: Chunk
  /** The positions, among the items that were sent, of those whose time is over. */
  readonly positions: ReadonlyArray<number>
  /** Why none of its items can start on any worker; `undefined` when they can. */
  readonly failure: WorkerPoolError.WorkerPoolError | undefined
  /** Whether it may have been something else, that items which had run before have left behind. */
  readonly mayBeLeftBehind: boolean
}

export class RemoteChunks {
  private readonly worker: WorkerIdentity
  private readonly spans: Spans
  private readonly line: Line
  private readonly addresses: KnownAddresses
  private readonly onBusyChange: () => void
  private readonly onSettled: () => void
  /** Whether the worker tells by messages what it has started. */
  private readonly tellsStarts: boolean
  /** How long numbers are on their way, in milliseconds; `undefined` where they are not. */
  private readonly lag: (() => number) | undefined
  private readonly tasksPerWorker: number
  private readonly sentChunks = new Map<number, SentChunk>()
  /** Chunks whose end the pool has already acted on while the worker has yet to report it. */
  private readonly endedEarly = new Map<number, SentChunk>()
  /** How many chunks may be in `endedEarly` at once: each occupies a cell until the worker reports its end. */
  private readonly mostEndedEarly: number
  /** Whose those were that have ended. */
  private readonly endedChunks = new EndedChunks()
  private readonly ids = new Map<Chunk, number>()
  private readonly freeCells: Array<number>
  private readonly watch: ChunkWatch
  /**
   * Ends chunks that were interrupted, and of which nothing has been heard when all must have been heard that had begun: other
   * calls' items may keep their worker for long. Only where numbers lag.
   */
  private readonly unheard = new Watch(() => {
    if (this.lag === undefined) return undefined
    const since = this.watch.now() - onItsWay(this.lag())
    let next: number | undefined
    for (const sent of [...this.sentChunks.values()]) {
      const { interruptedAt } = sent
      if (interruptedAt === undefined) continue
      if (interruptedAt <= since) this.endEarly(sent)
      else next = Math.min(next ?? Number.POSITIVE_INFINITY, interruptedAt - since)
    }
    return next
  })
  private nextId = 0
  /** Whether any item has run of the chunks that the worker has ended. */
  hasRun = false
  /** Those that were forgotten, for what their items have told and is still on its way. */
  private forgotten: ReadonlyMap<number, SentChunk> | undefined = undefined
  /** Whether all were forgotten, because the worker has ended or is about to. */
  private hasForgotten = false
  /** How long the items of the last chunk to end took, in milliseconds. */
  private lastMillis = Number.POSITIVE_INFINITY

  constructor(
    options: StartOptions,
    line: Line,
    addresses: KnownAddresses,
    on: {
      /** `size` may have become 0, or more than 0. */
      readonly busyChange: () => void
      /** `areSettled` has become true. */
      readonly settled: () => void
      /** Something does not yield: the worker is to be killed. */
      readonly stuck: (cause: Error, blame: Blame) => void
    },
    spans: Spans
  ) {
    const { tasksPerWorker, worker } = options
    this.worker = worker
    this.spans = spans
    this.line = line
    this.addresses = addresses
    this.onBusyChange = on.busyChange
    this.onSettled = on.settled
    this.tellsStarts = line.control instanceof ToldNumbers
    this.lag = line.lag
    this.tasksPerWorker = tasksPerWorker
    const cells = cellsOf(tasksPerWorker)
    this.freeCells = Array.from({ length: cells }, (_, cell) => cell)
    // leaves cells for the chunks that the worker has at once, and one for a chunk sent before an end was noticed
    this.mostEndedEarly = cells - Math.max(tasksPerWorker, line.lag === undefined ? 0 : mostAhead) - 1
    const turns = new Turns(line.control)
    this.watch = new ChunkWatch(
      options,
      {
        chunks: () => [...this.sentChunks.values(), ...this.begunLate()],
        abandoned: () => [...this.endedEarly.values()].filter(({ cell }) => cell.phase === phases.loading),
        turns: () => turns.count,
        lag: line.lag ?? (() => 0)
      },
      ({ cause, chunk, isBlocked, positions, what }) => {
        const failure = what === "loading" ? errors.startFailed(worker, cause, chunk.task) : undefined
        on.stuck(cause, { chunk, positions, failure, mayBeLeftBehind: isBlocked && this.hasRun })
      }
    )
  }

  /** How many chunks the worker has yet to report the end of. */
  get size(): number {
    return this.sentChunks.size + this.endedEarly.size
  }

  /** Whether the worker has reported the end of every chunk whose end the pool has acted on. */
  get areSettled(): boolean {
    return this.endedEarly.size === 0
  }

  /** Whether nothing is in hand that the pool has yet to be told of. */
  get areTold(): boolean {
    return this.sentChunks.size === 0
  }

  run(chunk: Chunk): void {
    let codecs: codec.TaskCodecs
    let task: protocol.Reference
    try {
      codecs = taskCrossing.codecsOf(chunk.task, this.line.shares)
      task = this.addresses.referenceOf(chunk.task)
    } catch (cause) {
      return chunk.onEnd(crossing.notSerializable("input", undefined, cause, chunk.task))
    }
    const id = this.nextId++
    const cellNumber = this.freeCells.pop() ?? -1
    const { lag } = this
    const { control } = this.line
    // without a cell it has no numbers: where they would be are those of the hooks
    const granted =
      lag === undefined ? undefined : new GrantedCell(cellNumber < 0 ? undefined : control, cellNumber, id)
    const cell = granted ?? cellOf(control, cellNumber, id)
    const { schemas, slices } = portable.definition(chunk.task)
    const runOf: MessageOf = (items, errors, parts) => ({
      _tag: "Run",
      chunk: id,
      cell: cellNumber,
      task,
      items,
      errors,
      parts,
      encoded: schemas !== undefined,
      slices,
      timeout: chunk.timeout,
      discard: chunk.discard,
      reportInterval: chunk.reportInterval,
      longerThan: chunk.longerThan
    })
    const callers = new Callers(chunk)
    // said only to workers that need it, since what is said to all takes time
    const toldOf: MessageOf =
      granted !== undefined
        ? (items, errors, parts) => ({ ...runOf(items, errors, parts), ...this.grantedAtFirst(chunk, granted, id) })
        : !this.tellsStarts
          ? runOf
          : (items, errors, parts) => ({ ...runOf(items, errors, parts), exactStarts: chunk.exactStarts })
    const messageOf: MessageOf = callers.areDefault
      ? toldOf
      : (items, errors, parts) => ({ ...toldOf(items, errors, parts), ...callers.message(positions) })
    /** The positions of the items that are sent; `undefined` for all. */
    let positions: ReadonlyArray<number> | undefined
    const unsent: Unsent = { id, chunk, callers, cell, cellNumber, codecs, messageOf }
    // how carefully items are looked at, which takes time: as they are, each checked, or each copied
    let care = 0
    if (codecs.input === undefined) {
      try {
        const kind = kindOf(chunk.items)
        if (kind !== "errors") {
          cell.open(chunk.items.length)
          const message = messageOf(chunk.items, [])
          const number = kind === "plain" ? this.line.sendPlain(message) : this.line.send(message)
          return this.sent(new SentChunk(unsent, number, undefined, false))
        }
      } catch {
        // some item cannot be read or cloned, and nothing says which
        care = 1
      }
    }
    const { check } = this.line
    const fail = (position: number, cause: unknown) => this.failInput(chunk, position, cause)
    let outgoing = Outgoing.encode(chunk.items, codecs.input, fail)
    for (; ; care++) {
      if (care === 1) outgoing = outgoing.checked(check, fail)
      else if (care === 2) outgoing = outgoing.copied(check, fail)
      if (outgoing.isEmpty) break
      const { errors, transfers, values } = outgoing
      positions = outgoing.positions
      try {
        cell.open(values.length)
        const number = this.line.send(messageOf(values, errors), transfers)
        return this.sent(new SentChunk(unsent, number, positions, transfers.length > 0 && this.line.moves))
      } catch (cause) {
        if (care < 2) continue
        for (const position of positions) fail(position, cause)
        break
      }
    }
    this.free(cellNumber)
    chunk.onEnd(undefined)
  }

  /** Interrupts a chunk that is in progress, and does nothing about any other. */
  interrupt(chunk: Chunk): void {
    const sent = this.find(chunk)
    if (sent === undefined) return
    // the worker sees this between two items, even when it is too busy to read the message
    sent.cell.interrupt()
    this.line.sendPlain({ _tag: "Interrupt", chunk: sent.id })
    if (this.endIfUnstarted(sent)) return
    this.watch.interrupted(sent)
    if (this.lag !== undefined) this.unheard.within(onItsWay(this.lag()))
  }

  /** Lets at most the first `items` items of a chunk start; returns how many have started or still may. */
  limitTo(chunk: Chunk, items: number): number {
    const sent = this.find(chunk)
    if (sent === undefined || !sent.cell.isKnown || sent.moved || sent.interruptedAt !== undefined) {
      return chunk.items.length
    }
    const { positions } = sent
    if (positions !== undefined) {
      const wanted = positions.filter((position) => position < items).length
      const limit = this.limited(sent, wanted)
      return limit <= wanted ? items : sent.firstOf(limit)
    }
    const limit = this.limited(sent, items)
    // what can be loaded nowhere is noticed only of chunks that somebody waits for
    if (limit === 0 && sent.cell.phase !== phases.loading) this.endIfUnstarted(sent)
    return limit
  }

  /** How many of a chunk's items, the first ones, have started; `undefined` where that is not known. */
  started(chunk: Chunk): number | undefined {
    const sent = this.find(chunk)
    // what has been heard where numbers lag is no more than a hint
    const started = this.lag === undefined ? sent?.cell.started : undefined
    return sent === undefined || started === undefined ? undefined : sent.firstOf(started)
  }

  /** How many of a chunk's items, the first ones, may have started, where that is more than what is known to have. */
  granted(chunk: Chunk): number | undefined {
    if (this.lag === undefined) return undefined
    const sent = this.find(chunk)
    const granted = sent?.cell.mostStarted
    return sent === undefined || granted === undefined ? undefined : sent.firstOf(granted)
  }

  /** The worker has ended, and these were the numbers of its control block then, so that what had started is known. */
  settle(numbers: ReadonlyArray<number>): void {
    for (const { cell } of [...this.sentChunks.values(), ...this.endedEarly.values()]) {
      if (cell instanceof GrantedCell) cell.settle(numbers)
    }
  }

  /** The worker ends now: tells of the items that it had started and not reported, where they have spans. */
  tellRunning(): void {
    for (const sent of this.sentChunks.values()) {
      if (sent.chunk.traceItems !== true) continue
      for (const position of sent.running()) this.spans.itemRuns(sent.id, position)
    }
  }

  /**
   * Forgets all chunks of a worker that has ended or is about to be killed, lets no more of their items start, and
   * returns what the worker had in hand of each (F1). `blame` is the chunk that is to blame for its end, if one is.
   */
  forgetAll(blame?: Blame): ReadonlyMap<Chunk, InHand> {
    this.watch.stop()
    this.unheard.stop()
    this.hasForgotten = true
    const sentChunks = [...this.sentChunks.values()]
    this.forgotten ??= new Map([...this.sentChunks, ...this.endedEarly])
    this.sentChunks.clear()
    this.endedEarly.clear()
    this.ids.clear()
    for (const { cell } of sentChunks) cell.interrupt()
    return new Map(sentChunks.map((sent) => [sent.chunk, this.inHand(sent, blame)]))
  }

  /** Whose an item is, in a chunk whose items have spans; `undefined` for a chunk that has ended. */
  itemOf(id: number, position: number): ItemOf | undefined {
    const sent = this.sentChunks.get(id)
    if (sent === undefined || position >= sent.count) return undefined
    return { context: sent.contextOf(position), index: sent.chunk.index(sent.positionOf(position)) }
  }

  /** The context of the caller of an item, for what has been told of it; `undefined` once its call has ended. */
  contextOf(id: number, position: number): Context.Context<never> | undefined {
    return this.withId(id)?.contextOf(position) ?? this.endedChunks.contextOf(id)
  }

  /** The worker is asked to run its `exit`, or to end. */
  leave(): void {
    // where numbers are told, it may be loading what it has not been heard to have taken up
    if (!this.areSettled) this.watch.leave()
  }

  /** Whether the worker has yet to report the end of a chunk. */
  hasChunk(id: number): boolean {
    return this.sentChunks.has(id) || this.endedEarly.has(id)
  }

  /** The worker has ended, and all that it told has come. */
  workerEnded(): void {
    this.endedChunks.clear()
  }

  /** How long ago a chunk was sent, in milliseconds; `undefined` once nothing is to be told of it. */
  ageOf(id: number): number | undefined {
    return this.withId(id)?.age
  }

  /** One that has not ended, or has but may be told of. */
  private withId(id: number): SentChunk | undefined {
    return this.sentChunks.get(id) ?? this.endedEarly.get(id) ?? this.forgotten?.get(id)
  }

  /** The chunk whose task was being loaded, if that is what ended the worker. */
  get loading(): Chunk | undefined {
    // one whose end the pool has acted on already is to blame then, and its caller has gone
    for (const { cell } of this.endedEarly.values()) if (cell.phase === phases.loading) return undefined
    const sentChunks = [...this.sentChunks.values()]
    const loading = sentChunks.find(({ cell }) => cell.phase === phases.loading)
    // something else ended the worker while it waited to be told where the module is
    if (loading !== undefined && this.addresses.isLocating(portable.moduleOf(loading.chunk.task))) return undefined
    // an item that ran meanwhile may have ended the worker; if it was the module after all, it will end the next too
    if (sentChunks.some((sent) => sent !== loading && sent.cell.mostStarted !== 0)) return undefined
    return loading?.chunk
  }

  /** The worker reports that a chunk's task could not be loaded (F3), or a value bound to it not be read (F4). */
  notLoaded({ cause, chunk, isUnread }: protocol.NotLoaded): void {
    const why = failure.decodeOrDescribe(cause)
    const task = this.sentChunks.get(chunk)?.chunk.task
    this.ended(
      chunk,
      isUnread ? crossing.notSerializable("input", undefined, why, task) : errors.startFailed(this.worker, why, task)
    )
  }

  /** The worker could not read the message of that number: if it was a chunk, sends its items one by one (F4). */
  unreadable(number: protocol.MessageNumber): void {
    const sent = this.findSentAs(number)
    if (sent === undefined) return
    const { chunk, count, id, moved } = sent
    // where nobody waits for it any more, the worker has only to report its end
    const wanted = sent.interruptedAt === undefined && this.sentChunks.has(id) ? count : 0
    for (let position = 0; position < wanted; position++) {
      const part = { _tag: "Part", chunk: id, position, again: true } as const
      const item = moved ? undefined : chunk.items[sent.positionOf(position)]
      try {
        if (moved) throw new Error("Its memory was moved to the worker, which could not read the message")
        const outgoing = Outgoing.encode([item], sent.codecs.input, (_, why) => {
          throw why
        })
        this.line.send({ ...part, item: outgoing.values[0], isError: outgoing.errors.length > 0 })
      } catch (why) {
        const lost = failure.encodeUncloneable(undefined, why)
        this.line.sendPlain({ ...part, item: undefined, isError: false, lost })
      }
    }
    sent.number = this.line.sendPlain(sent.messageOf([], [], wanted))
  }

  /** What the worker reports of a chunk's items. Throws when it cannot be so. */
  results(message: protocol.Results): void {
    const sent = this.sentChunks.get(message.chunk)
    if (sent === undefined) return this.resultsOfEnded(message)
    const { chunk, codecs, positions } = sent
    const { count, from, long, others, values } = message
    sent.noteOutcomes(from, count)
    if (values.length !== count && !chunk.discard) throw new Error(`It reported ${values.length} results as ${count}`)
    if (sent.cell instanceof GrantedCell) sent.cell.noteReported(from, count)
    if (sent.runningSince !== undefined) this.watch.reported(sent, from, count)
    // nothing that was sent has taken longer than since then (F6)
    const millis = Math.min(message.millis, sent.age)
    sent.millis += millis
    if (count > 0) chunk.onTime(count, millis)
    if (this.lag !== undefined && !message.ended) this.grant()
    if (long !== undefined) this.long(sent, long)
    if (chunk.traceItems === true) this.endSpans(message, codecs)
    if (others.length === 0 && positions === undefined && codecs.output === undefined && values.length === count) {
      if (count > 0) chunk.onSuccesses(from, values)
      return message.ended ? this.ended(message.chunk, undefined) : undefined
    }
    let nextOther = 0
    const inOrder = others.length > 1 ? [...others].sort(([left], [right]) => left - right) : others
    for (let offset = 0; offset < count; offset++) {
      const position = sent.positionOf(from + offset)
      const other = inOrder[nextOther]
      if (other !== undefined && other[0] === offset) {
        nextOther++
        this.other(chunk, position, other[1], codecs)
      } else if (codecs.output === undefined || chunk.discard) chunk.onSuccess(position, values[offset])
      else this.decoded(chunk, position, values[offset], codecs.output)
    }
    if (nextOther < inOrder.length) throw new Error("It reported two outcomes of one item")
    if (message.ended) this.ended(message.chunk, undefined)
  }

  /** Ends the spans of items: before whoever waits for their results is told. */
  private endSpans({ chunk: id, count, from, others }: protocol.Results, codecs: codec.TaskCodecs): void {
    const sent = this.sentChunks.get(id)
    if (sent === undefined) return
    const failed = new Map(others)
    for (let offset = 0; offset < count; offset++) {
      const outcome = failed.get(offset)
      const exit =
        outcome === undefined ? Exit.void : this.exitOf(outcome, sent.positionOf(from + offset), sent.chunk, codecs)
      this.spans.itemEnded(id, from + offset, exit)
    }
  }

  /** Hands on which items took long (O1). */
  private long(sent: SentChunk, long: ReadonlyArray<Timed>): void {
    const { age } = sent
    for (const [position, items, millis] of long) {
      if (position + items > sent.count) throw new Error(`It timed item ${position + items - 1} of ${sent.count}`)
      sent.chunk.onLong(sent.positionOf(position), items, Math.min(millis, age))
    }
  }

  /** What the worker reports of a chunk whose end the pool has acted on already. */
  private resultsOfEnded({ chunk, ended }: protocol.Results): void {
    if (!this.hasForgotten && !this.endedEarly.has(chunk)) throw new Error(`It reported a chunk that it was not sent`)
    if (ended) this.ended(chunk, undefined)
  }

  // ---------------------------------------------------------------------------
  // Items
  // ---------------------------------------------------------------------------

  /** An input that cannot cross fails its item alone (F4). */
  private failInput(chunk: Chunk, position: number, cause: unknown): void {
    chunk.onFailure(position, Cause.fail(crossing.notSerializable("input", chunk.index(position), cause, chunk.task)))
  }

  private decoded(chunk: Chunk, position: number, value: unknown, output: codec.Codec): void {
    let decoded: unknown
    try {
      decoded = output.decode(value)
    } catch (cause) {
      return chunk.onFailure(
        position,
        Cause.fail(crossing.notSerializable("output", chunk.index(position), cause, chunk.task))
      )
    }
    chunk.onSuccess(position, decoded)
  }

  /** Hands on an outcome that is not simply a value. */
  private other(chunk: Chunk, position: number, outcome: protocol.EncodedOutcome, codecs: codec.TaskCodecs): void {
    const exit = this.exitOf(outcome, position, chunk, codecs)
    if (exit._tag === "Success") chunk.onSuccess(position, exit.value)
    else chunk.onFailure(position, exit.cause)
  }

  private exitOf(
    outcome: protocol.EncodedOutcome,
    position: number,
    chunk: Chunk,
    codecs: codec.TaskCodecs
  ): Exit.Exit<unknown, unknown> {
    const index = chunk.index(position)
    try {
      return this.decodedOutcome(outcome, index, codecs, chunk.task)
    } catch (cause) {
      // what a task made of an outcome may be none, and its Schemas are users' code (F8)
      return Exit.fail(crossing.notSerializable("error", index, cause, chunk.task))
    }
  }

  private decodedOutcome(
    outcome: protocol.EncodedOutcome,
    index: number,
    codecs: codec.TaskCodecs,
    task: Code
  ): Exit.Exit<unknown, unknown> {
    switch (outcome._tag) {
      case "Error":
        return Exit.succeed(failure.decode(outcome.value))
      case "Failure":
        return Exit.failCause(crossing.decodeCause(outcome.reasons, index, codecs.error, task))
      case "NotSerializable":
        return Exit.fail(
          crossing.notSerializable(outcome.direction, index, failure.decodeOrDescribe(outcome.cause), task)
        )
      case "TimedOut":
        return Exit.fail(errors.taskTimedOut(this.worker, index, task))
    }
  }

  // ---------------------------------------------------------------------------
  // Chunks
  // ---------------------------------------------------------------------------

  /** Asks to let only the first `items` of the items that were sent start; returns how many have started or still may. */
  private limited({ cell, id }: SentChunk, items: number): number {
    if (!(cell instanceof GrantedCell)) return cell.limitTo(items)
    const { total } = cell
    const limit = cell.limitTo(items)
    // those that it has been granted it gives back itself, at the chunk's end, if it has not come to them
    const isAsked = items < Math.min(cell.granted, cell.askedFor)
    if (isAsked) cell.askedFor = items
    if (isAsked || (cell.total < total && cell.isComplete)) {
      this.line.sendPlain({ _tag: "Grant", chunk: id, items: Math.min(items, limit), last: true })
    }
    return limit
  }

  /** What a worker is told of a chunk that it may not begin as a whole, when it is sent it. */
  private grantedAtFirst(
    chunk: Chunk,
    cell: GrantedCell,
    id: number
  ): Pick<protocol.Run, "granted" | "reportInterval"> {
    const { reportInterval } = chunk
    const lag = this.lag?.() ?? 0
    const allowance = new credit.Allowance(this.tasksPerWorker, lag)
    for (const before of this.sentChunks.values()) {
      if (before.id === id) break
      if (before.cell instanceof GrantedCell && before.interruptedAt === undefined)
        allowance.grantOf(before.cell, before.chunk.itemTime)
    }
    cell.granted = allowance.grantOf(cell, chunk.itemTime)
    return cell.isComplete
      ? { reportInterval }
      : { reportInterval: Math.min(reportInterval, credit.reported(lag)), granted: cell.granted }
  }

  /** Grants the worker what it may begin now, as results have come or chunks have ended (K13). */
  private grant(): void {
    const allowance = new credit.Allowance(this.tasksPerWorker, this.lag?.() ?? 0)
    for (const { cell, chunk, id, interruptedAt } of this.sentChunks.values()) {
      if (!(cell instanceof GrantedCell) || interruptedAt !== undefined) continue
      const now = allowance.grantOf(cell, chunk.itemTime)
      if (now === cell.granted) continue
      cell.granted = now
      this.line.sendPlain({ _tag: "Grant", chunk: id, items: now, last: cell.isComplete })
    }
  }

  private findSentAs(number: protocol.MessageNumber): SentChunk | undefined {
    for (const chunks of [this.sentChunks, this.endedEarly]) {
      for (const sent of chunks.values()) if (sent.number === number) return sent
    }
    return undefined
  }

  private find(chunk: Chunk): SentChunk | undefined {
    const id = this.ids.get(chunk)
    return id === undefined ? undefined : this.sentChunks.get(id)
  }

  private sent(sent: SentChunk): void {
    this.ids.set(sent.chunk, sent.id)
    this.sentChunks.set(sent.id, sent)
    this.watch.sent(sent)
    // stays awake: the last chunk took less time than waking this thread would, and so may this one
    if (this.lastMillis < realTime.brief) this.line.stayAwake?.()
    this.onBusyChange()
  }

  private free(cellNumber: number): void {
    if (cellNumber >= 0) this.freeCells.push(cellNumber)
  }

  /**
   * Ends a chunk whose items may not start any more, if none has started, without waiting for the worker's report: it
   * may be busy for long with items of another call, or with the task's module. Returns whether the chunk has ended.
   */
  private endIfUnstarted(sent: SentChunk): boolean {
    return sent.cell.mostStarted === 0 && this.endEarly(sent)
  }

  /** As `endIfUnstarted`, where nothing has been heard of an item that has started. */
  private endEarly(sent: SentChunk): boolean {
    const { cell, chunk, id } = sent
    if (cell.started !== 0 || this.endedEarly.size >= this.mostEndedEarly) return false
    this.sentChunks.delete(id)
    this.endedEarly.set(id, sent)
    this.ids.delete(chunk)
    if (this.lag !== undefined) this.grant()
    chunk.onEnd(undefined)
    return true
  }

  /** Chunks that ended early, of which the worker had begun an item all the same, as it has told since. */
  private begunLate(): ReadonlyArray<SentChunk> {
    return [...this.endedEarly.values()].filter(({ cell }) => cell.lags && cell.started !== 0)
  }

  /** The worker has told numbers that it does not share. */
  told(): void {
    // their items have been interrupted, and may have to be cut short like others'
    for (const sent of this.begunLate()) this.watch.interrupted(sent)
  }

  /** The worker has reported the end of a chunk. */
  private ended(id: number, error: WorkerPoolError.WorkerPoolError | undefined): void {
    const early = this.endedEarly.get(id)
    const sent = early ?? this.sentChunks.get(id)
    if (sent === undefined) return
    this.endedEarly.delete(id)
    this.sentChunks.delete(id)
    this.lastMillis = sent.millis
    if (!this.hasRun) this.hasRun = sent.cell.mostStarted !== 0
    this.spans.chunkEnded(id)
    const { atCallEnd } = sent.chunk
    if (atCallEnd !== undefined) this.endedChunks.add(id, sent.contextOf(0), atCallEnd)
    this.free(sent.cellNumber)
    this.onBusyChange()
    if (early !== undefined) return this.areSettled ? this.onSettled() : undefined
    this.ids.delete(sent.chunk)
    if (this.lag !== undefined) this.grant()
    sent.chunk.onEnd(error)
  }

  private inHand(sent: SentChunk, blame: Blame | undefined): InHand {
    const { cell, chunk, moved } = sent
    // without a cell nobody knows: any item may have started
    const { mostStarted } = cell
    const started = mostStarted === undefined ? chunk.items.length : sent.firstOf(mostStarted)
    const isToBlame = blame?.chunk === chunk
    return {
      started,
      ...(cell.isCertain ? {} : { exact: false }),
      timedOut: isToBlame ? blame.positions.map((position) => sent.positionOf(position)) : [],
      moved,
      failure: isToBlame ? blame.failure : undefined
    }
  }
}
