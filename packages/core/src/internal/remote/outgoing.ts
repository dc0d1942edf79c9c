/**
 * The items of a chunk on their way to a worker. To read an item is users' code, of getters, Proxies and Schemas, which
 * may throw, or answer differently each time: each is read by itself, so that only its own fails (F4, F8).
 */
import type { Transferable } from "../../Channel.ts"
import type { Codec } from "../wire/codec.ts"
import * as failure from "../wire/failure.ts"
import { clone } from "../wire/packing.ts"

interface Item {
  /** Its position in the chunk. */
  readonly position: number
  /** As it crosses. */
  readonly value: unknown
  /** Whether it is an error that has been taken apart. */
  readonly isError: boolean
  /** Whether memory of it is moved, so that it need not be cloneable. */
  readonly moves: boolean
}

/** Takes the failure of the item at `position`, which cannot cross. */
type Fail = (position: number, cause: unknown) => void

export class Outgoing {
  private readonly items: ReadonlyArray<Item>
  readonly transfers: Array<Transferable>

  private constructor(items: ReadonlyArray<Item>, transfers: Array<Transferable>) {
    this.items = items
    this.transfers = transfers
  }

  /** Encodes items by their Schema, and takes errors apart. */
  static encode(inputs: ReadonlyArray<unknown>, codec: Codec | undefined, fail: Fail): Outgoing {
    const transfers: Array<Transferable> = []
    const items: Array<Item> = []
    inputs.forEach((input, position) => {
      try {
        if (codec === undefined) {
          const encoded = isError(input)
          items.push({ position, value: encoded ? failure.encode(input) : input, isError: encoded, moves: false })
        } else {
          const before = transfers.length
          const value = codec.encode(input, transfers)
          items.push({ position, value, isError: false, moves: transfers.length > before })
        }
      } catch (cause) {
        fail(position, cause)
      }
    })
    return new Outgoing(items, transfers)
  }

  get isEmpty(): boolean {
    return this.items.length === 0
  }

  get values(): ReadonlyArray<unknown> {
    return this.items.map(({ value }) => value)
  }

  get positions(): ReadonlyArray<number> {
    return this.items.map(({ position }) => position)
  }

  /** The positions, in `values`, of errors. */
  get errors(): ReadonlyArray<number> {
    return this.items.flatMap(({ isError }, n) => (isError ? [n] : []))
  }

  /** Those that `check` does not throw for; what is moved is not asked. */
  checked(check: (value: unknown) => void, fail: Fail): Outgoing {
    const items = this.replace(fail, (item) => {
      if (!item.moves) check(item.value)
      return item.value
    })
    return new Outgoing(items, this.transfers)
  }

  /**
   * Copies, which cannot answer the channel otherwise than `check`, as a getter or a Proxy can. Nothing is moved: what
   * cannot be moved, because it has been before, would fail all.
   */
  copied(check: (value: unknown) => void, fail: Fail): Outgoing {
    const items = this.replace(fail, ({ value }) => {
      const copy = clone(value)
      check(copy)
      return copy
    })
    return new Outgoing(items, [])
  }

  private replace(fail: Fail, valueOf: (item: Item) => unknown): ReadonlyArray<Item> {
    return this.items.flatMap((item) => {
      try {
        return [{ ...item, value: valueOf(item) }]
      } catch (cause) {
        fail(item.position, cause)
        return []
      }
    })
  }
}

/**
 * What is to be done about items: nothing for primitives; errors are taken apart, and of other objects the channel has to
 * know. Throws for a Proxy that was revoked, or whose trap throws.
 */
export const kindOf = (items: ReadonlyArray<unknown>): "plain" | "objects" | "errors" => {
  let kind: "plain" | "objects" = "plain"
  for (const item of items) {
    if (typeof item !== "object" || item === null) continue
    if (item instanceof Error) return "errors"
    kind = "objects"
  }
  return kind
}

const isError = (value: unknown): boolean => typeof value === "object" && value instanceof Error
