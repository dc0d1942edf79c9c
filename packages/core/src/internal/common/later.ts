/** Calls `step`, in a turn of the pool, in `millis` milliseconds; returns how to keep it from doing so. */
export type Later = (millis: number, step: () => void) => () => void
