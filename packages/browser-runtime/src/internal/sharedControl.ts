import type { Control } from "@effect-mpire/core/Channel"

/** Numbers in memory that workers share. Reads and writes are sequentially consistent, because `Atomics` are. */
export const sharedControl = (shared: Int32Array): Control => ({
  get: (index) => Atomics.load(shared, index),
  set: (index, value) => {
    Atomics.store(shared, index, value)
  }
})
