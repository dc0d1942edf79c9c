/**
 * Maps with retries over runners that are killed and stalled all the time. Their results are exact (K4), an item that ends each
 * process it meets is found and fails alone, and in the end nothing is left (F5).
 */
import { ClusterRuntime, Members, Runner } from "@effect-mpire/cluster"
import { Portable, WorkerPool, WorkerPoolError } from "@effect-mpire/core"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomBytes, randomUUID } from "node:crypto"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"
import { type Input, resultOf } from "./chaos.tasks.ts"
import { KeptRunner } from "./keptRunner.ts"
import { Random } from "./random.ts"
import { type Resources, resources, surplus } from "./resources.ts"
import { commandOf, mark, startedWith } from "./started.ts"
import { makeTrouble, type Trouble } from "./trouble.ts"

const tasks = Portable.module<typeof import("./chaos.tasks.ts")>(new URL("./chaos.tasks.ts", import.meta.url))

export interface Options {
  readonly seed: number
  /** Begins no more maps after this many seconds. */
  readonly seconds: number
  readonly workers: "processes" | "threads"
  /** What its processes are known by. Default: a random text. */
  readonly mark?: string | undefined
  /** Told of each violation at once: something may hang after it. */
  readonly found: (problem: string) => void
}

export interface Summary {
  readonly maps: { readonly [kind: string]: number }
  readonly items: number
  /** For each planted item, how many processes it ended. */
  readonly planted: ReadonlyArray<number>
  readonly troubles: { readonly [what: string]: number }
  /** How often runners were started. */
  readonly starts: number
  readonly lost: number
  /** The longest that a map took, in milliseconds. */
  readonly longest: number
  readonly violations: ReadonlyArray<string>
  readonly before: Resources
  readonly after: Resources
}

/** How many times an item is sent again. */
const retries = 6

const suspectAfter = 1_000

const runnerOptions = { slots: 3, lease: 500, drainTimeout: 3_000 }

/** How long a map may take, in milliseconds, before it is said to hang. */
const patience = 60_000

/** Of how many maps of the first caller one has a planted item. */
const plantEvery = 4

const kinds = ["map", "mapUnordered", "stream", "mapExit"] as const

type Kind = (typeof kinds)[number]

/** Runs the chaos in processes that are known by a mark in their environment, workers too, so that none can be left unseen. */
export const chaos = (options: Options): Effect.Effect<Summary> => Effect.suspend(() => new Chaos(options).run)

class Chaos {
  private readonly options: Options
  private readonly key = `EFFECT_MPIRE_CHAOS_${process.pid}`
  private readonly mark: string
  private readonly directory = mkdtempSync(join(tmpdir(), "effect-mpire-chaos-"))
  private readonly maps: { [kind: string]: number } = {}
  private readonly troubles: { [what: string]: number } = {}
  private readonly planted: Array<number> = []
  private readonly violations: Array<string> = []
  private readonly newest: Array<string> = []
  private items = 0
  private lost = 0
  private starts = 0
  private longest = 0
  private number = 0

  constructor(options: Options) {
    this.options = options
    this.mark = options.mark ?? randomUUID()
    mark(this.mark)
    process.env[this.key] = randomBytes(32).toString("base64")
    // runners start all the time, which takes half as long with it
    process.env["NODE_COMPILE_CACHE"] ??= join(tmpdir(), "node-compile-cache")
  }

  readonly run: Effect.Effect<Summary> = Effect.gen({ self: this }, function* () {
    // what is made once only is made before anything is counted; threads of libuv are, whoever first needs one
    yield* Effect.promise(() => stat(this.directory))
    yield* this.withRunners(1, (runners) => Effect.scoped(this.calls(runners, 1)))
    const before = resources()
    yield* this.withRunners(3, (runners) =>
      Effect.gen({ self: this }, function* () {
        const troubles = makeTrouble(this.options.seed, runners, suspectAfter, (trouble) => this.did(trouble))
        const fiber = yield* Effect.forkChild(Effect.scoped(troubles))
        yield* Effect.scoped(this.calls(runners, this.options.seconds * 1000))
        yield* Fiber.interrupt(fiber)
      })
    )
    yield* this.processesEnd
    const after = yield* this.settled(before)
    for (const problem of surplus(before, after)) this.found(`left: ${problem}`)
    rmSync(this.directory, { recursive: true, force: true })
    const { items, longest, lost, maps, planted, starts, troubles, violations } = this
    return { maps, items, planted, troubles, starts, lost, longest, violations, before, after }
  })

  private did({ number, runner, what }: Trouble): void {
    this.troubles[what] = (this.troubles[what] ?? 0) + 1
    this.note(`trouble ${number}: ${what}, runner ${runner}`)
  }

  private note(line: string): void {
    this.newest.push(`${(performance.now() / 1000).toFixed(2)} ${line}`)
    if (this.newest.length > 12) this.newest.shift()
  }

  private found(problem: string): void {
    const said = `${problem}\n  before it: ${this.newest.join("\n             ")}`
    this.violations.push(said)
    this.options.found(said)
  }

