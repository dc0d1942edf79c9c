/**
 * What a pool's `insights` gives.
 */
import type { Usage } from "../../Channel.ts"

/**
 * A number for each of the things that a worker's life is spent on.
 *
 * @see {@link Numbers} for these as times and as ratios
 *
 * @category models
 * @since 0.1.0
 */
export interface Shares {
  /** Starting the worker, and loading the module of its first task. */
  readonly startUp: number
  /** Building the services and running `init`. */
  readonly init: number
  /** Waiting, live, for something to do: for items, or for a message from the pool. */
  readonly waiting: number
  /** At least one item running. */
  readonly working: number
  /** Running `exit` and the finalizers, and stopping. */
  readonly exit: number
}

/**
 * What has been counted and timed of workers, since the pool was made.
 *
 * @category models
 * @since 0.1.0
 */
export interface Numbers {
  /** Items that have ended: failed and interrupted ones too. */
  readonly items: number
  /** Items that have failed: those that timed out, or were lost with their worker, are among them. */
  readonly failed: number
  /** Items that were interrupted, of `items`. */
  readonly interrupted: number
  /** Items that came by `run`, of `items`. */
  readonly runs: number
  /** Chunks that were sent. */
  readonly chunks: number
  /** Chunks of calls that set their length, by `chunkSize` or `chunks`, of `chunks`. */
  readonly fixedChunks: number
  /** Chunks of calls with `dispatch: "ordered"`, of `chunks`. */
  readonly orderedChunks: number
  /** Workers that were started, or were to be. */
  readonly workers: number
  /** Workers that vanished. */
  readonly lost: number
  /** Workers that were killed because something in them did not yield. Those that `terminate` kills do not count. */
  readonly killed: number
  /** How long there was a worker, in milliseconds: from its start to its end, its loss or its kill. */
  readonly live: number
  /** What that time was spent on, in milliseconds. */
  readonly times: Shares
  /** The same as shares of that time, which sum to 1; all 0 while no worker has lived. */
  readonly ratios: Shares
}

/**
 * What the worker of a slot used, as it was when it was last asked for: at most once a second, and only by `insights`.
 *
 * @see {@link Usage} for what platforms tell
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkerUsage extends Usage {
  /** The generation of the worker that it is about. */
  readonly generation: number
  /** How long that worker had been working then, in milliseconds. */
  readonly working: number
  /** How long it had taken until it was live, in milliseconds: what it used for that is counted too. */
  readonly starting: number
}

/**
 * What has been counted and timed of the workers of one slot, over its generations.
 *
 * @category models
 * @since 0.1.0
 */
export interface SlotInsights extends Numbers {
  /** The slot, 0 … size-1; more where the pool has shrunk below a slot that had workers. */
  readonly worker: number
  /** What its worker uses; `undefined` where the platform does not tell, or before it was asked for. */
  readonly usage: WorkerUsage | undefined
}

/**
 * One of the items that took longest, or a group of short ones that were timed together.
 *
 * @category models
 * @since 0.1.0
 */
export interface LongestItem {
  /** The number of its call in the pool, as events have it. */
  readonly call: number
  /** How long all items of that call took together, in milliseconds, as far as workers have reported them. */
  readonly callMillis: number
  /** The item's index in the input of its call, from 0; of a group, that of the first one. An item of `run` has 0. */
  readonly index: number
  /**
   * 1 where it is known that it was this item. Else how many items, one after another, took that long together: which of
   * them it was is not known.
   */
  readonly items: number
  /** Whether it came by `run`: then nobody waits for it but its caller. */
  readonly run: boolean
  /** How long it took, in milliseconds of the worker's time. */
  readonly millis: number
  /** The task: its module's URL and its name there, or the name of a function; `undefined` for one without a name. */
  readonly task: string | undefined
  /** The slot of the worker that ran it. */
  readonly worker: number
  readonly generation: number
  /** The input, as `describe` prints it; `undefined` for a group, and with `describe: false`. */
  readonly input: string | undefined
}

/**
 * The thread that the pool itself runs in.
 *
 * @category models
 * @since 0.1.0
 */
export interface PoolThread {
  /** How much of the time it was busy while the pool had live workers, 0 … 1. */
  readonly utilization: number
  /** Whether tasks run on it too, as those of fibers do. */
  readonly runsTasks: boolean
}

/**
 * Where the time of a pool's workers goes.
 *
 * @see `WorkerPool.Controls.insights` for getting it
 *
 * @category models
 * @since 0.1.0
 */
export interface Insights {
  /** The pool's name. */
  readonly pool: string
  /** How many slots the pool has. */
  readonly size: number
  /** How many items of async tasks a worker runs at once. */
  readonly tasksPerWorker: number
  /** All slots together; of five workers, five seconds live in each second. */
  readonly total: Numbers
  /** Each slot, in order. */
  readonly slots: ReadonlyArray<SlotInsights>
  /** The items that took longest, at most five, the longest first. */
  readonly longest: ReadonlyArray<LongestItem>
  /** The pool's own thread; `undefined` where the platform does not tell, and before a worker was live. */
  readonly thread: PoolThread | undefined
}
