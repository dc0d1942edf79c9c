/**
 * What a platform supplies to run workers somewhere else: a channel with two ends. `WorkerRuntime.layerChannel` speaks
 * the worker protocol over the pool's end, `WorkerEntry.serve` over the worker's; neither knows whether a thread, a
 * process or a machine is on the other side.
 *
 * **Details**
 *
 * A channel keeps messages in order and loses none while it is open. What it carries is what structured clone carries;
 * `send` throws, and sends nothing, when a message cannot be cloned.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"

/**
 * What a platform can move instead of copying it, such as an `ArrayBuffer` or a `MessagePort`; an object of no type that
 * all platforms know.
 *
 * @category models
 * @since 0.1.0
 */
export type Transferable = object

/**
 * Whole numbers of 32 bits that both ends see as soon as they are set, without a message, however busy the other side is:
 * shared memory, a file, or whatever outlives the worker. All are 0 at first.
 *
 * **Details**
 *
 * With it a pool knows what a worker was doing when it vanished, and a task that computes learns that nobody wants its
 * result. Each number is set by one end only, so no more than order is asked of it: whoever sees a number sees what was
 * set before it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Control {
  readonly get: (place: number) => number
  readonly set: (place: number, value: number) => void
}

/**
 * The worker's end of a channel.
 *
 * @category models
 * @since 0.1.0
 */
export interface Channel {
  /**
   * Sends a message; `transfers` are moved instead of copied, where the platform can. Throws when the message cannot
   * be cloned.
   */
  readonly send: (message: unknown, transfers?: Array<Transferable>) => void
  /** Sets the one receiver of messages. Messages that arrived before wait for it. */
  readonly receive: (handler: (message: unknown) => void) => void
  /** Closes the worker's end, so that the worker ends by itself once nothing else keeps it running. */
  readonly close: () => void
  /** The numbers that are shared with the pool, where the platform can share any. */
  readonly control?: Control | undefined
  /**
   * Calls back once all that was sent has left the worker, so that it arrives even if the worker is killed then. Left out
   * where `send` itself sees to that.
   */
  readonly flushed?: ((resume: () => void) => void) | undefined
  /** Throws what `send` would throw for the value; sends nothing. Default: `structuredClone`. */
  readonly check?: ((value: unknown) => void) | undefined
  /**
   * Says that a message is expected within about a tenth of a millisecond, as after a short chunk: less than it takes many
   * platforms to wake a thread that has gone to sleep. Left out where nothing can be done about that.
   */
  readonly stayAwake?: (() => void) | undefined
}

/**
 * Why a connection closed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Closed {
  /** The thread's or process's exit code, where there was one. */
  readonly exitCode?: number | undefined
  /** The signal that ended the process, where there was one. */
  readonly signal?: string | undefined
  /** The uncaught error that ended the worker, where there was one. */
  readonly cause?: unknown
}

/**
 * The pool's end of a channel.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connection {
  /**
   * Sends a message; `transfers` are moved instead of copied, where the platform can. Throws when the message cannot
   * be cloned; does nothing once the connection has closed.
   */
  readonly send: (message: unknown, transfers?: Array<Transferable>) => void
  /** Sets the one receiver of messages. Messages that arrived before wait for it. */
  readonly receive: (handler: (message: unknown) => void) => void
  /** Sets the one receiver of the connection's end, called once when the worker has ended, for whatever reason. */
  readonly closed: (handler: (closed: Closed) => void) => void
  /** Ends the worker now, whatever it does; completes when it has ended. */
  readonly kill: Effect.Effect<void>
  /** Says whether the worker is in use: one that is not must not keep the main process alive. */
  readonly setBusy: (busy: boolean) => void
  /** The numbers that are shared with the worker; they can be read after its end. */
  readonly control?: Control | undefined
  /** Whether `transfers` are moved, so that they cannot be sent again. Default: true. */
  readonly moves?: boolean | undefined
  /** Whether both sides see what either writes to a `SharedArrayBuffer` that is sent. Default: false. */
  readonly shares?: boolean | undefined
  /** Throws what `send` would throw for the value; sends nothing. Default: `structuredClone`. */
  readonly check?: ((value: unknown) => void) | undefined
  /** Says that a message is expected within about a tenth of a millisecond, as in a `Channel`. */
  readonly stayAwake?: (() => void) | undefined
}
