/**
 * The messages between a pool and its workers, the same on every channel.
 */
import type { NotSerializable } from "../../WorkerPoolError.ts"
import type { InitFailure } from "../../WorkerRuntime.ts"
import type { Export, Inline } from "../task/portable.ts"
import type { EncodedReason, EncodedValue } from "./failure.ts"
import type { Timed } from "./longest.ts"
import type { Caller, ObservedRecord } from "./observed.ts"

/** The number that stands for an address in messages, once `Define` has told the worker the address. */
export type Reference = number

/** The number of a message among those that its end has sent, from 0. */
export type MessageNumber = number

/** An address as a worker is told it. A bound value crosses here, once per worker. */
export type Described =
  | Export
  /** An export of a module that the worker finds somewhere else than the pool does: `Located` says where. */
  | { readonly _tag: "Elsewhere"; readonly url: string; readonly name: string }
  | Inline
  | Bound
  /** One with a bound value that the worker could not read. */
  | { readonly _tag: "Lost"; readonly cause: EncodedValue }
  | { readonly _tag: "Refused"; readonly url: string; readonly why: string }
  /** The source of a function, which the worker must not be sent. */
  | { readonly _tag: "RefusedInline"; readonly cause: EncodedValue }

/** Where the worker finds the module of a URL that was told as `Elsewhere`, or why it must not load it. */
export type Located = { readonly _tag: "Located"; readonly url: string } & (
  | { readonly at: string }
  | { readonly cause: EncodedValue }
)

/** A value bound to what `target` stands for; taken apart if it is an error. */
interface Bound {
  readonly _tag: "Bound"
  readonly target: Reference
  readonly value: unknown
  readonly isError: boolean
}

/** A message of the other end's could not be read: asks for its parts, one by one, and then for `Repeated`. */
export interface Unreadable {
  readonly _tag: "Unreadable"
  readonly number: MessageNumber
  readonly cause: EncodedValue
}

/** All parts of an `Unreadable` message have been sent again. */
export interface Repeated {
  readonly _tag: "Repeated"
}

/** Numbers of the control block, from `from` on, that the sender has set: where both ends share no memory. */
export interface Numbers {
  readonly _tag: "Numbers"
  readonly from: number
  readonly values: ReadonlyArray<number>
}

interface Message {
  /** Whether it repeats a message, or a part of one, that could not be read. */
  readonly again?: true | undefined
}

interface WorkerMessage extends Message {
  /** Whether the worker keeps it until the pool has read it. */
  readonly kept?: true | undefined
}

/** What `init` does: builds the services first, then runs the hook. */
export type InitStage = InitFailure["of"]

/** Says what worker it is. */
export interface Start {
  readonly _tag: "Start"
  readonly id: number
  readonly generation: number
  readonly tasksPerWorker: number
  /** Whether a task's module may have made the pool as it was loaded (F3). */
  readonly isInDoubt?: boolean
}

/** From the pool to a worker. */
export type ToWorker = Message &
  (
    | Start
    | { readonly _tag: "Define"; readonly reference: Reference; readonly address: Described }
    | { readonly _tag: "Forget"; readonly reference: Reference }
    | Located
    | {
        readonly _tag: "Init"
        readonly services: Reference | undefined
        readonly hook: Reference | undefined
        /** In milliseconds. */
        readonly timeout: number | undefined
        /** What they see of the pool's context. */
        readonly caller?: Caller | undefined
      }
    | { readonly _tag: "InterruptInit" }
    | Run
    | { readonly _tag: "Interrupt"; readonly chunk: number }
    | Grant
    | {
        readonly _tag: "Exit"
        readonly hook: Reference
        /** In milliseconds. */
        readonly timeout: number | undefined
        /** What it sees of the pool's context. */
        readonly caller?: Caller | undefined
      }
    | { readonly _tag: "Close" }
    | { readonly _tag: "Stop" }
    | Numbers
    | Part
    | Unreadable
    | Repeated
  )

