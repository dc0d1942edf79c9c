/**
 * How far away a worker is, as its runtime or platform says: it is asked often, by what everybody waits for, so that one that
 * throws, or gives what is no time, must harm nobody (F8).
 */
import { guarded } from "./turn.ts"

/** What `ask` says, in milliseconds; 0 where that is no time, or for ever: with such a lag nothing would ever end. */
export const lagOf = (ask: () => number | undefined): number => {
  const lag = guarded(ask, () => {})
  return lag !== undefined && Number.isFinite(lag) && lag > 0 ? lag : 0
}
