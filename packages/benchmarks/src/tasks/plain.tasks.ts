/** The tasks of most cases: plain functions of one item, in a module that imports nothing. */

export const square = (n: number): number => n * n

/** Work that takes as long as the processor needs for it; `seed` decides the result. */
export const compute = ({ iterations, seed }: { readonly seed: number; readonly iterations: number }): number => {
  let state = seed
  for (let i = 0; i < iterations; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
  }
  return state >>> 0
}

/** Keeps the processor busy until `millis` milliseconds have passed; returns how long it took. */
export const spin = (millis: number): number => {
  const start = performance.now()
  let passed = 0
  while (passed < millis) passed = performance.now() - start
  return passed
}

/** As `spin`, of an item that can be told from others. */
export const spinItem = ({ index, millis }: { readonly index: number; readonly millis: number }): number => {
  spin(millis)
  return index
}
