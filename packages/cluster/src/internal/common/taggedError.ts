/**
 * `Data.TaggedError`, for errors that cross to other processes, as those of core do: the message, for which each class has
 * a getter, is made once, as a property of each error, because a copy by structured clone has no such prototype. The stack
 * is the message alone: where the library made the error tells users nothing.
 */
import * as Data from "effect/Data"

export const TaggedError = ((tag: string) => {
  abstract class Told extends (Data.TaggedError(tag) as new (fields: object) => Error) {
    constructor(fields: object) {
      super(fields)
      const { message } = this
      const define = (key: string, value: string) =>
        Object.defineProperty(this, key, { value, configurable: true, writable: true })
      define("message", message)
      define("stack", `${this.name}: ${message}`)
    }
  }
  return Told
}) as unknown as typeof Data.TaggedError