  // ---------------------------------------------------------------------------
  // Runners
  // ---------------------------------------------------------------------------

  /** Starts so many runners, which have to end when they are asked to, with no worker left. */
  private withRunners(
    count: number,
    use: (runners: ReadonlyArray<KeptRunner>) => Effect.Effect<void>
  ): Effect.Effect<void> {
    const start = Effect.promise(async () => {
      const { workers } = this.options
      const make = () => new KeptRunner({ ...runnerOptions, workers, key: this.key })
      const runners = Array.from({ length: count }, make)
      const kill = () => runners.forEach((runner) => runner.kill())
      process.once("exit", kill)
      await Promise.all(runners.map((runner) => runner.start()))
      return { runners, kill }
    })
    return Effect.acquireUseRelease(
      start,
      ({ runners }) => Effect.andThen(use(runners), this.end(runners)),
      ({ kill, runners }) =>
        Effect.sync(() => {
          kill()
          process.off("exit", kill)
          for (const { starts } of runners) this.starts += starts
        })
    )
  }

  private end(runners: ReadonlyArray<KeptRunner>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      for (const [number, runner] of runners.entries()) {
        if (!(yield* within(15_000, () => Effect.succeed(runner.isWell)))) {
          this.found(`runner ${number} does not come back`)
          continue
        }
        const target = { address: `127.0.0.1:${runner.port}`, secret: { env: this.key } }
        const isFree = Effect.map(
          Effect.exit(Runner.statusOf(target)),
          (exit) => Exit.isSuccess(exit) && exit.value.used === 0
        )
        if (!(yield* within(5_000, () => isFree))) this.found(`runner ${number} has workers that nobody wants`)
        const ending = Effect.promise(() => runner.end()).pipe(Effect.timeoutOption(runnerOptions.drainTimeout + 1_000))
        const code = yield* ending
        if (code._tag === "None") {
          this.found(`runner ${number} has not ended ${runnerOptions.drainTimeout + 1_000} ms after SIGTERM`)
        } else if (code.value !== 0) this.found(`runner ${number} has ended with ${code.value} after SIGTERM`)
        for (const end of runner.faults) this.found(`runner ${number} has ended by itself, with ${end}`)
      }
    })
  }

  // ---------------------------------------------------------------------------
  // Maps
  // ---------------------------------------------------------------------------

  /** Three callers of one pool, and one of a pool that is emptied between its calls, for so many milliseconds. */
  private calls(runners: ReadonlyArray<KeptRunner>, millis: number): Effect.Effect<void, never, Scope.Scope> {
    const until = performance.now() + millis
    const members = Members.fromList(runners.map(({ port }) => `127.0.0.1:${port}`))
    const layer = ClusterRuntime.layer({ members, secret: { env: this.key }, suspectAfter })
    const settings = { init: tasks.open, onWorkerLost: { retries } } as const
    return Effect.gen({ self: this }, function* () {
      const kept = yield* WorkerPool.make({ ...settings, size: 4, keepAlive: true })
      const emptied = yield* WorkerPool.make({ ...settings, size: 2 })
      const pools = [kept, kept, kept, emptied] as const
      yield* Effect.all(
        pools.map((pool, caller) => this.caller(pool, caller, until)),
        { concurrency: "unbounded", discard: true }
      )
      for (const pool of [kept, emptied]) {
        const stats = yield* pool.stats
        this.lost += stats.lost
        if (stats.busy > 0 || stats.pending > 0 || stats.calls > 0) this.found(`a pool has ${JSON.stringify(stats)}`)
      }
    }).pipe(Effect.provide(Layer.orDie(layer)), Effect.orDie)
  }

  private caller(pool: ChaosPool, caller: number, until: number): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      // one at least: what is made by the first call is there before anything is counted
      for (let turn = 0; turn === 0 || (performance.now() < until && this.violations.length === 0); turn++) {
        yield* this.map(pool, caller, turn)
      }
    })
  }

  private map(pool: ChaosPool, caller: number, turn: number): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const random = new Random(this.options.seed, 1_000_000 * (caller + 1) + turn)
      const isPlanted = caller === 0 && turn % plantEvery === 1
      const kind = isPlanted ? "mapExit" : random.oneOf(...kinds)
      const map = this.number++
      const count = random.integer(1, 150)
      const file = join(this.directory, String(map))
      const planted = isPlanted ? random.integer(0, count - 1) : undefined
      const items = Array.from({ length: count }, (_, n): Input => ({
        n,
        map,
        millis: random.integer(0, 10),
        ...(n === planted ? { planted: file } : {})
      }))
      const name = `map ${map} (caller ${caller}, turn ${turn}, ${kind}, ${count} items${isPlanted ? `, ${planted} planted` : ""})`
      this.note(`begins: ${name}`)
      this.maps[kind] = (this.maps[kind] ?? 0) + 1
      this.items += count
      const began = performance.now()
      const outcome = yield* this.perform(pool, kind, items, random.integer(1, 40)).pipe(
        Effect.exit,
        Effect.timeoutOption(patience)
      )
      this.longest = Math.max(this.longest, Math.round(performance.now() - began))
      if (outcome._tag === "None") {
        return this.found(`${name} hangs; its pool has ${JSON.stringify(yield* pool.stats)}`)
      }
      if (Exit.isFailure(outcome.value)) return this.found(`${name} failed: ${Cause.pretty(outcome.value.cause)}`)
      this.judge(name, kind, items, outcome.value.value)
      if (planted !== undefined) this.judgePlanted(name, file)
    })
  }

  private perform(
    pool: ChaosPool,
    kind: Kind,
    items: ReadonlyArray<Input>,
    chunkSize: number
  ): Effect.Effect<ReadonlyArray<Outcome>, WorkerPoolError.WorkerPoolError> {
    const succeeded = (results: ReadonlyArray<string>) => results.map((result): Outcome => Exit.succeed(result))
    switch (kind) {
      case "map":
        return Effect.map(pool.map(items, tasks.work, { chunkSize }), succeeded)
      case "mapUnordered":
        return Effect.map(pool.mapUnordered(items, tasks.work, { chunkSize }), succeeded)
      case "stream":
        return Effect.map(Stream.runCollect(pool.stream(items, tasks.work, { chunkSize })), succeeded)
      case "mapExit":
        return pool.mapExit(items, tasks.work, { chunkSize })
    }
  }

  private judge(name: string, kind: Kind, items: ReadonlyArray<Input>, outcomes: ReadonlyArray<Outcome>): void {
    if (outcomes.length !== items.length) {
      return this.found(`${name} has ${outcomes.length} results`)
    }
    const expected = items.map(resultOf)
    const inOrder = kind === "mapUnordered" ? inOrderOf(expected, outcomes) : outcomes
    for (const [n, outcome] of inOrder.entries()) {
      const isPlanted = items[n]!.planted !== undefined
      if (Exit.isFailure(outcome)) {
        const error = Cause.squash(outcome.cause)
        const isLost = WorkerPoolError.isWorkerPoolError(error) && error.reason._tag === "WorkerLost"
        if (!isPlanted || !isLost) this.found(`${name}, item ${n} failed: ${Cause.pretty(outcome.cause)}`)
      } else if (isPlanted || outcome.value !== expected[n]) {
        this.found(`${name}, item ${n} comes to ${outcome.value}`)
      }
    }
  }

  /** Each process that it ended is in its file. */
  private judgePlanted(name: string, file: string): void {
    const ended = existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n").length : 0
    this.planted.push(ended)
    if (ended > retries + 2) this.found(`${name}: its planted item has ended ${ended} processes`)
  }

  // ---------------------------------------------------------------------------
  // What is left
  // ---------------------------------------------------------------------------

  /** No runner, no worker, and nothing that one of them has started is left. */
  private get processesEnd(): Effect.Effect<void> {
    return Effect.map(
      within(5_000, () => Effect.sync(() => startedWith(this.mark).length === 0)),
      (areGone) => {
        if (areGone) return
        const left = startedWith(this.mark).map((pid) => `${pid} (${commandOf(pid)})`)
        this.found(`processes are left: ${left.join(", ")}`)
      }
    )
  }

  /** What this process holds when it holds no more than before, or after a while. */
  private settled(before: Resources): Effect.Effect<Resources> {
    let after = resources()
    const isSettled = Effect.sync(() => {
      after = resources()
      return surplus(before, after).length === 0
    })
    // in the callback of a timer this one is counted still
    const counted = Effect.andThen(
      Effect.promise(() => setImmediate()),
      isSettled
    )
    return Effect.map(
      within(5_000, () => counted),
      () => after
    )
  }
}

type Outcome = Exit.Exit<string, WorkerPoolError.WorkerPoolError>

type ChaosPool = WorkerPool.WorkerPool<string, unknown>

/** Unordered results, each at the place where it belongs; one that belongs nowhere is at one that lacks its own. */
const inOrderOf = (expected: ReadonlyArray<string>, outcomes: ReadonlyArray<Outcome>): ReadonlyArray<Outcome> => {
  const left = new Map(expected.map((result, n) => [result, n]))
  const inOrder = new Array<Outcome | undefined>(expected.length).fill(undefined)
  const others: Array<Outcome> = []
  for (const outcome of outcomes) {
    const place = Exit.isSuccess(outcome) ? left.get(outcome.value) : undefined
    if (place === undefined || inOrder[place] !== undefined) others.push(outcome)
    else inOrder[place] = outcome
  }
  return inOrder.map((outcome) => outcome ?? others.pop()!)
}

/** Whether something becomes so in that many milliseconds. */
const within = (millis: number, isSo: () => Effect.Effect<boolean>): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const until = performance.now() + millis
    while (!(yield* isSo())) {
      if (performance.now() > until) return false
      yield* Effect.sleep(20)
    }
    return true
  })
