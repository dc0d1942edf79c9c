/**
 * Who has which of a runner's slots, and who waits for one: carries out what the model of sharing decides (K6).
 */
import { clearTimeout, now, setTimeout } from "../common/timers.ts"
import type { Beats } from "../link/beats.ts"
import type { Link } from "../link/link.ts"
import type { Room } from "../link/words.ts"
import { decide, placeInQueue } from "../sharing/decide.ts"
import * as sharing from "../sharing/state.ts"
import { Applicant } from "./applicant.ts"

/** A worker that has a slot. */
export interface Held {
  readonly driver: string
  /** Asks the driver for it back. */
  readonly askBack: () => void
  /** Kills it; completes when it has ended. */
  readonly kill: () => Promise<void>
}

/** How many slots are in which state; each is in one. */
export interface Slots {
  readonly free: number
  /** It is kept for a driver that was granted it, or its worker does not take items yet. */
  readonly starting: number
  /** Its worker takes items. */
  readonly used: number
  /** Its worker was asked back; while the runner drains, those without a worker too. */
  readonly draining: number
}

/** How a driver is held whose main thread is blocked. */
interface Stall {
  /** Those that are confirmed for it now. */
  readonly beats: Set<Beats>
  /** When it was last known to live by others. */
  heldUntil: number
}

export class RunnerState {
  isDraining = false
  private sharing: sharing.State
  /** The workers that are there, by the names of their slots. */
  private readonly held = new Map<sharing.Name, Held>()
  /** The connections of drivers that want to know of room. */
  private readonly applicants = new Map<Link, Applicant>()
  private names = 0
  /** The slots that are kept for drivers, which have yet to take them. */
  private readonly kept = new Map<sharing.Name, Applicant>()
  /** Decides again when a worker's tenure ends. */
  private timer: ReturnType<typeof setTimeout> | undefined = undefined
  private again: number | undefined = undefined
  private waiting: Array<() => void> = []
  /** Of each driver whose main thread is blocked, or has been. It may have several layers, each with a thread for that. */
  private readonly stalls = new Map<string, Stall>()

  constructor(options: sharing.Options) {
    this.sharing = sharing.make(options)
  }

  get room(): Room {
    const { slots, workers } = this.sharing
    const free = this.isDraining ? 0 : Math.max(0, slots - workers.length)
    return { _tag: "Room", free, used: this.held.size, draining: this.isDraining }
  }

  get slots(): Slots {
    const { slots, workers } = this.sharing
    const empty = slots - workers.length
    const count = (is: (worker: sharing.Worker) => boolean) => workers.filter(is).length
    return {
      free: this.isDraining ? 0 : empty,
      starting: count(({ asked, ready }) => !asked && ready === undefined),
      used: count(({ asked, ready }) => !asked && ready !== undefined),
      draining: count(({ asked }) => asked) + (this.isDraining ? empty : 0)
    }
  }

  /** For how many workers drivers wait. */
  get wanted(): number {
    return [...this.applicants.values()].reduce((sum, { wants }) => sum + wants, 0)
  }

  // ---------------------------------------------------------------------------
  // Drivers
  // ---------------------------------------------------------------------------

  /** Somebody wants to know of room, and may want workers. */
  listen(driver: string, link: Link): void {
    const applicant = new Applicant(driver, link)
    this.applicants.set(link, applicant)
    link.onRelease(() => {
      this.applicants.delete(link)
      this.withdraw(applicant, 0)
      for (const [name, by] of this.kept) if (by === applicant) this.forgo(name)
      this.settle()
    })
    this.tell(applicant)
  }

  /** A driver waits for so many workers beyond the slots of the first `seen` grants that it was told of. */
  want(link: Link, count: number, seen: number): void {
    const applicant = this.applicants.get(link)
    if (applicant === undefined || this.isDraining) return
    applicant.wants = applicant.beyond(count, seen)
    // nobody can have more of them than there are
    const most = Math.min(applicant.wants, this.sharing.slots)
    this.withdraw(applicant, most)
    while (applicant.waiting.length < most) {
      const name = this.names++
      applicant.waiting.push(name)
      this.happen({ _tag: "want", driver: applicant.driver, name })
    }
    this.settle()
  }

  /** A driver does not need a slot that it was granted. */
  giveBack(link: Link, grant: number): void {
    if (this.kept.get(grant)?.link !== link) return
    this.forgo(grant)
    this.settle()
  }

  /** Has only so many requests left, those that came first. */
  private withdraw({ waiting }: Applicant, most: number): void {
    while (waiting.length > most) this.happen({ _tag: "unwant", name: waiting.pop()! })
  }

  private forgo(name: sharing.Name): void {
    this.unkeep(name)
    this.happen({ _tag: "release", name })
  }

  private unkeep(name: sharing.Name): void {
    this.kept.get(name)?.taken(name)
    this.kept.delete(name)
  }

