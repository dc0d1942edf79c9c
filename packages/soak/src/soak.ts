/**
 * The soak: operations on a few pools at once, many in flight, with every rule that can be seen from outside checked.
 */
import { WorkerPool, type WorkerRuntime } from "@effect-mpire/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { appendFileSync, mkdtempSync, readSync, openSync, closeSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Audit } from "./audit.ts"
import { describe, kindsOf, kindsOfCause } from "./describe.ts"
import * as hostile from "./hostile.ts"
import type { HostileKind } from "./hostile.ts"
import { events, type Item } from "./item.ts"
import { Layers, type Met } from "./layers.ts"
import { exitOf, initOf, perform, type Place, type SoakPool } from "./perform.ts"
import { Random } from "./random.ts"
import { type Resources, resources, surplus } from "./resources.ts"
import * as script from "./script.ts"
import { SharedLock } from "./sharedLock.ts"
import { Reach } from "./sources.ts"
import { type Circumstances, judge, print } from "./verdict.ts"

export interface Options {
  readonly runtime: script.RuntimeName
  readonly seed: number
  readonly operations: number
  /** Starts no more operations after this many seconds. */
  readonly seconds: number
  /** Which operation comes first. */
  readonly from: number
  /** How long an operation may take, in milliseconds, besides what it plans: many others may come first. */
  readonly patience?: number | undefined
  /** Which kinds of hostile users' code there are among the operations. */
  readonly hostile: ReadonlySet<HostileKind>
  /** Told whenever an operation begins. */
  readonly began?: ((operation: script.Operation) => void) | undefined
  /** Told of each violation at once: something may hang after it. */
  readonly found?: ((violation: Violation) => void) | undefined
  /** Spoils what the checks see, to see whether they notice. */
  readonly sabotage?: ((line: string) => string) | undefined
  readonly log: (line: string) => void
}

export interface Violation {
  readonly operation: number | undefined
  readonly problem: string
}

export interface Summary {
  readonly operations: { readonly [kind: string]: number }
  readonly outcomes: { readonly [kind: string]: number }
  /** How many of the operations were hostile, by their kind. */
  readonly hostile: { readonly [kind: string]: number }
  /** What sources asked of their pool while they were pulled, how often. */
  readonly asked: { readonly [kind: string]: number }
  /** How many items started, by what they do. */
  readonly acts: { readonly [act: string]: number }
  readonly pools: number
  readonly workers: number
  readonly lost: number
  readonly killed: number
  readonly seconds: number
  readonly before: Resources
  readonly after: Resources
  /** The longest that an operation took, in milliseconds. */
  readonly longest: number
  readonly violations: ReadonlyArray<Violation>
}

/** Operations that take longer, in milliseconds, are named. */
const slow = 30_000

/** How many operations there are between two quiet points. */
const stretch = 500

/** How many of those stretches there are between two moments without pools. */
const clearEvery = 4

/**
 * By how many megabytes memory may have grown at the end. Threads leave holes in the allocator's arenas: after 20,000
 * operations and 2,000 threads RSS is some 80 higher, with MALLOC_ARENA_MAX=1 some 50; the heap is as it was.
 */
const mayGrow = { rss: 160, heap: 16 }

interface LivePlace extends Place {
  readonly number: number
  readonly scope: Scope.Closeable
  readonly audit: Audit
  /** How many `terminate`s have begun, and how many of them have not ended. */
  terminates: number
  terminating: number
  isClosing: boolean
  hasSetKeepAlive: boolean
  read: number
  readonly repeatable: Set<number>
  readonly layers: Layers
  /** Shared by calls of the map family; those with hostile hooks, and their company, have it for themselves. */
  readonly lock: SharedLock
}

export const soak = (options: Options): Effect.Effect<Summary, never, WorkerRuntime.WorkerRuntime> =>
  Effect.gen(function* () {
    const runtime = yield* Effect.context<WorkerRuntime.WorkerRuntime>()
    const directory = mkdtempSync(join(tmpdir(), "effect-mpire-soak-"))
    return yield* Effect.ensuring(
      Effect.suspend(() => new Soak(options, directory, runtime).run),
      Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
    )
  })

class Soak {
  private readonly options: Options
  private readonly directory: string
  private readonly runtime: Context.Context<WorkerRuntime.WorkerRuntime>
  private readonly places: Array<LivePlace> = []
  private readonly counts: { [kind: string]: number } = {}
  private readonly outcomes: { [kind: string]: number } = {}
  private readonly hostile: { [kind: string]: number } = {}
  private readonly asked: { [kind: string]: number } = {}
  private readonly acts: { [act: string]: number } = {}
  private readonly violations: Array<Violation> = []
  private readonly inFlight = new Map<number, { readonly operation: script.Operation; readonly place: LivePlace }>()
  private pools = 0
  private workers = 0
  private lost = 0
  private killed = 0
  private longest = 0

