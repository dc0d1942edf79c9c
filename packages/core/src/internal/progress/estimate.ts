/**
 * How fast a call is, and how long it will go on (O4): by its average over all of its time. The time that items take is no
 * help, as several run at once; nor is a moving average, which is off whenever long and short items come in turns.
 */

export interface Amounts {
  /** How many items have ended. */
  readonly items: number
  readonly done: number
  readonly total: number | undefined
  /** In milliseconds. */
  readonly elapsed: number
}

/** How much is done in a second; `undefined` while nothing is, or no time has passed. */
export const rate = ({ done, elapsed }: Amounts): number | undefined =>
  done > 0 && elapsed > 0 ? (done * 1000) / elapsed : undefined

/**
 * How long the rest takes, in milliseconds. There is no telling before each of the `workers` may have ended an item: the
 * first ones to end are the short ones, and workers had to start.
 */
export const remaining = (amounts: Amounts, workers: number): number | undefined => {
  const { done, elapsed, items, total } = amounts
  if (total === undefined) return undefined
  if (done >= total) return 0
  return items < workers || done <= 0 ? undefined : (elapsed * (total - done)) / done
}
