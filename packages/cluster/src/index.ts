/**
 * Pools whose workers run on many machines.
 *
 * @since 0.1.0
 */
export {}
