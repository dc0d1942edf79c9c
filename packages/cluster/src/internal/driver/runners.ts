/**
 * The runners that a driver knows: a control connection to each, by which it learns how much room there is.
 */
import * as Effect from "effect/Effect"
import type { GreetingFailed } from "../../ClusterError.ts"
import type { Member } from "../../Members.ts"
import { pause } from "../common/pause.ts"
import { now } from "../common/timers.ts"
import { kinds, ProtocolError } from "../frames/frame.ts"
import type { Link } from "../link/link.ts"
import * as vigil from "../link/vigil.ts"
import * as words from "../link/words.ts"
import type { Describe } from "../modules/describe.ts"
import { type Address, format } from "../members/address.ts"
import type { Options as SecurityOptions, Security } from "../secret/security.ts"
import type { SentBlobs } from "./blobs.ts"
import { type Dialled, dial } from "./dial.ts"
import { isRefusal, refusal } from "./refusal.ts"
import type { RunnerLinks } from "./runnerLinks.ts"

/** The options of a driver, checked; times in milliseconds. */
export interface DriverSettings {
  readonly security: Security
  readonly versions: words.Versions
  /** The random name of this process. */
  readonly driver: string
  readonly suspectAfter: number
  readonly roomTimeout: number
  readonly driverStall: number
  /** What `security` was made of. */
  readonly securityOptions: SecurityOptions
  readonly where: ReadonlyArray<string>
  readonly maxMessageSize: number
  /** The connections of this layer to runners. */
  readonly links: RunnerLinks
  /** What runners may ask for by name, of all of this layer's workers. */
  readonly blobs: SentBlobs
  /** Names this program's task modules as runners know them (K10). */
  readonly describe: Describe
}

const readWord = words.reader(words.FromRunner)

/**
 * How long to wait before a runner is dialled again, in milliseconds: doubled from time to time. One that was connected for
 * longer than `settled` is soon there again, as when it was killed and is started at once.
 */
const backoff = { first: 100, longest: 5_000, settled: 500 }

/** How long a runner that has just refused is not asked again, in milliseconds: what it said of its room may be older. */
const cooling = 200

/** A connection for a worker that a runner has accepted. */
export interface Welcomed extends Dialled {
  readonly answer: words.Welcome
}

/** One address, and what is known of the runner there. */
export class KnownRunner {
  readonly address: Address
  readonly settings: DriverSettings
  private readonly changed: () => void
  /** Those that the newest list of members gives it. */
  labels: ReadonlyArray<string>
  /** What it said when it was greeted; `undefined` while it is not connected. */
  welcome: words.Welcome | undefined = undefined
  /** When it said so, the last time that it was dialled. */
  private welcomedAt: number | undefined = undefined
  /** Why it is not connected; `undefined` before the first answer, and while it is. */
  cause: unknown = undefined
  private room: words.Room | undefined = undefined
  private link: Link | undefined = undefined
  /** The slots that it keeps for this process, which have yet to be taken. */
  private readonly grants: Array<number> = []
  /** How many slots it has granted on this connection. */
  private seen = 0
  /** What it has been told last of what this process wants. */
  private said = ""
  /** How many workers are being started there by this process. */
  private starting = 0
  private coolUntil = 0

  constructor(member: Member, settings: DriverSettings, changed: () => void) {
    this.address = member
    this.labels = member.labels
    this.settings = settings
    this.changed = changed
  }

  get name(): string {
    return format(this.address)
  }

  /** Whether it is known to be there, and how much room it has, or why it is not there. */
  get isAnswered(): boolean {
    return this.room !== undefined || this.cause !== undefined
  }

  /** Whether it has the labels that this process asks for, by what it says itself or by the list of members. */
  get isWanted(): boolean {
    const has = (label: string) => this.labels.includes(label) || this.welcome?.labels.includes(label) === true
    return this.settings.where.every(has)
  }

  /** Whether others come before this process there, which has no worker of it (K7). */
  get isQueued(): boolean {
    return this.room?.isQueued === true
  }

  /** How many more workers it can take from whoever comes, as far as is known. */
  get free(): number {
    if (this.room === undefined || now() < this.coolUntil || !this.isWanted) return 0
    return Math.max(0, this.room.free - this.starting)
  }

  /** How many slots it keeps for this process. */
  get granted(): number {
    return this.grants.length
  }

