/**
 * A driver: knows the runners of a cluster, and starts workers where there is room.
 */
import type { Connection } from "@effect-mpire/core/Channel"
import type { WorkerIdentity } from "@effect-mpire/core/WorkerPoolError"
import * as WorkerPoolError from "@effect-mpire/core/WorkerPoolError"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Member, Members } from "../../Members.ts"
import { clearTimeout, now, setTimeout } from "../common/timers.ts"
import * as vigil from "../link/vigil.ts"
import { format } from "../members/address.ts"
import { WorkerConnection } from "./connection.ts"
import { type DriverSettings, KnownRunner, type Welcomed } from "./runners.ts"
import { StallWatch } from "./stall/watch.ts"

/** How often whoever waits for room looks again, in milliseconds, where nothing says that there is some. */
const lookEvery = 200

/** How long a worker waits for runners that have not answered yet, in milliseconds, though another one has room. */
const firstWait = 1_000

/** After how many milliseconds without another question somebody who asked for room has gone. */
const forgotten = 5_000

export class Cluster {
  private readonly settings: DriverSettings
  private readonly members: Members
  private readonly scope: Scope.Scope
  private readonly stall: StallWatch
  private readonly runners = new Map<string, { readonly runner: KnownRunner; readonly fiber: Fiber.Fiber<never> }>()
  private waiting: Array<() => void> = []
  /** Since when there has been no room, for as long as somebody asks. */
  private noRoomSince: number | undefined = undefined
  private askedAt = 0
  /** Whether the first list of members has come. */
  private isListed = false

  constructor(settings: DriverSettings, members: Members, scope: Scope.Scope) {
    this.settings = settings
    this.members = members
    this.scope = scope
    const { driver, driverStall, securityOptions, suspectAfter, versions } = settings
    this.stall = new StallWatch({ security: securityOptions, versions, driver, suspectAfter, driverStall })
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
        if (this.runners.has(name)) continue
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

  /** How many workers all runners can have together, once each is known to be there or not. */
  get parallelism(): Effect.Effect<number> {
    return Effect.gen({ self: this }, function* () {
      yield* this.answered(this.settings.roomTimeout)
      return Math.max(
        1,
        this.connected.reduce((sum, { welcome }) => sum + welcome!.slots, 0)
      )
    })
  }

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
      for (let runner = this.roomiest; runner !== undefined; runner = this.roomiest) {
        const dialled = yield* Effect.catch(runner.openWorker(named), () => Effect.succeed(undefined))
        // one that has not answered as expected has no room for a moment
        if (dialled !== undefined) return this.connect(runner, dialled, controls)
      }
      yield* this.members.lookAgain
      return yield* Effect.fail(this.unavailable())
    })
  }

  private connect(runner: KnownRunner, { answer, link, roundTrip }: Welcomed, controls: number): WorkerConnection {
    this.noRoomSince = undefined
    const { settings } = this
    const beats = vigil.suspect(link, settings.suspectAfter)
    beats.greeted(roundTrip)
    const { host, port } = runner.address
    link.onRelease(this.stall.hold({ host, port, lease: answer.lease }))
    return new WorkerConnection(
      link,
      beats,
      { runner: answer.runner, address: runner.name, inline: answer.inline ?? true },
      controls,
      settings
    )
  }

  private get roomiest(): KnownRunner | undefined {
    let found: KnownRunner | undefined
    for (const runner of this.connected) {
      if (runner.free > Math.max(0, found?.free ?? 0)) found = runner
    }
    return found
  }

  /** There is no place now, which is no failure while a pool has a worker; one without gives up after `roomTimeout` (K7). */
  private unavailable(): WorkerPoolError.Unavailable {
    const at = now()
    // slots ask again and again as long as they wait
    if (this.noRoomSince === undefined || at - this.askedAt > forgotten) this.noRoomSince = at
    this.askedAt = at
    const waited = at - this.noRoomSince
    const { connected } = this
    const known = [...this.runners.values()].map(({ runner }) => runner)
    const cause =
      connected.length > 0
        ? new WorkerPoolError.NoRoom({ runners: connected.length, waited })
        : new WorkerPoolError.Unreachable({
            addresses: known.map(({ name }) => name),
            cause: known.findLast(({ cause }) => cause !== undefined)?.cause
          })
    return new WorkerPoolError.Unavailable({
      cause,
      giveUp: waited >= this.settings.roomTimeout,
      again: this.change
    })
  }

  private changed(): void {
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
