/**
 * A runner: accepts drivers, gives them its slots, and starts their workers.
 */
import { NodeRelay } from "@effect-mpire/node-runtime"
import type { WorkerOptions } from "@effect-mpire/node-runtime/NodeWorkerRuntime"
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { ListenFailed } from "../../ClusterError.ts"
import { clearTimeout, setTimeout } from "../common/timers.ts"
import { kinds, ProtocolError } from "../frames/frame.ts"
import type { Beats } from "../link/beats.ts"
import type { Link } from "../link/link.ts"
import * as versions from "../link/versions.ts"
import * as vigil from "../link/vigil.ts"
import * as words from "../link/words.ts"
import * as address from "../members/address.ts"
import type { Blobs } from "../modules/blobs.ts"
import type { Resolve } from "../modules/resolve.ts"
import type { Security } from "../secret/security.ts"
import type { Name } from "../sharing/state.ts"
import { ArrivingBlobs } from "./arrivingBlobs.ts"
import { measure } from "./metrics.ts"
import { type Open, Relay } from "./relay.ts"
import { type Held, RunnerState } from "./runnerState.ts"
import { RunnerServer } from "./server.ts"

/** By how many milliseconds a driver must give a runner up later than the runner kills its workers (K5). */
export const margin = 100

const readWord = words.reader(words.ToRunner)

/** The options of a runner, checked. */
export interface Settings {
  readonly host: string
  readonly port: number
  readonly slots: number
  readonly workers: "processes" | "threads"
  readonly security: Security
  /** In milliseconds, as all times here. */
  readonly lease: number
  readonly drainTimeout: number
  readonly minTenure: number
  readonly labels: ReadonlyArray<string>
  readonly deployment: string | undefined
  readonly allowMixed: boolean
  readonly maxMessageSize: number
  /** Finds task modules below its root (K10). */
  readonly resolve: Resolve
  /** Keeps what its workers are sent by name. */
  readonly blobs: Blobs
  /** Whether its workers run sources that they are sent. */
  readonly inline: boolean
  readonly workerOptions: WorkerOptions & { readonly env?: NodeJS.Dict<string> | undefined }
}

/** What a runner is at the moment. */
export interface Status {
  readonly id: string
  readonly slots: number
  readonly used: number
  readonly draining: boolean
}

export interface Running {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly status: Effect.Effect<Status>
  readonly drain: Effect.Effect<void>
}

/** Listens until the Scope closes, which drains it first (K8). */
export const make: (settings: Settings) => Effect.Effect<Running, ListenFailed, Scope.Scope> = Effect.fnUntraced(
  function* (settings) {
    const runner = new Runner(settings)
    const { host, port } = settings
    yield* Effect.addFinalizer(() => Effect.promise(() => runner.close()))
    const bound = yield* Effect.tryPromise({
      try: () => runner.server.listen(host, port),
      catch: (cause) => new ListenFailed({ listen: address.format({ host, port }), cause })
    })
    yield* measure(address.format({ host, port: bound }), runner.state)
    return {
      id: runner.id,
      host,
      port: bound,
      status: Effect.sync(() => runner.status),
      drain: Effect.promise(() => runner.drain())
    }
  }
)

class Runner {
  readonly id = randomUUID()
  readonly server: RunnerServer
  private readonly settings: Settings
  readonly state: RunnerState
  private draining: Promise<void> | undefined = undefined

  constructor(settings: Settings) {
    this.settings = settings
    this.state = new RunnerState(settings)
    this.server = new RunnerServer(settings.security, (link, hello) => this.greet(link, hello))
  }

  get status(): Status {
    const { draining, used } = this.state.room
    return { id: this.id, slots: this.settings.slots, used, draining }
  }

  /** Refuses new workers, asks for all that there are, and kills those that are left after `drainTimeout` (K8). */
  drain(): Promise<void> {
    this.draining ??= this.drained()
    return this.draining
  }

