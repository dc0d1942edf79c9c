import type { Control } from "@effect-mpire/core/Channel"

/** Numbers in memory that threads share. */
export const sharedControl = (shared: Int32Array): Control => ({
  get: (place) => Atomics.load(shared, place),
  set: (place, value) => {
    Atomics.store(shared, place, value)
  }
})
