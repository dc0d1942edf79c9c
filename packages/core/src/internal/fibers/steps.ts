/**
 * Waits for what goes on in this thread, in which items can compute at any time.
 */
import * as Effect from "effect/Effect"

/**
 * Sleeps for so many milliseconds in which this thread is free: an item that computes here keeps everything else from going on, and
 * takes at most one step of its time.
 */
export const sleepInSteps = (millis: number): Effect.Effect<void> => {
  const steps = Math.min(20, Math.max(1, Math.floor(millis / shortestStep)))
  return Effect.replicateEffect(Effect.sleep(millis / steps), steps, { discard: true })
}

/** In milliseconds: timers are too inexact for shorter ones. */
const shortestStep = 20
