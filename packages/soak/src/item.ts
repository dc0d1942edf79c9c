/**
 * What the items of the soak are, on both sides. Free of Effect, because plain tasks import it in workers.
 */

/** What an item does in its worker. */
export type Act =
  | "ok"
  /** Returns something large. */
  | "large"
  /** Fails, typed; only as an Effect. */
  | "fail"
  | "die"
  | "throwUndefined"
  /** Returns what structured clone refuses. */
  | "uncloneable"
  /** Is itself refused by structured clone. */
  | "badInput"
  /** Takes a while without using the CPU, and can be interrupted. */
  | "wait"
  /** Takes a while and does not listen. */
  | "deaf"
  /** Uses the CPU for a while, and looks whether it is interrupted. */
  | "spin"
  /** Uses the CPU until somebody kills the worker. */
  | "loop"
  /** Ends the process or thread. */
  | "exit"
  /** The same, but only the first time. */
  | "exitOnce"
  /** Succeeds, and throws in a timer later, whoever's item is running then. */
  | "timer"
  | HostileAct

/** What hostile items are, and what hostile tasks do. */
export type HostileAct =
  /** Is a revoked Proxy. */
  | "revoked"
  /** Has a getter that throws. */
  | "getter"
  /** Never settles, and listens to nobody. */
  | "never"
  /** Settles, but long after it should have listened. */
  | "late"
  /** Returns a Proxy whose traps throw. */
  | "traps"
  /** Returns an object whose `then` cannot be read. */
  | "thenGetter"
  /** Returns an object whose `then` throws. */
  | "thenThrows"
  /** Returns an object whose `then` gives the answer, and then another one, and throws. */
  | "thenTwice"
  /** Fails with an error whose `message` cannot be read. */
  | "messageGetter"
  /** Fails with an error whose `stack`, `name` and `cause` cannot be read. */
  | "stackGetter"
  /** Returns an Effect that comes to something that is no Effect. */
  | "noEffect"

/** How a task returns what it returns. */
export type Style = "plain" | "promise" | "effect"

export interface Item {
  /** The number of the operation. */
  readonly operation: number
  readonly index: number
  readonly act: Act
  readonly style: Style
  /** How long it takes, where the act says so, in milliseconds. */
  readonly millis: number
  /** A file that says whether this is the first time. */
  readonly mark?: string
  readonly uncloneable?: unknown
}

export interface Answer {
  readonly operation: number
  readonly index: number
  readonly value: number
  readonly large?: Uint8Array
}

/** What a worker keeps: where it writes what happens to it. */
export interface State {
  readonly ledger: string
}

/** The typed failure of a task. */
export interface Failed {
  readonly _tag: "SoakFailed"
  readonly operation: number
  readonly index: number
}

/** What an item must come to. */
export const answer = ({ act, index, operation }: Item, salt: number): Answer => ({
  operation,
  index,
  value: Math.imul(operation * 31 + index * 7 + salt, 0x9e3779b1) >>> 0,
  ...(act === "large" ? { large: new Uint8Array(20_000).fill(index) } : {})
})

/** Whether an item may succeed, and then must give its answer. */
export const maySucceed = (act: Act): boolean => !isFailing(act) && act !== "loop" && act !== "exit" && act !== "never"

/** Whether an item fails by itself. */
export const isFailing = (act: Act): boolean => failing.has(act)

const failing: ReadonlySet<Act> = new Set<Act>([
  "fail",
  "die",
  "throwUndefined",
  "uncloneable",
  "badInput",
  "revoked",
  "getter",
  "traps",
  "thenGetter",
  "thenThrows",
  "messageGetter",
  "stackGetter",
  "noEffect"
])

/** Whether it fails by what it returns, which `forEach` need not look at. */
export const failsByResult = (act: Act): boolean => act === "uncloneable" || act === "traps" || act === "thenGetter"

/** Whether its error cannot be read, so that nothing can be said of what arrives. */
export const isUnreadable = (act: Act): boolean => act === "messageGetter" || act === "stackGetter"

/** Whether an item may take its worker with it. */
export const isCrash = (act: Act): boolean => act === "exit" || act === "exitOnce" || act === "timer"

/** What happens to a worker, as it is written to the ledger, one line each. */
export const events = {
  /** `init` has a finalizer. */
  scoped: "G",
  /** `init` is about to succeed or fail. */
  acquire: "A",
  /** `init` has succeeded. */
  ready: "I",
  /** An item has started: operation, index, act. */
  begin: "S",
  /** An item has ended: operation, index. */
  end: "E",
  /** `exit` has begun. */
  exit: "X",
  /** `exit` has ended. */
  exited: "Y",
  /** The finalizer that `init` registered. */
  finalized: "F",
  /** `init` is about to end its worker, or never to end: operation, fate. */
  doomed: "Q",
  /** The caller of an operation has been told; written by the driver. */
  settled: "D"
} as const