  // ---------------------------------------------------------------------------
  // Workers
  // ---------------------------------------------------------------------------

  /** The name of the slot that a driver's worker may take: the one that it was granted, or one that is free, if any is. */
  admit(driver: string, grant: number | undefined): sharing.Name | undefined {
    if (grant !== undefined && this.kept.get(grant)?.driver === driver) {
      this.unkeep(grant)
      return grant
    }
    // while somebody waits, none is
    if (this.room.free === 0) return undefined
    const name = this.names++
    this.happen({ _tag: "want", driver, name })
    this.happen({ _tag: "grant", name, at: now() })
    return name
  }

  /** A worker is started in a slot that it was admitted to. */
  take(name: sharing.Name, worker: Held): void {
    this.held.set(name, worker)
    this.settle()
  }

  ready(name: sharing.Name): void {
    this.happen({ _tag: "ready", name, at: now() })
    this.settle()
  }

  release(name: sharing.Name): void {
    const worker = this.held.get(name)
    if (worker === undefined) return
    this.held.delete(name)
    if (![...this.held.values()].some(({ driver }) => driver === worker.driver)) this.stalls.delete(worker.driver)
    this.happen({ _tag: "release", name })
    this.settle()
    if (this.held.size > 0) return
    for (const resume of this.waiting.splice(0)) resume()
  }

  // ---------------------------------------------------------------------------
  // Sharing
  // ---------------------------------------------------------------------------

  private happen(event: sharing.Event): void {
    this.sharing = sharing.apply(this.sharing, event)
  }

  /** Does what is to be done now, and tells drivers what has come of it. */
  private settle(): void {
    clearTimeout(this.timer)
    if (!this.isDraining) {
      const { actions, again, state } = decide(this.sharing, now())
      this.sharing = state
      this.again = again
      for (const action of actions) this.carryOut(action)
      if (again !== undefined) {
        // a timer may come a little before its time
        this.timer = setTimeout(() => this.settle(), Math.ceil(again - now()) + 1)
        this.timer.unref()
      }
    }
    for (const applicant of this.applicants.values()) this.tell(applicant)
  }

  private carryOut({ _tag, name }: sharing.Action): void {
    if (_tag === "askBack") return this.held.get(name)?.askBack()
    const applicant = [...this.applicants.values()].find(({ waiting }) => waiting.includes(name))!
    this.kept.set(name, applicant)
    applicant.grant(name as number, () => {
      this.forgo(name)
      this.settle()
    })
  }

  private tell(applicant: Applicant): void {
    const { driver } = applicant
    // until it is the driver's turn, and a worker has been asked for it, its wait has not begun (K7)
    const place = placeInQueue(this.sharing, driver)
    const asked = this.sharing.workers.filter(({ asked }) => asked).length
    const isQueued = place !== undefined && place >= asked && (place > 0 || this.again !== undefined)
    applicant.tell({ ...this.room, isQueued })
  }

  // ---------------------------------------------------------------------------
  // Blocked drivers
  // ---------------------------------------------------------------------------

  /** A driver's main thread is blocked, and beats that are confirmed on this link hold its workers (K3). */
  stalled(driver: string, link: Link, beats: Beats): void {
    const stall = this.stalls.get(driver) ?? { beats: new Set(), heldUntil: 0 }
    this.stalls.set(driver, stall)
    stall.beats.add(beats)
    link.onRelease(() => {
      stall.beats.delete(beats)
      // its workers have a lease from then on in which the main thread has to confirm theirs
      stall.heldUntil = Math.max(stall.heldUntil, beats.heldSince)
      if (![...this.held.values()].some((worker) => worker.driver === driver)) this.stalls.delete(driver)
    })
  }

  heldSince(driver: string): number {
    const stall = this.stalls.get(driver)
    if (stall === undefined) return 0
    return Math.max(stall.heldUntil, ...[...stall.beats].map((beats) => beats.heldSince))
  }

  // ---------------------------------------------------------------------------
  // The end
  // ---------------------------------------------------------------------------

  /** No new workers from now on; asks for all that there are (K8). */
  drain(): void {
    if (this.isDraining) return
    this.isDraining = true
    this.again = undefined
    for (const applicant of this.applicants.values()) {
      applicant.wants = 0
      this.withdraw(applicant, 0)
    }
    for (const name of this.kept.keys()) this.forgo(name)
    for (const [name, worker] of this.held) {
      this.happen({ _tag: "askBack", name })
      worker.askBack()
    }
    this.settle()
  }

  /** Resolves when no worker is left. */
  get empty(): Promise<void> {
    return new Promise((resolve) => {
      if (this.held.size === 0) resolve()
      else this.waiting.push(resolve)
    })
  }

  killAll(): Promise<unknown> {
    return Promise.all([...this.held.values()].map((worker) => worker.kill()))
  }
}
