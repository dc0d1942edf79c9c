/**
 * Finds the large memory of a message, which is sent beside its frame: the serializer would copy it once more on each side.
 */
import { types } from "node:util"

// tasks can replace these in their process (F6)
const { getPrototypeOf, prototype: plain } = Object
const { isArray } = Array
const { isArrayBuffer, isArrayBufferView, isProxy } = types

/** From how many bytes on memory is large: for less a block of its own takes longer than it saves. */
const least = 65_536

/** How many values are looked at, and how deeply: what is beyond is still sent, within the frame. */
const limits = { values: 1000, depth: 6 }

class Search {
  readonly found: Array<ArrayBuffer> = []
  private left = limits.values

  visit(value: unknown, depth: number): void {
    if (this.left-- <= 0 || typeof value !== "object" || value === null) return
    if (isArrayBufferView(value)) this.add(value.buffer)
    else if (isArrayBuffer(value)) this.add(value)
    else if (depth < limits.depth && !isProxy(value)) this.visitParts(value, depth + 1)
  }

  private visitParts(object: object, depth: number): void {
    if (isArray(object)) {
      for (let index = 0; index < object.length && this.left > 0; index++) this.visit(object[index], depth)
    } else if (getPrototypeOf(object) === plain) {
      for (const key in object) this.visit((object as Readonly<Record<string, unknown>>)[key], depth)
    }
  }

  private add(memory: ArrayBufferLike): void {
    // resizable memory has to stay so, and shared memory is not copied
    if (!isArrayBuffer(memory) || memory.byteLength < least || memory.resizable) return
    if (!this.found.includes(memory)) this.found[this.found.length] = memory
  }
}

/** The memory of at least 64 KiB in a message, each once. Throws what getters throw. */
export const largeMemory = (message: unknown): ReadonlyArray<ArrayBuffer> => {
  const search = new Search()
  search.visit(message, 0)
  return search.found
}
