/**
 * Operations with hostile users' code: what throws, calls the pool back or never ends, where the pool calls it. Each kind
 * can be left out by itself, and the others stay as they are.
 */
import type { Act, HostileAct, Item, Style } from "./item.ts"
import { Random } from "./random.ts"
import * as script from "./script.ts"
import type { Call, CallKind, Hook, HostileSource, Operation, RuntimeName } from "./script.ts"

/** One in how many operations is to be hostile. */
const share = 0.25

/** How often each kind comes; those that make others wait come less often. */
const weights = {
  // sources
  sourceCalls: 50,
  sourceThrows: 20,
  returnThrows: 15,
  sourceInterrupts: 15,
  sourceLies: 10,
  sourceEndless: 15,
  sourceSilent: 8,
  // items
  revokedItem: 15,
  getterItem: 15,
  // what tasks return
  traps: 15,
  thenGetter: 15,
  thenThrows: 10,
  thenTwice: 10,
  messageGetter: 15,
  stackGetter: 10,
  noEffect: 15,
  // hooks
  initFails: 12,
  initFailsUnreadably: 4,
  initFailsAsPool: 6,
  initNever: 8,
  initTimesOut: 5,
  initMissing: 5,
  initExits: 4,
  exitFails: 8,
  exitTimesOut: 4,
  unequal: 8,
  loggerThrows: 6,
  // what never ends
  never: 12,
  late: 8
} as const

export type HostileKind = keyof typeof weights

export const hostileKinds = Object.keys(weights) as ReadonlyArray<HostileKind>

/** Numbers of operations that belong to another one are that much apart. */
export const apart = 1e9

/** The operation with a number: a hostile one where its kind is among `kinds`, or else an ordinary one. */
export const operation = (
  seed: number,
  number: number,
  runtime: RuntimeName,
  kinds: ReadonlySet<HostileKind>
): Operation => {
  const random = new Random(seed ^ 0x05_71_1e, number)
  const hostile = random.chance(share) ? random.weighted(weights) : undefined
  if (hostile === undefined || !kinds.has(hostile) || !canBe(hostile, runtime))
    return script.operation(seed, number, runtime)
  return { ...new Maker(random, number, runtime).make(hostile), hostile }
}

/** Without a thread or process of its own, whoever exits ends the soak. */
const canBe = (kind: HostileKind, runtime: RuntimeName): boolean => kind !== "initExits" || runtime !== "fibers"

const family = [
  "map",
  "mapUnordered",
  "mapExit",
  "forEach",
  "stream",
  "streamUnordered",
  "streamExit",
  "streamUnorderedExit"
] as const

const streams = ["stream", "streamUnordered", "streamExit", "streamUnorderedExit"] as const

class Maker {
  private readonly random: Random
  private readonly number: number
  private readonly runtime: RuntimeName
  private readonly place: number
  private others = 0

  constructor(random: Random, number: number, runtime: RuntimeName) {
    this.random = random
    this.number = number
    this.runtime = runtime
    this.place = random.integer(0, script.places - 1)
  }

  make(kind: HostileKind): Operation {
    const { random } = this
    switch (kind) {
      case "sourceCalls":
        return this.calling()
      case "sourceThrows": {
        const source = random.oneOf<HostileSource>("throwsUnreadably", "throwsUndefined", "badResult", "noIterator")
        const operation = this.sourced(source, random.oneOf(...family), 0, 20)
        return source === "noIterator" ? with_(operation, { items: [] }) : operation
      }
      case "returnThrows":
        return this.returning()
      case "sourceInterrupts": {
        const operation = this.sourced("interrupts", random.oneOf(...family), 2, 30)
        const at = random.integer(0, operation.call!.items.length - 2)
        return { ...with_(operation, { at, take: undefined }), interruptAfter: undefined }
      }
      case "sourceLies":
        return this.sourced(random.oneOf("promisesMore", "promisesLess"), random.oneOf(...family), 0, 30)
      case "sourceEndless": {
        const operation = this.sourced("endless", random.oneOf(...streams), 1, 30)
        return with_(operation, { take: operation.call!.items.length })
      }
      case "sourceSilent":
        return this.givenUp(with_(this.sourced("silent", random.oneOf(...family), 0, 12), {}))
      case "revokedItem":
        return this.acting("revoked")
      case "getterItem":
        return this.acting("getter")
      case "traps":
      case "messageGetter":
      case "stackGetter":
        return this.acting(kind)
      case "thenGetter":
      case "thenThrows":
      case "thenTwice":
        // an Effect's value is looked at by nobody
        return this.acting(kind, random.oneOf("plain", "promise"))
      case "noEffect":
        return this.acting(kind, "effect")
      case "never":
        return this.never()
      case "late":
        return this.cut(this.acting("late", this.style(["promise", "effect"])))
      case "initFails":
        return this.hooked({ init: { fate: "fails" } })
      case "initFailsUnreadably":
        return this.hooked({ init: { fate: "failsUnreadably" } })
      case "initFailsAsPool":
        return this.hooked({ init: { fate: "failsAsPool" } })
      case "initNever":
        return this.givenUp(this.hooked({ init: { fate: "never" } }, { initTimeout: 1000 }))
      case "initTimesOut":
        return this.hooked({ init: { fate: "never" } }, { initTimeout: random.integer(1, 30) })
      case "initMissing":
        return this.hooked({ init: { fate: "missing" } })
      case "initExits":
        return this.hooked({ init: { fate: "exits" } })
      case "exitFails":
        return this.hooked({ exit: { fate: "fails" } })
      case "exitTimesOut":
        return this.hooked({ exit: { fate: "never" } }, { exitTimeout: random.integer(1, 30) })
      case "unequal":
        return this.hooked({ init: { unequal: random.oneOf("hash", "equals") } })
      case "loggerThrows":
        return with_(this.hooked({ init: {} }), { loggerThrows: true })
    }
  }

