/**
 * Where a call's items come from: an iterable, pulled as there is room, or a Stream or async iterable, which a fiber pumps
 * into a buffer (C3, C9).
 */
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import { guarded, type Turn } from "../common/turn.ts"
import { now } from "../task/realTime.ts"

/** What a call sees of its source. */
export interface Source {
  /** How many items there are in all, where that is known. */
  readonly length: number | undefined
  /** How many items can be taken now, at most. A chunk of what is there goes out at once: it waits for no more (C9). */
  readonly available: number
  /**
   * Takes up to `max` items; fewer, or none, when no more are there now, and fewer where to make them takes longer than
   * `patience` milliseconds. Throws what the iterable throws (C7).
   */
  take(max: number, patience?: number): Array<unknown>
  /** Whether it is known, without pulling, that no item is left. */
  readonly isExhausted: boolean
  /** Whether no item is left. May pull one to find out; throws what the iterable throws. */
  ended(): boolean
  /** Tells the source that there may be room for more items now; left out by sources that do not wait for that. */
  readonly poke?: (() => void) | undefined
  /** Tells the source that no more items will be taken. */
  close(): void
}

class ArraySource implements Source {
  readonly length: number
  readonly available = Number.POSITIVE_INFINITY
  private readonly items: ReadonlyArray<unknown>
  private next = 0

  constructor(items: ReadonlyArray<unknown>) {
    this.items = items
    this.length = items.length
  }

  take(max: number): Array<unknown> {
    const taken = this.items.slice(this.next, this.next + max)
    this.next += taken.length
    return taken
  }

  get isExhausted(): boolean {
    return this.next >= this.length
  }

  ended(): boolean {
    return this.next >= this.items.length
  }

  close(): void {
    this.next = Number.POSITIVE_INFINITY
  }
}

/** How many items are pulled at most between two looks at the clock. */
const mostUnlooked = 64

class IterableSource implements Source {
  readonly length: number | undefined
  readonly available = Number.POSITIVE_INFINITY
  private readonly items: Iterable<unknown>
  private iterator: Iterator<unknown> | undefined = undefined
  private lookahead: Array<unknown> = []
  private isDone = false

  constructor(items: Iterable<unknown>, length: number | undefined) {
    this.items = items
    this.length = length
  }

  take(max: number, patience = Number.POSITIVE_INFINITY): Array<unknown> {
    const taken = this.lookahead
    this.lookahead = []
    const began = now()
    // a look at the clock after each item would cost as much as the item
    for (let look = 1; !this.isDone && taken.length < max;) {
      this.pull(taken)
      if (taken.length < look) continue
      if (now() - began > patience) break
      // an iterable that becomes slow after thousands of items is not to give as many again before it is seen to
      look += Math.min(look, mostUnlooked)
    }
    return taken
  }

  get isExhausted(): boolean {
    return this.isDone && this.lookahead.length === 0
  }

  ended(): boolean {
    if (!this.isDone && this.lookahead.length === 0) this.pull(this.lookahead)
    return this.isDone && this.lookahead.length === 0
  }

  close(): void {
    if (this.isDone) return
    this.isDone = true
    this.iterator?.return?.()
  }

  private pull(into: Array<unknown>): void {
    this.iterator ??= this.items[Symbol.iterator]()
    // set first: an iterable that throws has nothing more to give, and its `return` must not be called
    this.isDone = true
    const result = this.iterator.next()
    if (result.done === true) return
    this.isDone = false
    into.push(result.value)
  }
}

/** The items of a Stream, which `pump` pulls into a buffer. */
export class StreamSource implements Source {
  readonly length: number | undefined
  private buffer: ReadonlyArray<unknown> = []
  private next = 0
  private isDone = false
  /** Lets the pump go on if it may pull now; set while it waits. */
  private demand: (() => void) | undefined = undefined

  constructor(length: number | undefined) {
    this.length = length
  }

  get available(): number {
    return this.buffer.length - this.next
  }