  constructor(options: Options, directory: string, runtime: Context.Context<WorkerRuntime.WorkerRuntime>) {
    this.options = options
    this.directory = directory
    this.runtime = runtime
  }

  readonly run: Effect.Effect<Summary> = Effect.suspend(() => {
    const { from, log, operations, seconds, seed } = this.options
    const started = performance.now()
    const end = from + operations
    const over = () => performance.now() - started >= seconds * 1000 || this.violations.length > 0
    return Effect.gen({ self: this }, function* () {
      // what is made once only is made before anything is counted
      yield* this.open(-1)
      yield* this.warm
      yield* this.closeAll
      let before = resources()
      let isWarm = false
      yield* this.open(from)
      for (let number = from, round = 0; number < end && !over(); number += stretch, round++) {
        const last = Math.min(end, number + stretch)
        yield* this.stretch(number, last, new Random(seed, ~number).integer(20, 60), over)
        yield* this.quiet
        if (round % clearEvery < clearEvery - 1 || last >= end || over()) continue
        yield* this.clear(before, isWarm)
        // allocators keep what they once needed
        if (!isWarm) before = { ...resources(), active: before.active }
        isWarm = true
        const { heap, rss } = resources()
        log(
          `${last - from} operations, ${Math.round((performance.now() - started) / 1000)} s, RSS ${rss}, heap ${heap}`
        )
        yield* this.open(last)
      }
      const after = yield* this.clear(before, isWarm)
      return {
        operations: this.counts,
        outcomes: this.outcomes,
        hostile: this.hostile,
        asked: this.asked,
        acts: this.acts,
        pools: this.pools,
        workers: this.workers,
        lost: this.lost,
        killed: this.killed,
        seconds: (performance.now() - started) / 1000,
        before,
        after,
        longest: Math.round(this.longest),
        violations: this.violations
      }
    })
  })

  private violation(operation: number | undefined, problem: string): void {
    this.violations.push({ operation, problem })
    this.options.found?.({ operation, problem })
  }

  // ---------------------------------------------------------------------------
  // Operations
  // ---------------------------------------------------------------------------

