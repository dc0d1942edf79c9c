/**
 * What happens in a soak: every choice comes from the seed and the number of the operation alone, so that the same seed
 * gives the same operations, however long each takes.
 */
import type { OnWorkerLost, PoolOptions } from "@effect-mpire/core/WorkerPool"
import type { HostileKind } from "./hostile.ts"
import { type Act, isCrash, type Item, type Style } from "./item.ts"
import type { Fate } from "./plain.tasks.ts"
import { Random } from "./random.ts"

export const callKinds = [
  "map",
  "mapUnordered",
  "mapExit",
  "forEach",
  "stream",
  "streamUnordered",
  "streamExit",
  "streamUnorderedExit",
  "run",
  "runs"
] as const

export type CallKind = (typeof callKinds)[number]

export type ControlKind = "stop" | "terminate" | "restart" | "setSize" | "setKeepAlive" | "start" | "renew"

export type Kind = CallKind | ControlKind

/** Which runtime is soaked: on fibers nothing can be killed, and nothing can crash without ending this process. */
export type RuntimeName = "threads" | "processes" | "fibers"

export type SourceKind =
  | "array"
  | "generator"
  | "stream"
  | "slowStream"
  | "failingStream"
  | "throwingGenerator"
  | HostileSource

/** How sources are hostile. */
export type HostileSource =
  /** Does at some pulls what the operation asks for. */
  | "callsBack"
  /** Throws what cannot be read, when all items have been pulled. */
  | "throwsUnreadably"
  | "throwsUndefined"
  /** Gives a result that cannot be read, when all items have been pulled. */
  | "badResult"
  /** Gives no iterator. */
  | "noIterator"
  /** Throws when it is told that no more is wanted. */
  | "returnThrows"
  /** Interrupts its own caller. */
  | "interrupts"
  /** Promises more items than it has. */
  | "promisesMore"
  /** Has more items than it promises. */
  | "promisesLess"
  /** Never ends. */
  | "endless"
  /** Has given all, and does not say so. */
  | "silent"

export type TaskModule = "plain" | "effect"

export interface Hook {
  /** Which module it comes from. */
  readonly module: TaskModule
  readonly millis: number
  /** What becomes of it, if it is hostile; "missing": its module has no such export. */
  readonly fate?: Fate | "missing" | undefined
  /** Whether its bound value refuses to be compared; how, it says. */
  readonly unequal?: "hash" | "equals" | undefined
}

export interface Call {
  readonly items: ReadonlyArray<Item>
  readonly source: SourceKind
  readonly module: TaskModule
  /** What the task is bound to, if it is bound. */
  readonly salt: number | undefined
  readonly options: {
    readonly chunkSize?: number | undefined
    readonly maxActive?: number | undefined
    readonly lifespan?: number | undefined
    readonly timeout?: number | undefined
    readonly onWorkerLost?: OnWorkerLost | undefined
    readonly dispatch?: "available" | "ordered" | undefined
    /** Of hostile hooks only, in milliseconds. */
    readonly initTimeout?: number | undefined
    readonly exitTimeout?: number | undefined
  }
  readonly init: Hook | undefined
  readonly exit: Hook | undefined
  /** How many results of a stream are taken, if not all. */
  readonly take: number | undefined
  /** How long the consumer of a stream takes for a result, in milliseconds. */
  readonly consumes: number
  /** At which pull its source does something hostile, where it does it once. */
  readonly at?: number | undefined
  /** Whether the caller's Logger throws. */
  readonly loggerThrows?: boolean | undefined
}

/** What a source asks of the pool while it is pulled. */
export interface Asked {
  readonly at: number
  readonly operation: Operation
}

/** Calls that run with one that has hostile hooks, when no other call of the map family does. */
export interface Company {
  /** Releases the workers first, so that hooks are run. */
  readonly restart: Operation | undefined
  /** One with hooks of its own. */
  readonly other: Operation | undefined
  readonly isOtherFirst: boolean
  /** After how many milliseconds the second of the two begins. */
  readonly delay: number
  /** One that follows at once, without hooks of its own. */
  readonly after: Operation
}

