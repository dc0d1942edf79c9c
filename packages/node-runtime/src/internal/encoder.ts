/**
 * What sends messages as frames: looks at the objects in a message before it is written.
 */
import { inspect } from "./cloneable.ts"
import { isException } from "./exceptions.ts"
import { FrameWriter, type Written } from "./frames.ts"

export class Encoder {
  private readonly writer: FrameWriter
  /** Whether the message that is to be written may have DOMExceptions in it. */
  private hasExceptions = false

  constructor(maxSize?: number) {
    this.writer = new FrameWriter(maxSize)
  }

  /** Throws for an object that would arrive as something else; called with those in a message before it is written. */
  readonly inspect = (object: object): void => {
    if (isException(object)) this.hasExceptions = true
    else inspect(object)
  }

  /** Throws when the message cannot be cloned; then it has not been numbered. */
  write(message: unknown): Written {
    const { hasExceptions } = this
    this.hasExceptions = false
    return this.writer.write(message, hasExceptions)
  }
}
