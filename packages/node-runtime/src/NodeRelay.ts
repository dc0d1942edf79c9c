/**
 * What a relay is made of: a program that starts workers on its machine for pools that are elsewhere, and passes on what they
 * say to each other. Messages stay bytes in it: it reads none, so that no value can harm it, and takes no time for what is in
 * them. The runners of `@effect-mpire/cluster` are relays.
 *
 * @since 0.1.0
 */
import type { Closed, Control } from "@effect-mpire/core/Channel"
import type { WorkerIdentity } from "@effect-mpire/core/WorkerPoolError"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Encoder } from "./internal/encoder.ts"
import { FrameReader } from "./internal/frames.ts"
import * as mainModule from "./internal/mainModule.ts"
import * as processes from "./internal/processes.ts"
import * as threads from "./internal/threads.ts"
import type { ProcessOptions, ThreadOptions } from "./NodeWorkerRuntime.ts"

/**
 * The ways by which a worker's bytes come: its channel, or a second one past all that waits in the first, as
 * `Channel.aside` says. Each is a stream of its own.
 *
 * @category models
 * @since 0.1.0
 */
export type Way = "channel" | "aside"

/**
 * A worker of this machine, at the relay's end.
 *
 * @category models
 * @since 0.1.0
 */
export interface Relayed {
  /** Passes bytes of the pool's on; they must not change afterwards. Does nothing once the worker has ended. */
  readonly send: (bytes: Uint8Array) => void
  /** Sets the one receiver of the worker's bytes, which are its own from then on. */
  readonly receive: (handler: (bytes: Uint8Array, way: Way) => void) => void
  /** Sets a handler that is called, once, when the worker has ended, after its last bytes. */
  readonly closed: (handler: (closed: Closed) => void) => void
  /** Ends the worker now, whatever it is doing; completes when it has ended. */
  readonly kill: Effect.Effect<void>
  /** The numbers that this end shares with the worker; `undefined` where it was started without. */
  readonly control: Control | undefined
  /**
   * Reads all of these numbers at once, which takes about as long as to read one of a process's; some may be older than
   * others, where the worker sets them meanwhile. Left out with `control`.
   */
  readonly readNumbers: ((into: Int32Array) => void) | undefined
}

/**
 * Starts a thread that speaks bytes and shares `controls` numbers; the Scope ends it. A message of more than
 * `maxMessageSize` bytes is refused by the worker that would send it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openThread: (
  worker: WorkerIdentity,
  controls: number,
  options: ThreadOptions,
  maxMessageSize: number
) => Effect.Effect<Relayed, unknown, Scope.Scope> = threads.openRelayed

/**
 * Starts a process that speaks bytes and shares `controls` numbers; the Scope ends it. A message of more than
 * `maxMessageSize` bytes is refused by the worker that would send it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openProcess: (
  worker: WorkerIdentity,
  controls: number,
  options: ProcessOptions,
  maxMessageSize: number
) => Effect.Effect<Relayed, unknown, Scope.Scope> = processes.openRelayed

/**
 * What the pool's end of such a channel reads and writes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Messages {
  /** A message as bytes, in one part or several that follow each other. Throws when the message cannot be cloned. */
  readonly encode: (message: unknown) => ReadonlyArray<Uint8Array>
  /** As `Connection.check`. */
  readonly check: (value: unknown) => void
  /** As `Connection.inspect`. */
  readonly inspect: (object: object) => void
}

/**
 * Writes messages as a worker of `openThread` or `openProcess` reads them, one worker's at a time. `encode` throws for a message
 * of more than `maxMessageSize` bytes.
 *
 * @category messages
 * @since 0.1.0
 */
export const makeMessages = (maxMessageSize: number): Messages => {
  const encoder = new Encoder(maxMessageSize)
  return {
    encode: (message) => {
      const { blocks, frame } = encoder.write(message)
      return blocks.length === 0 ? [frame] : [frame, ...blocks]
    },
    check: encoder.check,
    inspect: encoder.inspect
  }
}

/**
 * Reads the messages in a stream of a worker's bytes, however it was cut. `unreadable` is called in the place of a message that
 * cannot be read, `malformed` once, when what has arrived is no message, or one of more than `maxMessageSize` bytes: what
 * comes after it is ignored.
 *
 * @category messages
 * @since 0.1.0
 */
export const makeReader = (
  handlers: {
    readonly message: (message: unknown) => void
    readonly unreadable: (cause: unknown) => void
    readonly malformed: (cause: Error) => void
  },
  maxMessageSize: number
): ((bytes: Uint8Array) => void) => {
  const reader = new FrameReader(handlers, maxMessageSize)
  return (bytes) => reader.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
}

/**
 * Says why no worker must load a module, by its URL, as `WorkerRuntime.layerChannel` asks: it is the main file of this
 * program, and not guarded. `layer` is the name of the layer whose option `mainModule` says that it is.
 *
 * @category modules
 * @since 0.1.0
 */
export const refuseMainModule: (
  layer: string,
  options?: { readonly mainModule?: boolean | undefined }
) => (url: string) => string | undefined = mainModule.refuseMainModule