export interface Operation {
  readonly number: number
  readonly kind: Kind
  /** Which of the pools. */
  readonly place: number
  /** After how many milliseconds its caller is interrupted, if it is. */
  readonly interruptAfter: number | undefined
  /** After how many milliseconds its caller gives up by `Effect.timeout`, if it does. */
  readonly timeoutAfter?: number | undefined
  /** How it is hostile. */
  readonly hostile?: HostileKind | undefined
  readonly asks?: ReadonlyArray<Asked> | undefined
  readonly company?: Company | undefined
  readonly call: Call | undefined
  readonly size: number
  readonly keepAlive: boolean | number
}

export interface PoolPlan {
  readonly options: PoolOptions & { readonly killAfter: number; readonly size: number }
  readonly init: Hook
  readonly exit: Hook
  /** The init, or exit, of one in this many workers fails; 0 for none. */
  readonly initFailEvery: number
  readonly exitFailEvery: number
  /** Whether calls may bring a lifespan of their own. */
  readonly overridesLifespan: boolean
}

/** How many pools there are at a time. */
export const places = 4

const weights: { readonly [kind in Kind]: number } = {
  map: 140,
  mapUnordered: 70,
  mapExit: 110,
  forEach: 60,
  stream: 80,
  streamUnordered: 50,
  streamExit: 50,
  streamUnorderedExit: 40,
  run: 300,
  runs: 30,
  stop: 4,
  terminate: 3,
  restart: 3,
  setSize: 8,
  setKeepAlive: 10,
  start: 6,
  renew: 4
}

/** What a call's items are like. */
const flavours = { benign: 60, failing: 15, slow: 20, crashing: 2, looping: 0.6 } as const

type Flavour = keyof typeof flavours

export const operation = (seed: number, number: number, runtime: RuntimeName): Operation => {
  const random = new Random(seed, number)
  const kind = random.weighted(weights)
  const isCall = (callKinds as ReadonlyArray<string>).includes(kind)
  const place = random.integer(0, places - 1)
  const flavour = random.weighted(flavours)
  const call = isCall ? makeCall(random, number, kind as CallKind, flavour, moduleAt(place), runtime) : undefined
  const mustBeCut = call !== undefined && call.options.timeout === undefined && call.items.some(isLoop)
  const isCut = mustBeCut || (kind !== "renew" && kind !== "terminate" && random.chance(0.12))
  return {
    number,
    kind,
    place,
    interruptAfter: isCut ? random.integer(0, 60) : undefined,
    call,
    size: random.oneOf(1, 2, 3, 3, 4),
    keepAlive: random.oneOf<boolean | number>(true, true, true, false, 30)
  }
}

/** In some pools workers never load Effect. */
export const moduleAt = (place: number): TaskModule => (place < places / 2 ? "plain" : "effect")

const isLoop = ({ act }: Item): boolean => act === "loop"

const lengths = { run: [1, 1], runs: [5, 30] } as const

export const makeCall = (
  random: Random,
  number: number,
  kind: CallKind,
  flavour: Flavour,
  module: TaskModule,
  runtime: RuntimeName
): Call => {
  const [least, most] =
    kind === "run" || kind === "runs" ? lengths[kind] : flavour === "benign" ? [0, random.oneOf(8, 30, 80)] : [1, 12]
  const length = random.integer(least, most)
  const style = random.oneOf<Style | undefined>("plain", module === "effect" ? "effect" : "promise", undefined)
  const retries = random.chance(0.3)
  // the item that makes the flavour what it is
  const special = random.integer(0, Math.max(0, length - 1))
  const items = Array.from({ length }, (_, index) => {
    const styled = style ?? random.oneOf<Style>("plain", "promise", module === "effect" ? "effect" : "plain")
    const chosen =
      index === special || random.chance(0.1) ? actOf(random, flavour, styled) : background(random, flavour, styled)
    return makeItem(random, number, index, allowed(chosen, styled, runtime, retries), styled)
  })
  const source = random.weighted<Exclude<SourceKind, HostileSource>>({
    array: 60,
    generator: 15,
    stream: 15,
    slowStream: 6,
    failingStream: 2,
    throwingGenerator: 2
  })
  const isLooping = flavour === "looping" && random.chance(0.7)
  const hook = () => makeHook(random, module, runtime)
  const isStream = kind.startsWith("stream")
  return {
    items,
    source: kind === "run" || kind === "runs" ? "array" : source,
    module,
    salt: random.chance(0.15) ? random.integer(1, 1000) : undefined,
    options: {
      chunkSize: random.chance(0.4) ? random.integer(1, 8) : undefined,
      maxActive: random.chance(0.15) ? random.integer(1, 12) : undefined,
      lifespan: random.chance(0.04) ? random.integer(60, 400) : undefined,
      timeout: isLooping ? random.integer(10, 60) : random.chance(0.12) ? random.integer(60, 300) : undefined,
      onWorkerLost: retries ? { retries: random.integer(1, 3) } : random.chance(0.3) ? "fail" : undefined,
      dispatch: random.chance(0.1) ? "ordered" : undefined
    },
    init: random.chance(0.04) ? hook() : undefined,
    exit: random.chance(0.04) ? hook() : undefined,
    take: isStream && random.chance(0.25) ? random.integer(0, length) : undefined,
    consumes: isStream && random.chance(0.15) ? random.integer(1, 4) : 0
  }
}

