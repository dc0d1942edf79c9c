/**
 * The chunks that a remote worker has: their items on the way there, their outcomes on the way back.
 */
import * as Cause from "effect/Cause"
import type { Transferable } from "../Channel.ts"
import type { WorkerIdentity } from "../WorkerPoolError.ts"
import * as WorkerPoolError from "../WorkerPoolError.ts"
import type { Chunk } from "../WorkerRuntime.ts"
import * as codec from "./codec.ts"
import * as crossing from "./crossing.ts"
import * as failure from "./failure.ts"
import type { KnownAddresses } from "./knownAddresses.ts"
import * as portable from "./portable.ts"
import type * as protocol from "./protocol.ts"

/** What the chunks need of their worker. */
export interface ChunksHost {
  readonly worker: WorkerIdentity
  readonly addresses: KnownAddresses
  readonly send: (message: protocol.ToWorker, transfers?: Array<Transferable>) => void
  /** Whether there are chunks may have changed. */
  readonly busyChanged: () => void
}

/** A chunk that the worker has, with what is needed to hand its outcomes on. */
interface Sent {
  readonly chunk: Chunk
  readonly codecs: codec.TaskCodecs
  /** The positions of the items that were sent, when not all were. */
  readonly positions: ReadonlyArray<number> | undefined
}

export class RemoteChunks {
  private readonly host: ChunksHost
  private readonly sentChunks = new Map<number, Sent>()
  private readonly ids = new Map<Chunk, number>()
  private nextChunk = 0

  constructor(host: ChunksHost) {
    this.host = host
  }

  get size(): number {
    return this.sentChunks.size
  }

  run(chunk: Chunk): void {
    const { schemas } = portable.definition(chunk.task)
    const codecs = schemas === undefined ? crossing.noCodecs : codec.fromSchemas(schemas)
    const id = this.nextChunk++
    let task: protocol.Reference
    try {
      task = this.host.addresses.tell(chunk.task)
    } catch (cause) {
      return chunk.onEnd(crossing.notSerializable("input", undefined, cause))
    }
    const send = (items: ReadonlyArray<unknown>, errors: ReadonlyArray<number>, transfers: Array<Transferable>) =>
      this.host.send(
        {
          _tag: "Run",
          chunk: id,
          task,
          items,
          errors,
          encoded: schemas !== undefined,
          timeout: chunk.timeout,
          discard: chunk.discard
        },
        transfers
      )
    this.ids.set(chunk, id)
    if (codecs.input === undefined && !chunk.items.some(isError)) {
      try {
        send(chunk.items, [], [])
        return this.sent(id, { chunk, codecs, positions: undefined })
      } catch {
        /* some item cannot be cloned: find out which */
      }
    }
    const items: Array<unknown> = []
    const errors: Array<number> = []
    const positions: Array<number> = []
    const transfers: Array<Transferable> = []
    chunk.items.forEach((item, position) => {
      try {
        if (codecs.input !== undefined) {
          items.push(codecs.input.encode(item, transfers))
        } else if (isError(item)) {
          items.push(cloneable(failure.encode(item)))
          errors.push(items.length - 1)
        } else {
          items.push(cloneable(item))
        }
        positions.push(position)
      } catch (cause) {
        this.failInput(chunk, position, cause)
      }
    })
    // that an item failed may have ended the call
    if (items.length === 0 || this.isInterrupted(chunk)) return this.notSent(chunk)
    try {
      send(items, errors, transfers)
      this.sent(id, { chunk, codecs, positions })
    } catch (cause) {
      for (const position of positions) this.failInput(chunk, position, cause)
      this.notSent(chunk)
    }
  }

  interrupt(chunk: Chunk): void {
    const id = this.ids.get(chunk)
    if (id === undefined) return
    if (this.sentChunks.has(id)) this.host.send({ _tag: "Interrupt", chunk: id })
    // it is about to be sent
    else this.ids.delete(chunk)
  }

  private isInterrupted(chunk: Chunk): boolean {
    return !this.ids.has(chunk)
  }

  private failInput(chunk: Chunk, position: number, cause: unknown): void {
    chunk.onFailure(position, Cause.fail(crossing.notSerializable("input", chunk.indices[position], cause)))
  }

  private sent(id: number, sent: Sent): void {
    this.sentChunks.set(id, sent)
    this.host.busyChanged()
  }

  private notSent(chunk: Chunk): void {
    this.ids.delete(chunk)
    chunk.onEnd(undefined)
  }

  /** The worker says that a chunk's task could not be loaded. */
  notLoaded(id: number, cause: unknown): void {
    this.ended(
      id,
      WorkerPoolError.make(new WorkerPoolError.StartFailed({ ...WorkerPoolError.inWorker(this.host.worker), cause }))
    )
  }

  private ended(id: number, error: WorkerPoolError.WorkerPoolError | undefined): void {
    const sent = this.sentChunks.get(id)
    if (sent === undefined) return
    this.sentChunks.delete(id)
    this.ids.delete(sent.chunk)
    this.host.busyChanged()
    sent.chunk.onEnd(error)
  }

  results(message: protocol.Results): void {
    const sent = this.sentChunks.get(message.chunk)
    if (sent === undefined) return
    const { chunk, codecs, positions } = sent
    const { count, from, others, values } = message
    let other = 0
    const inOrder = others.length > 1 ? [...others].sort(([left], [right]) => left - right) : others
    for (let offset = 0; offset < count; offset++) {
      const position = positions === undefined ? from + offset : positions[from + offset]!
      if (inOrder[other]?.[0] === offset) this.other(chunk, position, inOrder[other++]![1], codecs)
      else if (codecs.output === undefined || chunk.discard) chunk.onSuccess(position, values[offset])
      else this.decoded(chunk, position, values[offset], codecs.output)
    }
    if (message.ended) this.ended(message.chunk, undefined)
  }

  private decoded(chunk: Chunk, position: number, value: unknown, output: codec.Codec): void {
    let decoded: unknown
    try {
      decoded = output.decode(value)
    } catch (cause) {
      return chunk.onFailure(position, Cause.fail(crossing.notSerializable("output", chunk.indices[position], cause)))
    }
    chunk.onSuccess(position, decoded)
  }

  private other(chunk: Chunk, position: number, outcome: protocol.Outcome, codecs: codec.TaskCodecs): void {
    const index = chunk.indices[position]!
    switch (outcome._tag) {
      case "Error":
        return chunk.onSuccess(position, failure.decode(outcome.value))
      case "Failure":
        return chunk.onFailure(position, crossing.decodeCause(outcome.reasons, index, codecs.error))
      case "NotSerializable": {
        const cause = failure.decode(outcome.cause)
        return chunk.onFailure(position, Cause.fail(crossing.notSerializable(outcome.direction, index, cause)))
      }
      case "TimedOut": {
        const timedOut = new WorkerPoolError.TaskTimedOut({ index, ...WorkerPoolError.inWorker(this.host.worker) })
        return chunk.onFailure(position, Cause.fail(WorkerPoolError.make(timedOut)))
      }
    }
  }
}

const isError = (value: unknown): boolean => value instanceof Error

/** Throws when the value cannot be cloned. */
const cloneable = (value: unknown): unknown => {
  structuredClone(value)
  return value
}