  /** Operations from `from` to before `end`, `width` of them at a time; completes when all have. */
  private stretch(from: number, end: number, width: number, over: () => boolean): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const permits = yield* Semaphore.make(width)
      const fibers = yield* FiberSet.make<void>()
      for (let number = from; number < end && !over(); number++) {
        const { hostile: kinds, runtime, seed } = this.options
        const operation = hostile.operation(seed, number, runtime, kinds)
        yield* permits.take(1)
        const begun = this.operation(operation)
        yield* FiberSet.run(fibers, Effect.ensuring(begun, permits.release(1)), { startImmediately: true })
      }
      yield* FiberSet.awaitEmpty(fibers)
    }).pipe(Effect.scoped)
  }

  private operation(operation: script.Operation): Effect.Effect<void> {
    const count = operation.hostile
    if (count !== undefined) this.hostile[count] = (this.hostile[count] ?? 0) + 1
    this.counts[operation.kind] = (this.counts[operation.kind] ?? 0) + 1
    return Effect.suspend(() => {
      const place = this.places[operation.place]!
      if (operation.company !== undefined) return this.accompanied(place, operation, operation.company)
      if (!isFamily(operation)) return this.single(place, operation)
      return Effect.andThen(place.lock.share, this.sharing(place, operation))
    })
  }

  /** One that has a share of the lock, and gives it back when its own call has settled. */
  private sharing(place: LivePlace, operation: script.Operation): Effect.Effect<void> {
    let isSharing = true
    const leave = () => {
      if (isSharing) place.lock.leave()
      isSharing = false
    }
    return Effect.ensuring(this.single(place, operation, leave), Effect.sync(leave))
  }

  /** A call with hostile hooks and its company: no other call of the map family runs meanwhile. */
  private accompanied(place: LivePlace, operation: script.Operation, company: script.Company): Effect.Effect<void> {
    const { after, delay, isOtherFirst, other, restart } = company
    const accompanied = Effect.gen({ self: this }, function* () {
      if (restart !== undefined) yield* this.single(place, restart)
      const members = isOtherFirst ? [other, operation] : [operation, other]
      const fibers: Array<Fiber.Fiber<void>> = []
      for (const member of members) {
        if (member === undefined) continue
        if (fibers.length > 0 && delay > 0) yield* Effect.sleep(delay)
        fibers.push(yield* Effect.forkDetach(this.single(place, member), { startImmediately: true }))
      }
      // the hooks of one that began last may be those of whoever follows, as long as another call runs
      yield* isOtherFirst ? Fiber.awaitAll(fibers) : Fiber.await(fibers[0]!)
      yield* this.single(place, after)
      yield* Fiber.awaitAll(fibers)
    })
    return Effect.andThen(
      place.lock.take,
      Effect.ensuring(
        accompanied,
        Effect.sync(() => place.lock.leave())
      )
    )
  }

  /** `ended` is called when its own call has, before those that its source asked for. */
  private single(place: LivePlace, operation: script.Operation, ended: () => void = () => {}): Effect.Effect<void> {
    if (operation.kind === "renew") return this.renew(operation, place)
    const { call, number } = operation
    const { options } = this
    const results: Array<unknown> = []
    const reach = new Reach()
    const asked: Array<Fiber.Fiber<void>> = []
    reach.ask = (pull) => asked.push(...this.ask(place, operation, pull))
    const inputs = call?.items.map((item) => this.input(item)) ?? []
    return Effect.gen({ self: this }, function* () {
      options.began?.(operation)
      if ((call?.options.onWorkerLost ?? place.plan.options.onWorkerLost ?? "fail") !== "fail")
        place.repeatable.add(number)
      if (operation.kind === "setKeepAlive") place.hasSetKeepAlive = true
      const { terminates, terminating } = place
      if (operation.kind === "terminate") {
        place.terminates++
        place.terminating++
      }
      const before = yield* place.pool.stats
      const started = performance.now()
      this.inFlight.set(number, { operation, place })
      const doing = perform(place, operation, inputs, results, reach)
      const fiber = yield* Effect.forkDetach(doing, { startImmediately: true })
      const isAdmitted = (yield* place.pool.stats).calls > before.calls
      const met = place.layers.begin(operation, isFamily(operation), isAdmitted)
      if (operation.interruptAfter !== undefined) {
        yield* Effect.sleep(operation.interruptAfter)
        yield* Effect.forkDetach(Fiber.interrupt(fiber))
      }
      const exit = yield* this.patiently(fiber, () => this.hangs(operation, place))
      met.end()
      ended()
      this.inFlight.delete(number)
      if (operation.kind === "terminate") place.terminating--
      if (exit === undefined) return
      // nothing of it may start any more
      appendFileSync(place.ledger, `${events.settled} ${number}\n`)
      const took = performance.now() - started
      this.longest = Math.max(this.longest, took)
      if (took > slow) options.log(`after ${Math.round(took)} ms: ${describe(operation)}: ${kindsOf(exit)}`)
      this.outcome(exit)
      yield* Fiber.awaitAll(asked)
      const { killed, lost } = yield* place.pool.stats
      const since = {
        lost: lost - before.lost,
        killed: killed - before.killed,
        terminated: terminating > 0 || place.terminates > terminates
      }
      const around = this.circumstances(place, since, met)
      for (const problem of judge({ operation, exit, results, source: reach }, around)) {
        this.violation(number, `${describe(operation)}: ${problem}`)
      }
    }).pipe(
      Effect.catchCause((cause) =>
        Effect.sync(() =>
          this.violation(number, `${describe(operation)}: the soak itself failed: ${kindsOfCause(cause)}`)
        )
      )
    )
  }

  /** Does what a source asks for at a pull, from where it is. */
  private ask(place: LivePlace, { asks = [] }: script.Operation, pull: number): ReadonlyArray<Fiber.Fiber<void>> {
    return asks
      .filter(({ at }) => at === pull)
      .map(({ operation }) => {
        this.asked[operation.kind] = (this.asked[operation.kind] ?? 0) + 1
        if (!isFamily(operation)) return Effect.runFork(this.single(place, operation))
        // beside the call whose source it is, which must not wait for it
        place.lock.join()
        return Effect.runFork(this.sharing(place, operation))
      })
  }

  /** An item as the pool gets it. */
  private input(item: Item): unknown {
    switch (item.act) {
      case "exitOnce":
        return { ...item, mark: join(this.directory, `mark-${item.operation}-${item.index}`) }
      case "revoked": {
        const { proxy, revoke } = Proxy.revocable(item, {})
        revoke()
        return proxy
      }
      case "getter":
        return {
          ...item,
          get planned() {
            throw new Error("planned getter")
          }
        }
      default:
        return item
    }
  }

  /** What went on since then. */
  private circumstances(
    place: LivePlace,
    { killed, lost, terminated }: Pick<WorkerPool.Stats, "killed" | "lost"> & { readonly terminated: boolean },
    { exits, inits }: Met
  ): Circumstances {
    return {
      lost,
      killed,
      terminated,
      closed: place.isClosing,
      maxPending: place.plan.options.maxPending !== undefined,
      initFails: place.plan.initFailEvery > 0,
      exitFails: place.plan.exitFailEvery > 0,
      inits,
      exits,
      mayLose: this.options.runtime !== "fibers",
      doomed: (worker, generation) => {
        this.audit(place)
        return place.audit.doomed(worker, generation)
      }
    }
  }

  private outcome(exit: Exit.Exit<unknown, unknown>): void {
    const kind = kindsOf(exit)
    this.outcomes[kind] = (this.outcomes[kind] ?? 0) + 1
  }

  /** `undefined` when it takes too long; it is then left alone, for nobody could wait for its interruption either. */
  private patiently<A, E>(
    fiber: Fiber.Fiber<A, E>,
    hangs: () => Effect.Effect<void>
  ): Effect.Effect<Exit.Exit<A, E> | undefined> {
    const late = Effect.sleep(this.options.patience ?? 60_000)
    return Effect.raceFirst(Fiber.await(fiber), Effect.andThen(late, Effect.as(Effect.suspend(hangs), undefined)))
  }

  private hangs(operation: script.Operation, place: LivePlace): Effect.Effect<void> {
    return Effect.map(place.pool.stats, (stats) => {
      const others = [...this.inFlight.values()].filter(
        (other) => other.place === place && other.operation !== operation
      )
      this.violation(
        operation.number,
        `${describe(operation)} hangs; the pool, made by operation ${place.number}, is at ${print(stats)}, ` +
          `with the options ${print(place.plan)}; in flight there: ${others.map((other) => describe(other.operation)).join(", ")}`
      )
    })
  }

  // ---------------------------------------------------------------------------
  // Pools
  // ---------------------------------------------------------------------------

  private open(number: number): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      for (let index = 0; index < script.places; index++)
        this.places[index] = yield* this.make(number * script.places + index, index)
    })
  }

  private make(number: number, index: number): Effect.Effect<LivePlace> {
    return Effect.gen({ self: this }, function* () {
      const plan = script.pool(this.options.seed, number, index, this.options.runtime)
      const ledger = join(this.directory, `ledger-${this.pools++}`)
      writeFileSync(ledger, "")
      const scope = yield* Scope.make()
      const init = initOf(plan.init, plan, ledger)
      const exit = exitOf(plan.exit, plan, ledger)
      const pool: SoakPool = yield* Effect.orDie(
        WorkerPool.make({ ...plan.options, init, exit }).pipe(Scope.provide(scope), Effect.provideContext(this.runtime))
      )
      const repeatable = new Set<number>()
      return {
        plan,
        ledger,
        pool,
        number,
        scope,
        audit: new Audit((operation) => repeatable.has(operation), this.options.runtime === "fibers"),
        terminates: 0,
        terminating: 0,
        isClosing: false,
        hasSetKeepAlive: false,
        read: 0,
        repeatable,
        layers: new Layers(plan.initFailEvery === 0),
        lock: new SharedLock()
      }
    })
  }

  /** Loads in a worker what workers load, and in this process what it needs for them. */
  private readonly warm: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(this.places, ({ pool }) => Effect.ignore(pool.start), { concurrency: "unbounded", discard: true })
  )

  /** Closes a pool while calls run there, and makes another in its place. */
  private renew({ number, place: index }: script.Operation, place: LivePlace): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      // whoever asks for it while its own pool is being closed comes too late
      if (this.places[index] !== place) return
      // numbers of operations and those of `open` must not meet
      this.places[index] = yield* this.make(-number - 2, index)
      yield* this.close(place)
    })
  }

  private close(place: LivePlace): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      place.isClosing = true
      const closing = yield* Effect.forkDetach(Scope.close(place.scope, Exit.void))
      const closed = yield* this.patiently(closing, () =>
        Effect.map(place.pool.stats, (stats) =>
          this.violation(undefined, `the pool made by operation ${place.number} does not close: ${print(stats)}`)
        )
      )
      if (closed === undefined) return
      // whoever called hears of it a little later, and the consumer of a stream when it comes back
      yield* Effect.sleep(20)
      yield* until(place, ({ calls }) => calls === 0)
      const { busy, calls, idle, killed, live, lost, pending, starting } = yield* place.pool.stats
      this.audit(place)
      const { options, overridesLifespan } = place.plan
      place.audit.finish({ lost, killed, lifespan: overridesLifespan ? undefined : options.lifespan })
      if (busy + calls + idle + live + pending + starting > 0)
        this.violation(undefined, `F5: a closed pool is at ${print({ busy, calls, idle, live, pending, starting })}`)
      yield* this.wholeTime(place)
      this.report(place)
      this.workers += place.audit.workersStarted
      this.lost += lost
      this.killed += killed
      rmSync(place.ledger)
      for (const [act, count] of place.audit.acts) this.acts[act] = (this.acts[act] ?? 0) + count
    })
  }

  private readonly closeAll: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(this.places.splice(0), (place) => this.close(place), { concurrency: "unbounded", discard: true })
  )

  // ---------------------------------------------------------------------------
  // Checks
  // ---------------------------------------------------------------------------

  /** When nothing is in flight. */
  private readonly quiet: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(this.places, (place) => this.quietAt(place), { discard: true })
  )

  private quietAt(place: LivePlace): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      // workers that nobody waits for may still be on their way in or out
      yield* until(place, ({ starting }) => starting === 0)
      const { keepAlive, minSize = 0 } = place.plan.options
      const goesIdle = typeof keepAlive === "number" && !place.hasSetKeepAlive
      if (goesIdle) yield* until(place, ({ live }) => live <= minSize)
      const stats = yield* place.pool.stats
      const { busy, calls, live, pending, starting } = stats
      if (busy + calls + pending + starting > 0)
        this.violation(undefined, `when nothing is in flight, the pool made by ${place.number} is at ${print(stats)}`)
      if (goesIdle && live > minSize)
        this.violation(undefined, `L4: idle workers stay in the pool made by ${place.number}: ${print(stats)}`)
      yield* this.wholeTime(place)
      this.audit(place)
      this.report(place)
    })
  }

  /** Workers' time is spent on something, and no more than all of it (O1). */
  private wholeTime(place: LivePlace): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const { slots, total } = yield* place.pool.insights
      const { killed, lost } = yield* place.pool.stats
      for (const numbers of [total, ...slots]) {
        const all = Object.values(numbers.ratios).reduce((sum, ratio) => sum + ratio, 0)
        const isWhole = numbers.live === 0 || Math.abs(all - 1) <= 0.01
        if (!isWhole || Object.values(numbers.times).some((time) => time < -0.001))
          this.violation(undefined, `O1: in the pool made by ${place.number} time is spent as ${print(numbers)}`)
      }
      if (total.lost !== lost || total.killed > killed)
        this.violation(
          undefined,
          `O1: of the pool made by ${place.number} insights tell ${total.lost} lost and ${total.killed} killed, stats ${lost} and ${killed}`
        )
    })
  }

  /** Closes all pools; returns what is left then. */
  private clear(before: Resources, isWarm: boolean): Effect.Effect<Resources> {
    return Effect.gen({ self: this }, function* () {
      yield* this.closeAll
      let after = resources()
      // threads and processes end a little after they have said so
      for (let wait = 0; wait < 100 && surplus(before, after).length > 0; wait++) {
        yield* Effect.sleep(100)
        after = resources()
      }
      if (this.violations.length > 0) return after
      for (const problem of surplus(before, after))
        this.violation(undefined, `F5: with all pools closed there are ${problem}`)
      if (!isWarm) return after
      for (const what of ["rss", "heap"] as const) {
        if (after[what] > before[what] + mayGrow[what])
          this.violation(
            undefined,
            `F5: ${what} is ${after[what]} MB with all pools closed, it was ${before[what]} before`
          )
      }
      return after
    })
  }

  /** Reads what has been written since it last looked. */
  private audit(place: LivePlace): void {
    const { sabotage } = this.options
    const file = openSync(place.ledger, "r")
    const buffer = Buffer.alloc(1 << 16)
    for (;;) {
      const length = readSync(file, buffer, 0, buffer.length, place.read)
      if (length === 0) break
      place.read += length
      const text = buffer.toString("latin1", 0, length)
      place.audit.feed(sabotage === undefined ? text : sabotage(text))
    }
    closeSync(file)
  }

  private report({ audit, number }: LivePlace): void {
    for (const problem of audit.problems.splice(0)) this.violation(undefined, `the pool made by ${number}: ${problem}`)
  }
}

const isFamily = ({ call, kind }: script.Operation): boolean => call !== undefined && kind !== "run" && kind !== "runs"

/** Waits for numbers to be so, but not for long. */
const until = ({ pool }: Place, isSo: (stats: WorkerPool.Stats) => boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let wait = 0; wait < 100 && !isSo(yield* pool.stats); wait++) yield* Effect.sleep(20)
  })