const makeHook = (random: Random, most: TaskModule, runtime: RuntimeName): Hook => {
  const module = random.oneOf("plain", most)
  const millis = random.oneOf(0, 0, 2, 10)
  // a Promise goes on when its fiber is told to end, as it would not in a thread that is killed
  return { module, millis: runtime === "fibers" && module === "plain" ? 0 : millis }
}

const actOf = (random: Random, flavour: Flavour, style: Style): Act => {
  switch (flavour) {
    case "benign":
      return random.chance(0.05) ? "large" : "ok"
    case "failing":
      return random.oneOf<Act>(style === "effect" ? "fail" : "die", "die", "throwUndefined", "uncloneable", "badInput")
    case "slow":
      return style === "plain" ? "spin" : random.oneOf<Act>("wait", "wait", "spin", "deaf")
    case "crashing":
      return random.oneOf<Act>("exit", "exitOnce", "timer")
    case "looping":
      return "loop"
  }
}

const background = (random: Random, flavour: Flavour, style: Style): Act =>
  flavour === "slow" && style !== "plain" && random.chance(0.5) ? "wait" : "ok"

/** What the runtime and the style can do. */
const allowed = (act: Act, style: Style, runtime: RuntimeName, retries: boolean): Act => {
  if (runtime === "fibers" && (act === "loop" || isCrash(act))) return "ok"
  if (act === "exitOnce" && !retries) return "exit"
  if (style === "plain" && (act === "wait" || act === "deaf")) return "spin"
  return act
}

const longest: Partial<Record<Act, number>> = { wait: 25, deaf: 20, spin: 12, timer: 40, late: 250 }

export const makeItem = (random: Random, operation: number, index: number, act: Act, style: Style): Item => {
  const millis = random.integer(0, longest[act] ?? 0)
  const item = { operation, index, act, style, millis }
  return act === "badInput" ? { ...item, uncloneable: () => 0 } : item
}

/** The pool that is made by an operation. */
export const pool = (seed: number, number: number, place: number, runtime: RuntimeName): PoolPlan => {
  const random = new Random(seed ^ 0x50_00_15, number)
  const hook = () => makeHook(random, moduleAt(place), runtime)
  const hooksFail = random.chance(0.1)
  return {
    options: {
      size: random.integer(1, 4),
      keepAlive: random.oneOf<boolean | number>(true, true, true, false, 30, 200),
      minSize: random.chance(0.15) ? 1 : undefined,
      lifespan: random.chance(0.35) ? random.integer(60, 600) : undefined,
      tasksPerWorker: random.oneOf(1, 1, 1, 3),
      killAfter: random.integer(50, 100),
      maxPending: random.chance(0.15) ? random.integer(3, 20) : undefined,
      onWorkerLost: random.chance(0.2) ? { retries: 2 } : undefined
    },
    init: hook(),
    exit: hook(),
    initFailEvery: hooksFail && random.chance(0.5) ? random.integer(4, 9) : 0,
    exitFailEvery: hooksFail ? random.integer(3, 6) : 0,
    overridesLifespan: random.chance(0.5)
  }
}
