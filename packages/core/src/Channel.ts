/**
 * What a platform supplies to run workers somewhere else: a channel with two ends. `WorkerRuntime.layerChannel` speaks
 * the worker protocol over the pool's end, `WorkerEntry.serve` over the worker's; neither knows whether a thread, a
 * process or a machine is on the other side.
 *
 * **Details**
 *
 * A channel keeps messages in order and loses none while it is open: both ends count them. What it carries is what
 * structured clone carries; `send` throws, and sends nothing, when a message cannot be cloned. Tasks must not be able to
 * send on it: a message that is not of the protocol ends its worker.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"

/**
 * What a platform can move instead of copying it, such as an `ArrayBuffer` or a `MessagePort`. Any object, because no
 * type for it is known on all platforms.
 *
 * @category models
 * @since 0.1.0
 */
export type Transferable = object

/**
 * Numbers that both ends share: 32-bit integers, 0 at first, that one end sees as soon as the other has set them,
 * without a message, however busy it is. They live in shared memory, in a file, or wherever else they outlive the
 * worker.
 *
 * **Details**
 *
 * With them a pool takes back items that have not started and knows what a worker was doing when it vanished, and a
 * task that computes learns that its result is unwanted. Each number is set by one end only. Where a platform has none, the
 * two ends tell each other by messages what they can.
 *
 * **Gotchas**
 *
 * `get` and `set` must be sequentially consistent, as `Atomics.load` and `Atomics.store` are: the calls of both ends
 * take effect in one order, in which those of each end stand as it made them. Order alone (release and acquire) is not
 * enough: each end could set a number and then still read the old one of the other, and an item that the pool has
 * taken back would start in the worker all the same, so that it runs twice. Where that cannot be had, as over a network, the
 * pool's end says so by `lag`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Control {
  /** Reads the number at `index`, from 0. */
  readonly get: (index: number) => number
  /** Sets the number at `index`, from 0. */
  readonly set: (index: number, value: number) => void
  /**
   * Given at the pool's end where numbers arrive late, as over a network: about how long it takes, in milliseconds, until
   * a message has reached the worker and what the worker sends then is here. The pool asks for it often.
   *
   * Then the worker starts nothing beyond what it has been granted, and the pool grants ahead what takes about two such
   * times. `set` reaches the worker before a message that is sent after it, and numbers that the worker has set arrive within
   * about 25 milliseconds and the lag, those that it set earlier no later than others, `index` by `index`. The worker's own
   * end shares numbers with whatever sends them on, and has no `lag`.
   */
  readonly lag?: (() => number) | undefined
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
  /**
   * Sets the one receiver of messages. Messages that arrived before wait for it. `unreadable` is to be called in the
   * place of a message that has arrived and cannot be read, as when it is nested more deeply than this end's stack
   * allows: its parts are then sent again, each by itself.
   */
  readonly receive: (handler: (message: unknown) => void, unreadable: (cause: unknown) => void) => void
  /** Closes the worker's end, so that the worker ends by itself once nothing else keeps it running. */
  readonly close: () => void
  /** The numbers that are shared with the pool, where the platform can share any. */
  readonly control?: Control | undefined
  /**
   * Calls `resume` once all messages sent so far have left the worker, so that they arrive even if it is killed then.
   * Left out where they have left when `send` returns.
   */
  readonly flushed?: ((resume: () => void) => void) | undefined
  /**
   * Sends a message past all that `flushed` would wait for, and returns when it has left the worker, so that it arrives
   * even if the worker is killed then. It is received like others, before `closed` tells of the worker's end. Left out
   * where `flushed` is, or where the platform has no second way: then the last lines of a log may be lost with a worker.
   */
  readonly aside?: ((message: unknown) => void) | undefined
  /** Throws what `send` would throw for the value; sends nothing. Default: `structuredClone`. */
  readonly check?: ((value: unknown) => void) | undefined
  /**
   * Called with each object of a message that is of no class of JavaScript's own, with each error in it and with each
   * view of shared memory: throws for one that would arrive as something else, as a URL does where a serializer makes `{}`
   * of it. Left out where `send` throws for such objects itself.
   */
  readonly inspect?: ((object: object) => void) | undefined
  /**
   * Says that a message is expected within about a tenth of a millisecond, as after a short chunk: on many platforms it
   * takes longer to wake a thread that has gone to sleep. Left out where a thread cannot be kept awake.
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
  /**
   * Whether more was lost than the worker, such as the machine that it was on, so that it is nobody's fault here: no
   * module, slot or hook is blamed for it, and the first time no item. `cause` says what was lost, as `RunnerLost` does, by
   * whose `runner` it is known which workers were lost together. Default: false.
   */
  readonly external?: boolean | undefined
  /**
   * All numbers of the control block as they were when the worker had ended, from index 0 on, where they lag: by these it is
   * known exactly which items had started. Left out where nobody can tell, as when more was lost than the worker: then all
   * items count as started that it had been granted.
   */
  readonly numbers?: ReadonlyArray<number> | undefined
}

