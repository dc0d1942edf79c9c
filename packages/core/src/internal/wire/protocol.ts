/**
 * The messages between a pool and its workers, the same on every channel.
 */
import type { NotSerializable } from "../../WorkerPoolError.ts"
import type { InitFailure } from "../../WorkerRuntime.ts"
import type { Export, Inline } from "../task/portable.ts"
import type { EncodedReason, EncodedValue } from "./failure.ts"

/** The number that stands for an address in messages, once `Define` has told the worker the address. */
export type Reference = number

/** An address as a worker is told it. A bound value crosses here, once per worker. */
export type Described =
  | Export
  | Inline
  | { readonly _tag: "Bound"; readonly target: Reference; readonly value: unknown }

/** What `init` does: builds the services first, then runs the hook. */
export type InitStage = InitFailure["of"]

/** From the pool to a worker. */
export type ToWorker =
  | {
      readonly _tag: "Start"
      readonly id: number
      readonly generation: number
      readonly tasksPerWorker: number
    }
  | { readonly _tag: "Define"; readonly reference: Reference; readonly address: Described }
  | { readonly _tag: "Forget"; readonly reference: Reference }
  | {
      readonly _tag: "Init"
      readonly services: Reference | undefined
      readonly hook: Reference | undefined
      /** In milliseconds. */
      readonly timeout: number | undefined
    }
  | { readonly _tag: "InterruptInit" }
  | Run
  | { readonly _tag: "Interrupt"; readonly chunk: number }
  | {
      readonly _tag: "Exit"
      readonly hook: Reference
      /** In milliseconds. */
      readonly timeout: number | undefined
    }
  | { readonly _tag: "Close" }
  | { readonly _tag: "Stop" }

/** A chunk to run. */
export interface Run {
  readonly _tag: "Run"
  /** Its number, unique among the chunks of the worker. */
  readonly chunk: number
  readonly task: Reference
  readonly items: ReadonlyArray<unknown>
  /** The positions, in `items`, of errors: each is sent as an `EncodedError`. */
  readonly errors: ReadonlyArray<number>
  /** Whether the task has Schemas on the pool's side: the items are encoded, and results and failures are to be. */
  readonly encoded: boolean
  /** Whether items are slices of an array, as `mapArray` sends them. */
  readonly slices?: boolean | undefined
  /** How long an item may take, in milliseconds. */
  readonly timeout: number | undefined
  /** Whether results are dropped in the worker. */
  readonly discard: boolean
  /** The least time between reports, in milliseconds; with 0 each outcome is reported before the next item starts. */
  readonly reportInterval: number
  /** The chunk's cell in the control block; -1 when it has none. */
  readonly cell: number
}

/** From a worker to the pool. */
export type FromWorker =
  | { readonly _tag: "Ready" }
  /** `stage` is how far `init` has come, which says whose failure it is if it has failed. */
  | { readonly _tag: "Initialised"; readonly result: HookResult; readonly stage: InitStage }
  | { readonly _tag: "Exited"; readonly result: HookResult }
  | { readonly _tag: "Closed"; readonly result: HookResult }
  | Results
  | { readonly _tag: "NotLoaded"; readonly chunk: number; readonly cause: EncodedValue }
  /** The last message of a worker that an uncaught error ends. */
  | { readonly _tag: "Uncaught"; readonly cause: EncodedValue }

/** How a hook ended, or the finalizers that run on `Close`. An `Error` is a result that is an error. */
export type HookResult =
  | { readonly _tag: "Success"; readonly value: unknown }
  | { readonly _tag: "Error"; readonly value: EncodedValue }
  | { readonly _tag: "Failure"; readonly cause: EncodedValue }
  | { readonly _tag: "NotLoaded"; readonly cause: EncodedValue }
  | { readonly _tag: "NotSerializable"; readonly cause: EncodedValue }
  | { readonly _tag: "TimedOut" }
  | { readonly _tag: "Interrupted" }

/** Outcomes of the `count` items of a chunk from the position `from` on. */
export interface Results {
  readonly _tag: "Results"
  readonly chunk: number
  readonly from: number
  readonly count: number
  /** How long they took, in milliseconds of the worker's time. */
  readonly millis: number
  /** The results; `undefined` for items in `others`, and no results where they are dropped. */
  readonly values: ReadonlyArray<unknown>
  /** Outcomes that are not plain results; `offset` is the item's position less `from`. */
  readonly others: ReadonlyArray<readonly [offset: number, outcome: EncodedOutcome]>
  /** Whether the chunk has ended: items without an outcome have not started. */
  readonly ended: boolean
}

/** An outcome that is not a plain result. An `Error` is a result that is an error. */
export type EncodedOutcome =
  | { readonly _tag: "Error"; readonly value: EncodedValue }
  | { readonly _tag: "Failure"; readonly reasons: ReadonlyArray<EncodedReason> }
  | {
      readonly _tag: "NotSerializable"
      readonly direction: NotSerializable["direction"]
      readonly cause: EncodedValue
    }
  | { readonly _tag: "TimedOut" }
