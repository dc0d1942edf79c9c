/**
 * What sends messages as frames: looks at the objects in a message before it is written.
 */
import { inspect, sizeOf } from "./cloneable.ts"
import { isException } from "./exceptions.ts"
import { FrameWriter, tooLarge, type Written } from "./frames.ts"

export class Encoder {
  private readonly writer: FrameWriter
  private readonly maxSize: number
  /** Whether the message that is to be written may have DOMExceptions in it. */
  private hasExceptions = false

  constructor(maxSize?: number) {
    this.writer = new FrameWriter(maxSize)
    this.maxSize = maxSize ?? Number.POSITIVE_INFINITY
  }

  /** Throws for an object that would arrive as something else; called with those in a message before it is written. */
  readonly inspect = (object: object): void => {
    if (isException(object)) this.hasExceptions = true
    else inspect(object)
  }

  /** Throws for a value what a message with it would throw; writes nothing. */
  readonly check = (value: unknown): void => {
    const size = sizeOf(value)
    if (size > this.maxSize) throw tooLarge(size, this.maxSize)
  }

  /** Throws when the message cannot be cloned; then it has not been numbered. */
  write(message: unknown): Written {
    const { hasExceptions } = this
    this.hasExceptions = false
    return this.writer.write(message, hasExceptions)
  }
}
