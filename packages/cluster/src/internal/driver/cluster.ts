/**
 * A driver: knows the runners of a cluster, and starts workers where there is room.
 */
import type { Connection } from "@effect-mpire/core/Channel"
import type { WorkerIdentity } from "@effect-mpire/core/WorkerPoolError"
import * as WorkerPoolError from "@effect-mpire/core/WorkerPoolError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Member, Members } from "../../Members.ts"
import { clearTimeout, now, setTimeout } from "../common/timers.ts"
import { format } from "../members/address.ts"
import { WorkerConnection } from "./connection.ts"
import { Lack, type Lacking } from "./lack.ts"
import { type DriverSettings, KnownRunner, type Welcomed } from "./runners.ts"
import { StallWatch } from "./stall/watch.ts"
import { Waits } from "./waits.ts"

/** How often whoever waits for answers looks again, in milliseconds, where nothing says that there are some. */
const lookEvery = 200

/** How long a worker waits for runners that have not answered yet, in milliseconds, though another one has room. */
const firstWait = 1_000

export class Cluster {
  private readonly settings: DriverSettings
  private readonly members: Members
  private readonly scope: Scope.Scope
  private readonly stall: StallWatch
  private readonly runners = new Map<string, { readonly runner: KnownRunner; readonly fiber: Fiber.Fiber<never> }>()
  private readonly lack: Lack
  private waiting: Array<() => void> = []
  private readonly waits = new Waits()
  /** Whether the first list of members has come. */
  private isListed = false

  /** `fork` runs what is only told. */
  constructor(
    settings: DriverSettings,
    members: Members,
    scope: Scope.Scope,
    fork: (effect: Effect.Effect<void>) => void
  ) {
    this.settings = settings
    this.members = members
    this.scope = scope
    this.lack = new Lack(() => this.share())
    const { driver, driverStall, securityOptions, suspectAfter, versions } = settings
    const stalling = { security: securityOptions, versions, driver, suspectAfter, driverStall }
    this.stall = new StallWatch(stalling, (why) => fork(Effect.logWarning(why)))
  }

  /** Follows the members until the Scope closes. */
  get follow(): Effect.Effect<void> {
    const changes = Stream.runForEach(this.members.changes, (members) => this.update(members))
    return Effect.andThen(
      Scope.addFinalizer(this.scope, this.stall.end),
      Effect.asVoid(Effect.forkIn(changes, this.scope))
    )
  }