  private async drained(): Promise<void> {
    const { state } = this
    state.drain()
    const { promise: isOver, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, this.settings.drainTimeout)
    await Promise.race([state.empty, isOver])
    clearTimeout(timer)
    await state.killAll()
  }

  async close(): Promise<void> {
    await this.drain()
    await this.server.close()
  }

  // ---------------------------------------------------------------------------
  // Drivers
  // ---------------------------------------------------------------------------

  private word(link: Link, word: words.ToRunner): void {
    switch (word._tag) {
      case "Drain":
        return void this.drain()
      case "Wants":
        return this.state.want(link, word.count, word.seen)
      case "GivesBack":
        return this.state.giveBack(link, word.grant)
    }
  }

  private greet(link: Link, hello: words.Hello): void {
    const { driver, worker } = hello
    const refused = this.whyNot(hello)
    const slot = refused === undefined && worker !== undefined ? this.state.admit(driver, worker.grant) : undefined
    const why = refused ?? (worker !== undefined && slot === undefined ? { _tag: "NoRoom" as const } : undefined)
    if (why !== undefined) {
      const refused: words.Refused = { _tag: "Refused", why }
      link.say(refused)
      // nothing else of it is read
      link.receive(() => {})
      return link.end()
    }
    const { deployment, inline, labels, lease, slots } = this.settings
    const welcome: words.Welcome = {
      _tag: "Welcome",
      ...versions.mine(deployment),
      runner: this.id,
      slots,
      labels,
      lease,
      ...(inline ? {} : { inline })
    }
    link.say(welcome)
    const beats = vigil.keepLease(link, lease, () => this.state.heldSince(hello.driver))
    if (slot !== undefined) return this.open(link, hello, beats, slot)
    if (hello.isStalled === true) this.state.stalled(hello.driver, link, beats)
    this.state.listen(hello.driver, link)
    link.receive((kind, bytes) => {
      if (vigil.take(link, beats, kind, bytes, false)) return
      if (kind !== kinds.word) throw new ProtocolError("A frame has arrived that drivers do not send")
      this.word(link, readWord(bytes))
    })
  }

  /** Who would give this runner up before it has killed what it held is refused as well (K5). */
  private whyNot(hello: words.Hello): words.Refused["why"] | undefined {
    const { allowMixed, deployment, lease } = this.settings
    const differs = versions.difference(versions.mine(deployment), hello, allowMixed)
    if (differs !== undefined) return { _tag: "VersionMismatch", ...differs }
    if (hello.suspectAfter < lease + margin) return { _tag: "Lease", lease, margin }
    return hello.worker !== undefined && this.state.isDraining ? { _tag: "Draining" } : undefined
  }

  private open(link: Link, hello: words.Hello, beats: Beats, slot: Name): void {
    const held: Held = {
      driver: hello.driver,
      askBack: () => relay.askBack(),
      kill: () => relay.killDrained()
    }
    // had both named one and differed, this one would have refused
    const isSame = hello.deployment !== undefined && this.settings.deployment !== undefined
    const relay = new Relay(link, beats, hello, {
      open: this.openWorker,
      blobs: new ArrivingBlobs(link, this.settings.blobs, this.settings.maxMessageSize),
      resolve: (module) => this.settings.resolve(module, isSame),
      onReady: () => this.state.ready(slot),
      onEnd: () => this.state.release(slot)
    })
    this.state.take(slot, held)
  }

  private readonly openWorker: Open = (worker, controls) => {
    const { maxMessageSize, security, workers } = this.settings
    // workers start without what is secret (K11)
    const env = security.workerEnv(this.settings.workerOptions.env ?? process.env)
    const workerOptions = { ...this.settings.workerOptions, env }
    return workers === "threads"
      ? NodeRelay.openThread(worker, controls, workerOptions, maxMessageSize)
      : NodeRelay.openProcess(worker, controls, workerOptions, maxMessageSize)
  }
}
