/**
 * The spans of a worker that have not ended, by their ids: those of each chunk that has not ended, and those that outlive
 * theirs, as daemons' do (O3).
 */
import type * as Tracer from "effect/Tracer"
import type { Tracing } from "../common/tracing.ts"
import { poolsOwn } from "../wire/observed.ts"

/** A span that has not ended. */
export interface Open {
  readonly span: Tracer.Span
  readonly tracing: Tracing
  readonly parent: Open | undefined
  /** It ends no earlier than this, in nanoseconds: when it began, and what is within it ended. */
  until: bigint
}

/** The span of an item, which ends when the item's result has come. */
export interface OpenItem extends Open {
  readonly id: string
  /** When the item ended, once that has been told. */
  end: bigint | undefined
}

/** What is open of a chunk. */
interface OpenChunk {
  readonly spans: Map<string, Open>
  /** By their positions among the items that were sent. */
  readonly items: Map<number, OpenItem>
  /** When the last of its items ended whose span has, in nanoseconds. */
  until: bigint
}

/** How many spans are kept that outlive their chunk: one that nobody ever ends would be kept for ever. */
const mostOutliving = 1000

const zero = BigInt(0)

export class OpenSpans {
  /** Whether the end of a chunk is yet to come: what is kept of any other would never go. */
  private readonly hasChunk: (chunk: number) => boolean
  /** A span is no longer kept, though it has not ended in its worker. */
  private readonly onDropped: (span: Open) => void
  private readonly chunks = new Map<number, OpenChunk>()
  private readonly outliving = new Map<string, Open>()

  constructor(hasChunk: (chunk: number) => boolean, onDropped: (span: Open) => void) {
    this.hasChunk = hasChunk
    this.onDropped = onDropped
  }

  get size(): number {
    let size = this.outliving.size
    for (const { spans } of this.chunks.values()) size += spans.size
    return size
  }

  add(chunk: number, id: string, span: Open): void {
    const open = this.chunk(chunk)
    if (open !== undefined) open.spans.set(id, span)
    else this.outlives(id, span)
  }

  addItem(chunk: number, position: number, item: OpenItem): void {
    const open = this.chunk(chunk)
    if (open === undefined) return
    open.items.set(position, item)
    open.spans.set(item.id, item)
  }

  find(chunk: number, id: string): Open | undefined {
    return this.chunks.get(chunk)?.spans.get(id) ?? this.chunks.get(poolsOwn)?.spans.get(id) ?? this.outliving.get(id)
  }

  /** The span of an item that has not ended. */
  item(chunk: number, position: number): OpenItem | undefined {
    return this.chunks.get(chunk)?.items.get(position)
  }

  /** A span ends. */
  take(chunk: number, id: string): Open | undefined {
    const open = this.find(chunk, id)
    this.chunks.get(chunk)?.spans.delete(id)
    this.outliving.delete(id)
    return open
  }

  /** The span of an item ends. */
  takeItem(chunk: number, position: number): OpenItem | undefined {
    const item = this.item(chunk, position)
    if (item === undefined) return undefined
    const open = this.chunks.get(chunk)
    open?.items.delete(position)
    open?.spans.delete(item.id)
    return item
  }

  /** The span of an item has ended at that time. */
  itemEnded(chunk: number, end: bigint): void {
    const open = this.chunks.get(chunk)
    if (open !== undefined && open.until < end) open.until = end
  }

  /** When the last item of a chunk ended whose span has; 0 if there was none. */
  untilOf(chunk: number): bigint {
    return this.chunks.get(chunk)?.until ?? zero
  }

  /** The positions of a chunk's items whose spans have not ended. */
  itemsOf(chunk: number): ReadonlyArray<number> {
    return [...(this.chunks.get(chunk)?.items.keys() ?? [])]
  }

  /** A chunk has ended: what is open of it may go on by itself. */
  chunkEnded(chunk: number): void {
    const open = this.chunks.get(chunk)
    this.chunks.delete(chunk)
    if (open !== undefined) for (const [id, span] of open.spans) this.outlives(id, span)
  }

  /** All that are open end, in the order in which they began. */
  takeAll(): ReadonlyArray<Open> {
    const all = [...this.outliving.values(), ...[...this.chunks.values()].flatMap(({ spans }) => [...spans.values()])]
    this.outliving.clear()
    this.chunks.clear()
    return all
  }

  private outlives(id: string, span: Open): void {
    this.outliving.set(id, span)
    if (this.outliving.size <= mostOutliving) return
    for (const [oldest, dropped] of this.outliving) {
      this.outliving.delete(oldest)
      return this.onDropped(dropped)
    }
  }

  /** What is kept of a chunk; `undefined` for one that has ended. */
  private chunk(chunk: number): OpenChunk | undefined {
    let open = this.chunks.get(chunk)
    if (open !== undefined || (chunk !== poolsOwn && !this.hasChunk(chunk))) return open
    this.chunks.set(chunk, (open = { spans: new Map(), items: new Map(), until: zero }))
    return open
  }
}
