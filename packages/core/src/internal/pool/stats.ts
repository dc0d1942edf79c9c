/**
 * The numbers that a pool's `stats` gives.
 */

/**
 * Numbers about a pool, as they are now.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stats {
  /** How many slots the pool has: at most as many live workers. */
  readonly size: number
  /** Workers whose `init` has succeeded and whose release has not begun: idle + busy. */
  readonly live: number
  /** Workers that are being acquired. */
  readonly starting: number
  /** Live workers without an item. */
  readonly idle: number
  /** Live workers with items. */
  readonly busy: number
  /** `run`s that wait for a worker. */
  readonly pending: number
  /** Calls in progress, `run`s included. */
  readonly calls: number
  /** Workers that vanished since the pool was made. */
  readonly lost: number
  /** Workers that were killed since the pool was made: by `terminate`, or because something in them did not yield. */
  readonly killed: number
  /** How many exit results of the session were dropped: all but the newest 10,000. */
  readonly exitResultsDropped: number
}
