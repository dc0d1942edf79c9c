/** Random numbers that are the same in every run. */

/** Numbers from 0 up to 1 (mulberry32). */
export const makeRandom = (seed: number): (() => number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Costs after Pareto: 1 at least, `cap` at most; the smaller `alpha`, the more of the sum is in few of them. */
export const paretoCosts = (options: {
  readonly count: number
  readonly alpha: number
  readonly cap: number
  readonly seed: number
}): ReadonlyArray<number> => {
  const random = makeRandom(options.seed)
  return Array.from({ length: options.count }, () => Math.min(options.cap, (1 - random()) ** (-1 / options.alpha)))
}
