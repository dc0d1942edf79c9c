/**
 * What drivers and runners say to each other themselves: JSON, read by Schemas. What is none of it ends the connection.
 */
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type { ModuleMismatch, ModuleNotFound, ModuleRefused } from "../../ClusterError.ts"
import { most } from "../common/options.ts"
import { ProtocolError } from "../frames/frame.ts"

const natural = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 - 1 }))

/** Greetings name things in short texts. */
const name = Schema.String.check(Schema.isMaxLength(most.text))

const text = Schema.String.check(Schema.isMaxLength(20_000))

const versions = {
  /** The version of this protocol. */
  protocol: natural,
  /** Of this package. */
  library: name,
  /** What runs JavaScript, such as `"node"`, and its major version. */
  engine: name,
  major: natural,
  /** What was deployed, as whoever runs it names that. */
  deployment: Schema.optional(name)
} as const

export const Versions = Schema.Struct(versions)

export type Versions = typeof Versions.Type

const Worker = Schema.Struct({
  id: natural,
  generation: natural,
  pool: Schema.optional(name),
  /** How many numbers its control block has. */
  controls: natural.check(Schema.isBetween({ minimum: 0, maximum: 100_000 })),
  /** The slot that the runner has granted for it; left out where it may take any that is free. */
  grant: Schema.optional(natural)
})

/** The first word of a connection, from the driver: for a worker, or to learn what the runner has. */
export const Hello = Schema.TaggedStruct("Hello", {
  ...versions,
  /** The random name of the driver's process. */
  driver: name,
  /** Milliseconds of silence after which the driver gives the runner up. */
  suspectAfter: natural,
  worker: Schema.optional(Worker),
  /** The driver's main thread is blocked: beats that are confirmed here hold all of its workers. */
  isStalled: Schema.optional(Schema.Boolean)
})

export type Hello = typeof Hello.Type

const labels = Schema.Array(name).check(Schema.isMaxLength(most.labels))

/** The runner's answer to a greeting that it accepts. */
const Welcome = Schema.TaggedStruct("Welcome", {
  ...versions,
  /** The random name of the runner's process: two addresses with one name are one. */
  runner: name,
  slots: natural,
  labels,
  /** Milliseconds without a confirmed beat after which the runner kills the driver's workers. */
  lease: natural,
  /** Whether its workers run sources that they are sent, as those of `Portable.inline`; left out where they do. */
  inline: Schema.optional(Schema.Boolean)
})

export type Welcome = typeof Welcome.Type

/** Why a runner does not accept a greeting. */
const Refused = Schema.TaggedStruct("Refused", {
  why: Schema.Union([
    Schema.TaggedStruct("VersionMismatch", { what: name, here: name, there: name }),
    Schema.TaggedStruct("Lease", { lease: natural, margin: natural }),
    Schema.TaggedStruct("NoRoom", {}),
    Schema.TaggedStruct("Draining", {})
  ])
})

export type Refused = typeof Refused.Type

/** What a runner answers a greeting with. */
export const Answer = Schema.Union([Welcome, Refused])

export type Answer = typeof Answer.Type

/** How many workers a runner has room for now; a runner that drains has none. */
const Room = Schema.TaggedStruct("Room", {
  free: natural,
  used: natural,
  draining: Schema.Boolean,
  /** The driver has no worker there, and others, or a worker's tenure, come before it: its wait has yet to begin (K7). */
  isQueued: Schema.optional(Schema.Boolean)
})

export type Room = typeof Room.Type

/** A slot is kept for the driver for a moment, which names it in the greeting of a worker (K6). */
const Granted = Schema.TaggedStruct("Granted", { grant: natural })

/** An error, as much of it as its reader needs. */
const Told = Schema.Struct({
  name: text,
  message: text,
  stack: Schema.optional(text),
  code: Schema.optional(text)
})

export type Told = typeof Told.Type

/** A runner has found the module that it was asked for. */
const Located = Schema.TaggedStruct("Located", { number: natural, url: text })

export type Located = typeof Located.Type

/** A runner does not have the module that it was asked for, or does not load it. */
const NotLocated = Schema.TaggedStruct("NotLocated", {
  number: natural,
  why: Schema.Union([
    Schema.TaggedStruct("ModuleRefused", { address: text, problem: text }),
    Schema.TaggedStruct("ModuleNotFound", { address: text, tried: Schema.Array(text) }),
    Schema.TaggedStruct("ModuleMismatch", { address: text, here: Schema.optional(name), there: name })
  ])
})

export type NotLocated = typeof NotLocated.Type

/** A runner asks for what a driver has named, which it does not have. */
const FetchBlob = Schema.TaggedStruct("FetchBlob", { number: natural })

export type FetchBlob = typeof FetchBlob.Type

/** A runner has passed on what a driver has named, and does not ask for it any more. */
const HasBlob = Schema.TaggedStruct("HasBlob", { number: natural })

