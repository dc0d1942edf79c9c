import type { Control } from "../src/Channel.ts"
import { numbers } from "../src/internal/wire/control.ts"

/** The numbers that both ends of a channel see, for so many chunks, without a thread in between. */
export const sharedNumbers = (cells: number): Control => {
  const all = new Int32Array(numbers(cells))
  return {
    get: (place) => all[place]!,
    set: (place, value) => {
      all[place] = value
    }
  }
}