  // ---------------------------------------------------------------------------
  // Sources
  // ---------------------------------------------------------------------------

  private sourced(source: HostileSource, kind: CallKind, least: number, most: number): Operation {
    const operation = this.ordinary(kind)
    const call = operation.call!
    const length = this.random.integer(least, most)
    return with_(operation, { source, items: this.items(length), at: undefined, take: within(call.take, length) })
  }

  /** A source that calls the pool back while it is pulled. */
  private calling(): Operation {
    const { random } = this
    const operation = this.sourced("callsBack", random.oneOf(...family), 5, 40)
    const asks = Array.from({ length: random.integer(1, 4) }, () => ({
      at: random.integer(0, operation.call!.items.length - 1),
      operation: this.asked()
    }))
    return { ...operation, asks }
  }

  private asked(): Operation {
    const { random } = this
    const kind = random.weighted({
      run: 50,
      family: 30,
      setSize: 20,
      restart: 10,
      start: 10,
      setKeepAlive: 8,
      stop: 4,
      terminate: 2,
      renew: 1
    })
    const number = this.next()
    if (kind === "run") return this.ordinary("run", number)
    if (kind === "family") return this.ordinary(random.oneOf(...family), number)
    return this.control(kind, number)
  }

  /** A source that throws when it is told that no more is wanted: something ends the call before it is exhausted. */
  private returning(): Operation {
    const { random } = this
    const operation = this.sourced("returnThrows", random.oneOf(...family), 30, 60)
    const isStream = operation.kind.startsWith("stream")
    const end = random.oneOf("fails", "interrupted", isStream ? "take" : "fails")
    const narrow = with_(operation, { maxActive: random.integer(1, 6), chunkSize: undefined, take: undefined })
    if (end === "interrupted") return this.cut(narrow)
    if (end === "take") return with_(narrow, { take: random.integer(1, 5) })
    const items = narrow.call!.items.map((item) => (item.index === 2 ? { ...item, act: "die" as const } : item))
    return with_(narrow, { items })
  }

  // ---------------------------------------------------------------------------
  // Items and tasks
  // ---------------------------------------------------------------------------

  private acting(act: HostileAct, style?: Style): Operation {
    const { random } = this
    const operation = this.ordinary(random.oneOf(...family, "run", "run", "runs"), this.number, style === "effect")
    const { length } = operation.call!.items
    const special = random.integer(0, Math.max(0, length - 1))
    const items = this.items(
      Math.max(1, length),
      (index) => (index === special || random.chance(0.1) ? act : "ok"),
      style ?? this.style(["plain", "promise", "effect"])
    )
    return with_(operation, { items })
  }

  /** What never settles, whose time is over, or whose caller gives up. */
  private never(): Operation {
    const operation = this.acting("never", this.style(["plain", "promise", "effect"]))
    if (this.random.chance(0.5)) return with_(this.givenUp(operation), { timeout: undefined })
    return with_(operation, { timeout: this.random.integer(5, 60) })
  }

  private style(styles: ReadonlyArray<Style>): Style {
    const style = this.random.oneOf(...styles)
    return style === "effect" && this.module !== "effect" ? "promise" : style
  }

  private get module(): script.TaskModule {
    return script.moduleAt(this.place)
  }

  // ---------------------------------------------------------------------------
  // Hooks
  // ---------------------------------------------------------------------------