export type HasBlob = typeof HasBlob.Type

/** From a runner about a worker. `Ended` comes after all that the worker sent; `Unwanted` asks for it back. */
const OfWorker = Schema.Union([
  Schema.TaggedStruct("NotStarted", { cause: Told }),
  Schema.TaggedStruct("Ended", {
    exitCode: Schema.optional(Schema.Int),
    signal: Schema.optional(name),
    cause: Schema.optional(Told),
    /** The runner killed it, because it is to end itself. */
    external: Schema.optional(Schema.Boolean)
  }),
  Schema.TaggedStruct("Unwanted", {}),
  Located,
  NotLocated,
  FetchBlob,
  HasBlob
])

export const FromRunner = Schema.Union([Room, Granted, OfWorker])

export type FromRunner = typeof FromRunner.Type

/** Asks a runner where it has a task module (K10). */
const Locate = Schema.TaggedStruct("Locate", {
  /** Of the question, for its answer. */
  number: natural,
  address: text,
  /** The sha256 of the driver's file, in hex; left out where it has none. */
  sha256: Schema.optional(name)
})

export type Locate = typeof Locate.Type

/** Stands for bytes of a worker's stream that other workers are sent too, named by their sha256 (K10). */
const Blob = Schema.TaggedStruct("Blob", {
  /** Of this word, for what the runner says of it. */
  number: natural,
  sha256: Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/)),
  size: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 32 - 1 }))
})

export type Blob = typeof Blob.Type

/**
 * From a driver about its worker: its `init` has ended, so that its tenure begins; to kill it now; or to wait for its end, which
 * the pool has asked it for.
 */
export const FromDriver = Schema.Union([
  Schema.TaggedStruct("Ready", {}),
  Schema.TaggedStruct("Kill", {}),
  Schema.TaggedStruct("End", {}),
  Locate,
  Blob
])

export type FromDriver = typeof FromDriver.Type

/**
 * From a driver about its runner: to drain it, as SIGTERM does; for how many workers it waits, beyond the slots of the first
 * `seen` grants of this connection; and that it does not need a slot that it was granted.
 */
export const ToRunner = Schema.Union([
  Schema.TaggedStruct("Drain", {}),
  Schema.TaggedStruct("Wants", { count: natural, seen: natural }),
  Schema.TaggedStruct("GivesBack", { grant: natural })
])

export type ToRunner = typeof ToRunner.Type

/** Reads words of one kind; throws a `ProtocolError` for anything else. */
export const reader = <T>(schema: Schema.Codec<T, unknown>): ((bytes: Buffer) => T) => {
  const decode = Schema.decodeUnknownExit(schema)
  return (bytes) => {
    const exit = decode(parse(bytes))
    if (Exit.isSuccess(exit)) return exit.value
    // what was wrong with it can hold anything, secrets of others too
    throw new ProtocolError("A word has arrived that is none of the protocol's")
  }
}

const parse = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString("utf8"))
  } catch {
    throw new ProtocolError("A word has arrived that is no JSON")
  }
}

const cut = (value: string, most: number): string => (value.length <= most ? value : `${value.slice(0, most)}…`)

/** An error as it is told; whatever it is. */
export const tell = (cause: unknown): Told => {
  if (!(cause instanceof Error)) return { name: "Error", message: cut(String(cause), 5000) }
  const { code } = cause as { readonly code?: unknown }
  return {
    name: cut(cause.name, 200),
    message: cut(cause.message, 5000),
    ...(cause.stack === undefined ? {} : { stack: cut(cause.stack, 10_000) }),
    ...(typeof code === "string" ? { code: cut(code, 200) } : {})
  }
}

/** How many of the files that were looked for are told, and how many characters of each: a word is not long. */
const mostTried = { files: 20, length: 1_000 }

/** Why a runner has not located a module, as it is told. */
export const whyNotLocated = (error: ModuleRefused | ModuleNotFound | ModuleMismatch): NotLocated["why"] => {
  const address = cut(error.address, 5_000)
  switch (error._tag) {
    case "ModuleRefused":
      return { _tag: "ModuleRefused", address, problem: cut(error.problem, 5_000) }
    case "ModuleNotFound": {
      const tried = error.tried.slice(0, mostTried.files).map((file) => cut(file, mostTried.length))
      return { _tag: "ModuleNotFound", address, tried }
    }
    case "ModuleMismatch": {
      const { here, there } = error
      return { _tag: "ModuleMismatch", address, there, ...(here === undefined ? {} : { here }) }
    }
  }
}

/** The error that was told. */
export const asError = ({ code, message, name, stack }: Told): Error => {
  const error = new Error(message)
  Object.defineProperty(error, "name", { value: name, configurable: true, writable: true })
  if (stack !== undefined) Object.defineProperty(error, "stack", { value: stack, configurable: true, writable: true })
  if (code !== undefined) Object.defineProperty(error, "code", { value: code, configurable: true, enumerable: true })
  return error
}