/**
 * What a worker uses, as its platform tells without asking the worker, which may be computing.
 *
 * @see {@link Connection.usage} for when it is asked for
 *
 * @category models
 * @since 0.1.0
 */
export interface Usage {
  /** The heap of a thread, or the resident memory of a process, in bytes. */
  readonly memory: number | undefined
  /** How long it has used a CPU since it began, in milliseconds. */
  readonly cpu: number | undefined
  /**
   * How long it has been computing since it began, or would have, had there been a CPU for it, in milliseconds: not the
   * time in which it waited for something else.
   */
  readonly active: number | undefined
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
  /**
   * As `send`, in one order with it, for a message that tells the worker code, with what is bound to it: the same is told to
   * other workers, so that a machine that has several need be sent it once. Default: `send`.
   */
  readonly sendCode?: ((message: unknown) => void) | undefined
  /**
   * Sets the one receiver of messages. Messages that arrived before wait for it. `unreadable` is to be called in the
   * place of a message that has arrived and cannot be read, as when it is nested more deeply than this end's stack
   * allows: its parts are then sent again, each by itself.
   */
  readonly receive: (handler: (message: unknown) => void, unreadable: (cause: unknown) => void) => void
  /** Sets the one handler that is called, once, when the worker has ended, for whatever reason. */
  readonly closed: (handler: (closed: Closed) => void) => void
  /** Ends the worker now, whatever it is doing; completes when it has ended. */
  readonly kill: Effect.Effect<void>
  /**
   * Sets the one handler that is called, once, when the worker's place is wanted back: the pool then releases the worker, with
   * `exit`, as soon as what has started in it has ended. Left out where no place is ever wanted back.
   */
  readonly unwanted?: ((handler: () => void) => void) | undefined
  /** Called, once, when the worker's `init` has ended, so that it takes items. Left out where nobody wants to know. */
  readonly initialised?: (() => void) | undefined
  /** Says whether the worker is in use: one that is not must not keep the main process alive. */
  readonly setBusy: (busy: boolean) => void
  /** The numbers that are shared with the worker; they can be read after its end. */
  readonly control?: Control | undefined
  /**
   * Where numbers lag: how long it may take from `kill` until `closed` is called, in milliseconds. For so long the pool waits
   * to be told what a worker had done that it has given up; then all that it had been granted counts as started. Default: 10
   * seconds.
   */
  readonly suspectAfter?: number | undefined
  /**
   * Where the worker finds the module of that URL, which may be elsewhere than here, as on another machine (K10); fails with
   * why the worker must not load it. Asked once for each module and worker; the worker waits for it when it is to load that
   * module, and for no longer than `startTimeout`. Left out where a URL leads both ends to the same file.
   */
  readonly locate?: ((url: string) => Effect.Effect<string, unknown>) | undefined
  /**
   * Why the worker must not be sent the sources of functions, as `Portable.inline` does (K10); `undefined` when it may be.
   * Left out where it always may.
   */
  readonly refuseInline?: (() => unknown) | undefined
  /** Whether `transfers` are moved, so that they cannot be sent again. Default: true. */
  readonly moves?: boolean | undefined
  /** Whether both sides see what either writes to a `SharedArrayBuffer` that is sent. Default: false. */
  readonly shares?: boolean | undefined
  /** Throws what `send` would throw for the value; sends nothing. Default: `structuredClone`. */
  readonly check?: ((value: unknown) => void) | undefined
  /**
   * Called with each object of a message that is of no class of JavaScript's own, with each error in it and with each
   * view of shared memory: throws for one that would arrive as something else, as a URL does where a serializer makes `{}`
   * of it. Left out where `send` throws for such objects itself.
   */
  readonly inspect?: ((object: object) => void) | undefined
  /** Says that a message is expected within about a tenth of a millisecond, as in a `Channel`. */
  readonly stayAwake?: (() => void) | undefined
  /**
   * What the worker uses now; `undefined` where that cannot be told. Asked only when somebody reads `insights`, and at
   * most once a second. It must not depend on the worker: one that computes answers nothing.
   */
  readonly usage?: Effect.Effect<Usage | undefined> | undefined
}