/** An item of a chunk whose `Run` could not be read; `lost` says why this one cannot cross either. */
export interface Part {
  readonly _tag: "Part"
  readonly chunk: number
  readonly position: number
  readonly item: unknown
  readonly isError: boolean
  readonly lost?: EncodedValue | undefined
}

/**
 * More of a chunk's items may start, the first `items` ones now, where the pool's numbers lag (K13). With `last` no more
 * will: the chunk ends with those, or with what has started already.
 */
export interface Grant {
  readonly _tag: "Grant"
  readonly chunk: number
  readonly items: number
  readonly last: boolean
}

/** A chunk to run. */
export interface Run {
  readonly _tag: "Run"
  /** Its number, unique among the chunks of the worker. */
  readonly chunk: number
  readonly task: Reference
  readonly items: ReadonlyArray<unknown>
  /** How many items there are, where they come as `Part`s before this message. */
  readonly parts?: number | undefined
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
  /** How long an item has to take, in milliseconds, for its time to be told; left out where nobody wants to know. */
  readonly longerThan?: number | undefined
  /** The chunk's cell in the control block; -1 when it has none. */
  readonly cell: number
  /** How many of its items, the first ones, may start before a `Grant` says more; left out where all may. */
  readonly granted?: number | undefined
  /** Whether the start of each item is to be told, where both ends share no memory. */
  readonly exactStarts?: boolean | undefined
  /** What of the callers' contexts the items see, each caller once; left out where all is as by default. */
  readonly callers?: ReadonlyArray<Caller | undefined> | undefined
  /** Of each item, which of `callers` is its own; left out where there is one caller. */
  readonly callerOf?: ReadonlyArray<number> | undefined
  /** Whether each item is to have a span of its own. */
  readonly traceItems?: boolean | undefined
}

/** From a worker to the pool. */
export type FromWorker = WorkerMessage &
  (
    | { readonly _tag: "Ready" }
    /** `stage` is how far `init` has come, which says whose failure it is if it has failed. */
    | { readonly _tag: "Initialised"; readonly result: HookResult; readonly stage: InitStage }
    | { readonly _tag: "Exited"; readonly result: HookResult }
    | { readonly _tag: "Closed"; readonly result: HookResult }
    | Results
    | NotLoaded
    /** The last message of a worker that an uncaught error ends. */
    | { readonly _tag: "Uncaught"; readonly cause: EncodedValue }
    | Observed
    | Numbers
    | Unreadable
    | Repeated
  )

/**
 * What Effects in the worker logged, traced and measured (O3). `first` is the number of the first record. One that was
 * sent `aside` has gone past messages that were sent before: what is in it is sent in order as well.
 */
export interface Observed {
  readonly _tag: "Observed"
  readonly first: number
  readonly records: ReadonlyArray<ObservedRecord>
  /** When it was sent, in milliseconds by the worker's wall clock. */
  readonly at: number
  readonly aside?: true | undefined
}

/** A chunk cannot run; `isUnread` where that is because a value bound to its task could not be read. */
export interface NotLoaded {
  readonly _tag: "NotLoaded"
  readonly chunk: number
  readonly cause: EncodedValue
  readonly isUnread: boolean
}

/** How a hook ended, or the finalizers that run on `Close`. An `Error` is a result that is an error. */
export type HookResult =
  | { readonly _tag: "Success"; readonly value: unknown }
  | { readonly _tag: "Error"; readonly value: EncodedValue }
  | { readonly _tag: "Failure"; readonly cause: EncodedValue }
  | { readonly _tag: "NotLoaded"; readonly cause: EncodedValue }
  | {
      readonly _tag: "NotSerializable"
      readonly direction: NotSerializable["direction"]
      readonly cause: EncodedValue
    }
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
  /** What took longer than `longerThan` and has not been told before; left out where nothing did. */
  readonly long?: ReadonlyArray<Timed> | undefined
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
