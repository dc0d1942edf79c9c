/**
 * What `stats` tells of a pool.
 */

/**
 * Numbers about a pool, as they are now.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stats {
  /** Slots. */
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
  /** Workers that vanished, since the pool was made. */
  readonly lost: number
  /** Workers that were killed, since the pool was made. */
  readonly killed: number
  /** Exit results beyond the newest 10,000 of the session. */
  readonly exitResultsDropped: number
}