  private update(members: ReadonlyArray<Member>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const named = new Map(members.map((member) => [format(member), member]))
      for (const [name, { fiber }] of this.runners) {
        // its workers go on: each has a connection of its own
        if (!named.has(name) && this.runners.delete(name)) yield* Fiber.interrupt(fiber)
      }
      for (const [name, member] of named) {
        const known = this.runners.get(name)?.runner
        if (known !== undefined) {
          known.labels = member.labels
          continue
        }
        const runner = new KnownRunner(member, this.settings, () => this.changed())
        this.runners.set(name, { runner, fiber: yield* Effect.forkIn(runner.keep, this.scope) })
      }
      this.isListed = true
      this.changed()
    })
  }

  /** The runners that are connected, each once though it may have several addresses. */
  private get connected(): ReadonlyArray<KnownRunner> {
    const byId = new Map<string, KnownRunner>()
    for (const { runner } of this.runners.values()) {
      if (runner.welcome !== undefined && !byId.has(runner.welcome.runner)) byId.set(runner.welcome.runner, runner)
    }
    return [...byId.values()]
  }

  /** Waits until each runner is known to be there or not, but for so many milliseconds at most. */
  private answered(millis: number): Effect.Effect<void> {
    const isSo = () => this.isListed && [...this.runners.values()].every(({ runner }) => runner.isAnswered)
    return Effect.gen({ self: this }, function* () {
      const until = now() + millis
      while (!isSo() && now() < until) yield* this.change
    })
  }

  /** How many workers the runners that this process may use can have together. */
  private get slots(): number {
    return this.connected.filter(({ isWanted }) => isWanted).reduce((sum, { welcome }) => sum + welcome!.slots, 0)
  }

  /** The same, at least one, once each is known to be there or not. */
  get parallelism(): Effect.Effect<number> {
    return Effect.andThen(
      this.answered(this.settings.roomTimeout),
      Effect.sync(() => Math.max(1, this.slots))
    )
  }

  /** Waits until they can have more together than that, as when one joins; returns how many. */
  readonly parallelismAbove = (workers: number): Effect.Effect<number> =>
    Effect.callback((resume) => {
      const look = () => {
        const { slots } = this
        if (slots > workers) resume(Effect.succeed(slots))
        else this.waiting.push(look)
      }
      look()
      return Effect.sync(() => {
        this.waiting = this.waiting.filter((other) => other !== look)
      })
    })

  /** Starts a worker on the runner that has the most room, where it stays (K1); the Scope ends it. */
  readonly open: (
    worker: WorkerIdentity,
    controls: number
  ) => Effect.Effect<Connection, WorkerPoolError.Unavailable, Scope.Scope> = (worker, controls) =>
    Effect.acquireRelease(this.start(worker, controls), (connection) => connection.finish, {
      interruptible: true
    }).pipe(Effect.map(({ connection }) => connection))

  private start(
    worker: WorkerIdentity,
    controls: number
  ): Effect.Effect<WorkerConnection, WorkerPoolError.Unavailable> {
    return Effect.gen({ self: this }, function* () {
      // else all go to the runner that is the first to answer
      yield* this.answered(firstWait)
      const { generation, id, pool } = worker
      const named = { id, generation, controls, ...(pool === undefined ? {} : { pool }) }
      const lacking = this.lack.ask()
      const opened = Effect.gen({ self: this }, function* () {
        for (let runner = this.roomiest; runner !== undefined; runner = this.roomiest) {
          lacking.isPlaced = true
          const dialled = yield* Effect.catch(runner.openWorker(named), () => Effect.succeed(undefined))
          // one that has not answered as expected has no room for a moment
          if (dialled !== undefined) return this.connect(pool, runner, dialled, controls)
          lacking.isPlaced = false
        }
        yield* this.members.lookAgain
        return yield* Effect.fail(this.unavailable(pool, lacking))
      })
      return yield* Effect.onExit(opened, (exit) =>
        Effect.sync(() =>
          // one that is interrupted does not ask again
          Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)
            ? this.lack.refused(lacking)
            : this.lack.served(lacking)
        )
      )
    })
  }

  private connect(
    pool: string | undefined,
    runner: KnownRunner,
    { answer, link, roundTrip }: Welcomed,
    controls: number
  ): WorkerConnection {
    const { settings } = this
    const beats = settings.links.watch(answer.runner, link, settings.suspectAfter)
    beats.greeted(roundTrip)
    const { host, port } = runner.address
    link.onRelease(this.stall.hold({ host, port, lease: answer.lease }))
    const place = { runner: answer.runner, address: runner.name, inline: answer.inline ?? true }
    const made = new WorkerConnection(link, beats, place, controls, settings)
    // before the pool is told, which may ask for another one at once
    made.connection.closed(this.waits.hold(pool))
    return made
  }

  /** A runner that keeps a slot for this process, or else the one with most that are free. */
  private get roomiest(): KnownRunner | undefined {
    let found: KnownRunner | undefined
    for (const runner of this.connected) {
      if (runner.granted > 0) return runner
      if (runner.free > (found?.free ?? 0)) found = runner
    }
    return found
  }

  /** The runners that have the labels that this process asks for. */
  private get wanted(): ReadonlyArray<KnownRunner> {
    return this.connected.filter(({ isWanted }) => isWanted)
  }

  /**
   * Wants what is lacking at each runner (K6): the first that has a slot is the one, and what others grant beyond what is
   * lacking they get back.
   */
  private share(): void {
    const { lack, wanted } = this
    const granted = wanted.reduce((sum, runner) => sum + runner.granted, 0)
    let surplus = granted - lack.unplaced
    for (const runner of wanted) for (; surplus > 0 && runner.granted > 0; surplus--) runner.giveBack()
    const count = Math.max(0, lack.waiting - granted)
    for (const { runner } of this.runners.values()) runner.want(wanted.includes(runner) ? count : 0)
    lack.wake(wanted.reduce((sum, runner) => sum + runner.granted + runner.free, 0))
  }

  /** There is no place now, which is no failure while a pool has a worker; one without gives up after `roomTimeout` (K7). */
  private unavailable(pool: string | undefined, lacking: Lacking): WorkerPoolError.Unavailable {
    const { wanted } = this
    // while others come first everywhere, the wait has yet to begin
    const isQueued = wanted.length > 0 && wanted.every(({ isQueued }) => isQueued)
    const waited = this.waits.waited(pool, isQueued)
    const cause =
      wanted.length > 0 ? new WorkerPoolError.NoRoom({ runners: wanted.length, waited }) : this.whyUnreachable()
    return new WorkerPoolError.Unavailable({
      cause,
      giveUp: waited >= this.settings.roomTimeout,
      again: this.lack.awaitRoom(lacking)
    })
  }

  private whyUnreachable(): WorkerPoolError.Unreachable {
    const known = [...this.runners.values()].map(({ runner }) => runner)
    const addresses = known.map(({ name }) => name)
    const { length } = this.connected
    if (length === 0) {
      const cause = known.findLast(({ cause }) => cause !== undefined)?.cause
      return new WorkerPoolError.Unreachable({ addresses, cause })
    }
    const cause = new Error(`None of ${length} runners has the labels ${this.settings.where.join(", ")}`)
    return new WorkerPoolError.Unreachable({ addresses, cause })
  }

  private changed(): void {
    this.share()
    for (const resume of this.waiting.splice(0)) resume()
  }

  /** Waits until something about the runners has changed, or for a moment. */
  private get change(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const go = () => {
        clearTimeout(timer)
        resume(Effect.void)
      }
      const timer = setTimeout(go, lookEvery)
      this.waiting.push(go)
      return Effect.sync(() => {
        clearTimeout(timer)
        this.waiting = this.waiting.filter((other) => other !== go)
      })
    })
  }
}
