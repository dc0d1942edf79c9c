/**
 * Keeps a connection's beats and judges its silence. The runner beats by a timer, the driver answers each beat: so a driver
 * that hears nothing any more confirms nothing either, and the runner's lease runs out (K5).
 */
import { clearInterval, now, setImmediate, setInterval } from "../common/timers.ts"
import { type Kind, kinds } from "../frames/frame.ts"
import { Beats } from "./beats.ts"
import type { Link } from "./link.ts"

/** The other end has been silent for too long. */
export class Silent extends Error {
  override readonly name = "Silent"
}

/** How often the runner beats, in milliseconds, where it kills after `lease`. */
export const beatInterval = (lease: number): number => Math.max(5, Math.min(1000, lease / 8))

/**
 * Looks every so often, and once more after what has arrived meanwhile was let in, before it gives the link up (K3); `givenUp` is
 * called in the same moment.
 */
const watch = (
  link: Link,
  every: number,
  isSilent: () => Error | undefined,
  tick: () => void,
  givenUp: () => void = () => {}
): void => {
  const timer = setInterval(() => {
    tick()
    if (isSilent() === undefined) return
    // the event loop polls its sockets before this
    setImmediate(() => {
      const cause = isSilent()
      if (cause === undefined) return
      link.destroy(cause)
      givenUp()
    })
  }, every)
  timer.unref()
  link.onRelease(() => clearInterval(timer))
}

/**
 * The runner's side: gives the link up when no beat that it sent within `lease` milliseconds is known to have been seen, here or
 * where else the driver confirms any.
 */
export const keepLease = (link: Link, lease: number, elsewhere: () => number = () => 0): Beats => {
  const beats = new Beats(now())
  const isSilent = () => {
    const silence = now() - Math.max(beats.heldSince, elsewhere())
    return silence <= lease ? undefined : new Silent(`The driver has confirmed no beat for ${Math.round(silence)} ms`)
  }
  watch(link, beatInterval(lease), isSilent, () => link.sendUrgent(kinds.beat, beats.next(now())))
  return beats
}

/**
 * The driver's side: gives the link up when nothing has arrived for `suspectAfter` milliseconds, and those of `others`, to the same
 * runner, with it that are silent like it.
 */
export const suspect = (link: Link, suspectAfter: number, others: () => Iterable<Link> = () => []): Beats => {
  const silenceOf = (link: Link, longest: number) => {
    const silence = now() - link.heardAt
    return silence <= longest ? undefined : new Silent(`The runner has been silent for ${Math.round(silence)} ms`)
  }
  // A runner beats on all of its connections several times in `suspectAfter`. So where it has stalled, they are silent for about as
  // long; and one that was given up later could be sent, meanwhile, what was in hand at the first, and what ended a process there
  // would be charged to nobody (K4). One that is heard goes on: what was lost is one connection then.
  const giveUpOthers = () => {
    for (const other of others()) {
      const cause = other === link ? undefined : silenceOf(other, suspectAfter / 2)
      if (cause !== undefined) other.destroy(cause)
    }
  }
  watch(
    link,
    beatInterval(suspectAfter),
    () => silenceOf(link, suspectAfter),
    () => {},
    giveUpOthers
  )
  return new Beats(now())
}

/** What becomes of a beat that has arrived; returns whether it was one. */
export const take = (link: Link, beats: Beats, kind: Kind, bytes: Buffer, answers: boolean): boolean => {
  if (kind !== kinds.beat) return false
  const at = now()
  beats.receive(bytes, at)
  if (answers) link.sendUrgent(kinds.beat, beats.next(at))
  return true
}
