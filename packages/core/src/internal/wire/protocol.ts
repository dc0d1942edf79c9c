/**
 * What a pool and its workers say to each other over a channel. The same for threads and processes.
 */
import type { EncodedReason, EncodedValue } from "./failure.ts"
import type { Export, Inline } from "../task/portable.ts"

/** The number by which a worker knows an address that it has been told. */
export type Reference = number

/** An address, as a worker is told it: what is bound crosses here, once. */
export type Described =
  | Export
  | Inline
  | { readonly _tag: "Bound"; readonly target: Reference; readonly value: unknown }

/** From the pool. */
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
      readonly timeout: number | undefined
    }
  | { readonly _tag: "InterruptInit" }
  | Run
  | { readonly _tag: "Interrupt"; readonly chunk: number }
  | { readonly _tag: "Exit"; readonly hook: Reference; readonly timeout: number | undefined }
  | { readonly _tag: "Close" }
  | { readonly _tag: "Stop" }

/** A chunk to run. */
export interface Run {
  readonly _tag: "Run"
  /** Unique for the worker. */
  readonly chunk: number
  readonly task: Reference
  readonly items: ReadonlyArray<unknown>
  /** The positions of items that are errors, taken apart. */
  readonly errors: ReadonlyArray<number>
  /** Whether items are encoded by the task's Schemas, and results and failures are to be. */
  readonly encoded: boolean
  /** Whether items are slices of an array. */
  readonly slices?: boolean | undefined
  /** In milliseconds. */
  readonly timeout: number | undefined
  readonly discard: boolean
  /** In milliseconds. */
  readonly reportInterval: number
  /** Where the worker writes down how far it has come with the chunk. */
  readonly cell: number
}

/** From a worker. */
export type FromWorker =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Initialised"; readonly result: HookResult }
  | { readonly _tag: "Exited"; readonly result: HookResult }
  | { readonly _tag: "Closed"; readonly result: HookResult }
  | Results
  | { readonly _tag: "NotLoaded"; readonly chunk: number; readonly cause: EncodedValue }
  /** The last message of a worker that an uncaught error ends. */
  | { readonly _tag: "Uncaught"; readonly cause: EncodedValue }

/** How a hook ended. */
export type HookResult =
  | { readonly _tag: "Success"; readonly value: unknown }
  | { readonly _tag: "Error"; readonly value: EncodedValue }
  | { readonly _tag: "Failure"; readonly cause: EncodedValue }
  | { readonly _tag: "NotLoaded"; readonly cause: EncodedValue }
  | { readonly _tag: "NotSerializable"; readonly cause: EncodedValue }
  | { readonly _tag: "TimedOut" }
  | { readonly _tag: "Interrupted" }

/** Outcomes of `count` items that stand one after another in their chunk, from the position `from`. */
export interface Results {
  readonly _tag: "Results"
  readonly chunk: number
  readonly from: number
  readonly count: number
  /** How long they took, in milliseconds. */
  readonly millis: number
  /** What succeeded, with anything in the places of `others`; empty when results are dropped. */
  readonly values: ReadonlyArray<unknown>
  /** Outcomes that are no plain value, by their place after `from`. */
  readonly others: ReadonlyArray<readonly [offset: number, outcome: EncodedOutcome]>
  /** Whether the chunk has ended: items without an outcome have not started. */
  readonly ended: boolean
}

/** An outcome that is no plain value. */
export type EncodedOutcome =
  | { readonly _tag: "Error"; readonly value: EncodedValue }
  | { readonly _tag: "Failure"; readonly reasons: ReadonlyArray<EncodedReason> }
  | {
      readonly _tag: "NotSerializable"
      readonly direction: "input" | "output" | "error"
      readonly cause: EncodedValue
    }
  | { readonly _tag: "TimedOut" }
