/**
 * A driver's connection by which it learns of a runner's room, waits for slots, and is granted them (K6).
 */
import { clearTimeout, setTimeout } from "../common/timers.ts"
import type { Link } from "../link/link.ts"
import type { Room } from "../link/words.ts"
import type { Name } from "../sharing/state.ts"

/** How long a slot is kept for a driver that was granted it, in milliseconds. */
const keptFor = 5_000

export class Applicant {
  readonly driver: string
  readonly link: Link
  /** How many workers it waits for, more than there are slots perhaps. */
  wants = 0
  /** Its requests, in the order in which they came. */
  readonly waiting: Array<Name> = []
  /** How many slots it has been granted on this connection. */
  private granted = 0
  private readonly timers = new Map<Name, ReturnType<typeof setTimeout>>()
  private said = ""

  constructor(driver: string, link: Link) {
    this.driver = driver
    this.link = link
  }

  /** For how many workers it waits that said so when it knew of the first `seen` grants: the others were on their way. */
  beyond(count: number, seen: number): number {
    return Math.max(0, count - Math.max(0, this.granted - seen))
  }

  /** Keeps a slot for it; calls `lapsed` when it has not taken that in time. */
  grant(grant: number, lapsed: () => void): void {
    this.waiting.splice(this.waiting.indexOf(grant), 1)
    this.wants = Math.max(0, this.wants - 1)
    this.granted++
    const timer = setTimeout(lapsed, keptFor)
    timer.unref()
    this.timers.set(grant, timer)
    this.link.say({ _tag: "Granted", grant })
  }

  /** A slot is not kept for it any more. */
  taken(grant: Name): void {
    clearTimeout(this.timers.get(grant))
    this.timers.delete(grant)
  }

  /** Tells it of the room, if that is not what it knows. */
  tell(room: Room): void {
    const said = JSON.stringify(room)
    if (said === this.said) return
    this.said = said
    this.link.say(room)
  }
}