  private hooked(
    hooks: { readonly init?: Partial<Hook>; readonly exit?: Partial<Hook> },
    options: Call["options"] = {}
  ): Operation {
    const { random } = this
    const hook = (): Hook => ({ module: random.oneOf("plain", this.module), millis: random.oneOf(0, 1, 2) })
    const benign = random.chance(0.5)
    const operation = this.ordinary(random.oneOf(...family))
    const init = hooks.init === undefined ? (benign ? hook() : undefined) : { ...hook(), ...hooks.init }
    const exit = hooks.exit === undefined ? (benign ? hook() : undefined) : { ...hook(), ...hooks.exit }
    const call = { ...operation.call!, init, exit, options: { ...operation.call!.options, ...options } }
    const items = call.items.length === 0 ? this.items(random.integer(1, 5)) : call.items
    const other = this.ordinary(random.oneOf(...family), this.next())
    const benignItems = Array.from({ length: random.integer(1, 20) }, (_, index) =>
      script.makeItem(random, other.number, index, "ok", "plain")
    )
    // it surely is given to workers: its hooks are there as long as it runs (L6)
    const peaceful = { init: hook(), exit: hook(), source: "array", items: benignItems, take: undefined } as const
    const others = lasting(with_(other, peaceful))
    return {
      ...operation,
      call: { ...call, items },
      company: {
        restart: random.chance(0.7) ? this.control("restart", this.next()) : undefined,
        other: random.chance(0.6) ? { ...others, interruptAfter: undefined } : undefined,
        isOtherFirst: random.chance(0.4),
        delay: random.oneOf(0, 0, 1, 5, 20),
        after: this.ordinary(random.oneOf(...family), this.next())
      }
    }
  }

  // ---------------------------------------------------------------------------
  // What they have in common
  // ---------------------------------------------------------------------------

  private ordinary(kind: CallKind, number = this.number, needsEffect = false): Operation {
    const { random, runtime } = this
    // in the other places workers never load Effect
    const place = needsEffect ? script.places / 2 + (this.place % (script.places / 2)) : this.place
    const call = script.makeCall(random, number, kind, "benign", script.moduleAt(place), runtime)
    return {
      number,
      kind,
      place,
      interruptAfter: random.chance(0.1) ? random.integer(0, 60) : undefined,
      call: { ...call, init: undefined, exit: undefined },
      size: 1,
      keepAlive: true
    }
  }

  private control(kind: script.ControlKind, number: number): Operation {
    const { place, random } = this
    return {
      number,
      kind,
      place,
      interruptAfter: undefined,
      call: undefined,
      size: random.integer(1, 4),
      keepAlive: random.oneOf<boolean | number>(true, true, false, 30)
    }
  }

  private items(length: number, act: (index: number) => Act = () => "ok", style?: Style): ReadonlyArray<Item> {
    const { number, random } = this
    return Array.from({ length }, (_, index) =>
      script.makeItem(random, number, index, act(index), style ?? this.style(["plain", "promise", "effect"]))
    )
  }

  private next(): number {
    return this.number + ++this.others * apart
  }

  /** Its caller goes, one way or the other. */
  private givenUp(operation: Operation): Operation {
    const millis = this.random.integer(1, 80)
    return this.random.chance(0.5)
      ? { ...operation, interruptAfter: millis, timeoutAfter: undefined }
      : { ...operation, interruptAfter: undefined, timeoutAfter: millis }
  }

  /** Its caller goes, or its items' time is over, while they run. */
  private cut(operation: Operation): Operation {
    if (this.random.chance(0.5)) return this.givenUp(operation)
    return with_(operation, { timeout: this.random.integer(5, 60) })
  }
}

/**
 * With timeouts of its own for its hooks: of the call that runs already it replaces only what it names, and would keep
 * that one's, which may be too short for any hook (L6).
 */
const lasting = (operation: Operation): Operation => {
  const call: Call = operation.call!
  return { ...operation, call: { ...call, options: { ...call.options, initTimeout: 30_000, exitTimeout: 30_000 } } }
}

/** The operation with another call: `changes` are the call's own, or its options'. */
const with_ = (operation: Operation, changes: Partial<Call> & Call["options"]): Operation => {
  const call: Call = operation.call!
  const { at, exit, init, items, loggerThrows, source, take } = { ...call, ...changes }
  const { chunkSize, maxActive, timeout } = { ...call.options, ...changes }
  return {
    ...operation,
    call: {
      ...call,
      at,
      exit,
      init,
      items,
      loggerThrows,
      source,
      take,
      options: { ...call.options, chunkSize, maxActive, timeout }
    }
  }
}

const within = (take: number | undefined, length: number): number | undefined =>
  take === undefined ? undefined : Math.min(take, length)