  /** Tells it that this process waits for so many workers. */
  want(count: number): void {
    const { link, seen } = this
    const word = { _tag: "Wants", count, seen } as const
    const said = JSON.stringify(word)
    // it begins with none, and what it has granted it knows
    if (link === undefined || said === this.said || (this.said === "" && count === 0)) return
    this.said = said
    link.say(word satisfies words.ToRunner)
  }

  /** Does without a slot that it keeps for this process. */
  giveBack(): void {
    const grant = this.grants.pop()
    if (grant !== undefined) this.link?.say({ _tag: "GivesBack", grant } satisfies words.ToRunner)
  }

  private disconnected(cause: unknown): void {
    this.welcome = undefined
    this.room = undefined
    this.link = undefined
    this.grants.length = 0
    this.seen = 0
    this.said = ""
    this.cause = cause
    this.changed()
  }

  private hello(worker?: words.Hello["worker"]): words.Hello {
    const { driver, suspectAfter, versions } = this.settings
    return { _tag: "Hello", ...versions, driver, suspectAfter, ...(worker === undefined ? {} : { worker }) }
  }

  /**
   * Opens a connection for a worker, in a slot that the runner keeps for this process or else in one that is free; `undefined`
   * where the runner has no room after all.
   */
  readonly openWorker: (
    worker: NonNullable<words.Hello["worker"]>
  ) => Effect.Effect<Welcomed | undefined, GreetingFailed> = (worker) =>
    Effect.suspend(() => {
      const grant = this.grants.shift()
      // one that is kept counts as taken already
      const taken = grant === undefined ? 1 : 0
      this.starting += taken
      const named = grant === undefined ? worker : { ...worker, grant }
      return Effect.ensuring(
        dial(this.address, this.settings.security, this.hello(named)),
        Effect.sync(() => {
          this.starting -= taken
        })
      )
    }).pipe(
      Effect.map((dialled) => {
        const { answer, link, roundTrip } = dialled
        if (answer._tag === "Welcome") return { answer, link, roundTrip }
        link.destroy()
        this.coolUntil = now() + cooling
        return undefined
      }),
      Effect.tapError(() =>
        Effect.sync(() => {
          this.coolUntil = now() + cooling
        })
      ),
      Effect.ensuring(Effect.sync(() => this.changed()))
    )

  /** Keeps the control connection, until it is interrupted. */
  readonly keep: Effect.Effect<never> = Effect.suspend(() => {
    let wait = backoff.first
    let said: string | undefined
    const once = Effect.gen({ self: this }, function* () {
      this.welcomedAt = undefined
      const cause = yield* this.connected
      if (this.welcomedAt !== undefined && now() - this.welcomedAt > backoff.settled) wait = backoff.first
      this.disconnected(cause)
      if (isRefusal(cause) && said !== cause.message) {
        said = cause.message
        yield* Effect.logWarning(said)
      }
      yield* pause(wait)
      wait = Math.min(backoff.longest, wait * 2)
    })
    return Effect.forever(once)
  })

  /** Stays connected for as long as it can; returns why it is not any more. */
  private get connected(): Effect.Effect<unknown> {
    const { address, settings } = this
    return Effect.scoped(
      Effect.gen({ self: this }, function* () {
        const { answer, link, roundTrip } = yield* Effect.acquireRelease(
          dial(address, settings.security, this.hello(), false),
          ({ link }) => Effect.sync(() => link.destroy()),
          { interruptible: true }
        )
        if (answer._tag === "Refused") return refusal(this.name, answer, settings.suspectAfter)
        const beats = settings.links.watch(answer.runner, link, settings.suspectAfter)
        beats.greeted(roundTrip)
        link.receive((kind, bytes) => {
          if (vigil.take(link, beats, kind, bytes, true)) return
          const word = kind === kinds.word ? readWord(bytes) : undefined
          if (word?._tag === "Room") this.room = word
          else if (word?._tag === "Granted") {
            this.grants.push(word.grant)
            this.seen++
          } else throw new ProtocolError("A frame has arrived that is not about a runner's room")
          this.changed()
        })
        this.welcome = answer
        this.link = link
        this.welcomedAt = now()
        this.cause = undefined
        link.resume()
        return yield* Effect.callback<unknown>((resume) => {
          link.closed((cause) => resume(Effect.succeed(cause ?? new Error("The runner closed the connection"))))
        })
      })
    ).pipe(Effect.catch((error) => Effect.succeed<unknown>(error)))
  }
}
