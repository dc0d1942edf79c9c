/**
 * How far a call has come, and the service that is told of calls which show their progress.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * The option `progress` of a call: a label, or more than that.
 *
 * @category options
 * @since 0.1.0
 */
export type ProgressOptions =
  | string
  | {
      /** What is being done, as people are told. */
      readonly label: string
      /** What is counted, in the plural: `"files"`, or what weights are measured in. Default: `"items"`. */
      readonly unit?: string | undefined
      /**
       * How much work an item is, a finite number >= 0: bar, rate and remaining time go by that instead of by items. Called
       * once for each item, before the call begins; the items must tell how many they are. In `mapArray` it gets slices.
       */
      readonly weight?: ((item: any) => number) | undefined
    }

/**
 * How far a call has come.
 *
 * @see {@link layer} for being told of it
 * @see {@link format} for a line of text
 *
 * @category models
 * @since 0.1.0
 */
export interface CallProgress {
  /** Another number for each call, in the order in which they began. */
  readonly id: number
  /** The name of the call's pool, if it has one. */
  readonly pool: string | undefined
  readonly label: string
  /** What `done` and `total` count. */
  readonly unit: string
  /** `"interrupted"`: its caller was, or its stream was ended early. */
  readonly state: "running" | "succeeded" | "failed" | "interrupted"
  /** How many items have ended, those that failed included. */
  readonly items: number
  /** How many of them failed. */
  readonly failed: number
  /** How many items there are in all; `undefined` where that is not known. */
  readonly length: number | undefined
  /** How much is done: how many items have ended, or what they weigh together. */
  readonly done: number
  /** How much there is to do in all; `undefined` where that is not known. */
  readonly total: number | undefined
  /** For how long the call has run, or had when it ended, in milliseconds. */
  readonly elapsed: number
  /** How much was done in a second, on average over the call; `undefined` while nothing is done. */
  readonly rate: number | undefined
  /**
   * How long the rest should take at that rate, in milliseconds; `undefined` while as many items as the pool has slots have
   * not ended, or where it is not known how many there are.
   */
  readonly remaining: number | undefined
}

/**
 * Is told of the calls that have the option `progress`.
 *
 * @see {@link layer} for making one
 *
 * @category models
 * @since 0.1.0
 */
export interface Progress {
  /**
   * A call begins: `read` tells how far it has come, whenever it is called. When the call has ended, it runs the Effect that
   * this returns.
   */
  readonly follow: (read: () => CallProgress) => Effect.Effect<void>
}

/** Tells nobody. */
export const silent: Progress = { follow: () => Effect.void }

/**
 * The service that calls with the option `progress` report to; it is silent unless a layer provides another one. A
 * Reference: a call does not require it.
 *
 * @see {@link layer} for hearing of the calls
 *
 * @category services
 * @since 0.1.0
 */
export const Progress: Context.Reference<Progress> = Context.Reference("@effect-mpire/core/Progress", {
  defaultValue: () => silent
})