  take(max: number): Array<unknown> {
    const taken = this.buffer.slice(this.next, this.next + max)
    this.next += taken.length
    if (this.next >= this.buffer.length) {
      this.buffer = []
      this.next = 0
    }
    return taken
  }

  get isExhausted(): boolean {
    return this.isDone && this.buffer.length === 0
  }

  ended(): boolean {
    return this.isExhausted
  }

  readonly poke = (): void => this.demand?.()

  close(): void {
    this.buffer = []
    this.next = 0
    this.isDone = true
  }

  /**
   * Pulls the Stream's arrays until it ends: the next one when the last has been taken and `hasRoom` says so. `changed`
   * is called, in a turn, whenever items have come or the Stream has ended. Fails as the Stream does.
   */
  pump<E, R>(
    stream: Stream.Stream<unknown, E, R>,
    turn: Turn,
    hasRoom: () => boolean,
    changed: () => void
  ): Effect.Effect<void, E, R | Scope.Scope> {
    return Effect.flatMap(Stream.toPull(stream), (pull) => {
      const wanted = Effect.callback<void>((resume) => {
        // the next array is pulled when there is room for more (C3), and goes out as it comes (C9)
        if (this.buffer.length === 0 && hasRoom()) return resume(Effect.void)
        this.demand = () => {
          if (this.buffer.length > 0 || !hasRoom()) return
          this.demand = undefined
          // the Stream goes on at once, with users' code
          turn.tell(() => resume(Effect.void))
        }
      })
      const step = Effect.map(Effect.andThen(wanted, pull), (items) =>
        turn.take(() => {
          this.buffer = items
          changed()
        })
      )
      return Pull.catchDone(Effect.forever(step), () =>
        Effect.sync(() =>
          turn.take(() => {
            this.isDone = true
            changed()
          })
        )
      )
    })
  }
}

/** What a caller can give as items. */
export type Items = Iterable<unknown> | AsyncIterable<unknown> | Stream.Stream<unknown, unknown, unknown>

/**
 * The items as an iterable or a Stream; `undefined` when they are neither, nor an async iterable. One that throws when it is
 * asked counts as an iterable, which throws again when it is pulled (C7).
 */
export const given = (items: unknown): Iterable<unknown> | Stream.Stream<unknown, unknown, unknown> | undefined => {
  if (Array.isArray(items) || Stream.isStream(items) || typeof items === "string") return items
  if (items === undefined || items === null) return undefined
  const has = (symbol: symbol) => typeof (items as Readonly<Record<symbol, unknown>>)[symbol] === "function"
  const kind = guarded(
    () => (has(Symbol.iterator) ? "iterable" : has(Symbol.asyncIterator) ? "async" : "none"),
    () => {}
  )
  if (kind === "none") return undefined
  return kind === "async" ? fromAsync(items as AsyncIterable<unknown>) : (items as Iterable<unknown>)
}

const fromAsync = (items: AsyncIterable<unknown>): Stream.Stream<unknown, WorkerPoolError.WorkerPoolError> => {
  const failed = (cause: unknown) => WorkerPoolError.make(new WorkerPoolError.InputFailed({ cause }))
  return Stream.unwrap(
    Effect.map(Effect.try({ try: () => items[Symbol.asyncIterator](), catch: failed }), (iterator) =>
      Stream.fromAsyncIterable({ [Symbol.asyncIterator]: () => iterator }, failed)
    )
  )
}

/** The `length` or `size` of an iterable, where it has one. */
const lengthOf = (items: Iterable<unknown>): number | undefined => {
  const { length, size } = items as { readonly length?: unknown; readonly size?: unknown }
  return typeof length === "number" ? length : typeof size === "number" ? size : undefined
}

/** The source of a call over an iterable; `length` is the option of that name, for iterables that cannot tell. */
export const fromIterable = (items: Iterable<unknown>, length: number | undefined): Source =>
  Array.isArray(items) ? new ArraySource(items) : new IterableSource(items, lengthOf(items) ?? length)
