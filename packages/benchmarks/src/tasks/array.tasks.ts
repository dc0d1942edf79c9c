/** Work on slices of an array, at some 60 ns per element. */

const wave = (x: number): number => {
  let y = x
  for (let i = 0; i < 3; i++) y = Math.sin(y) + Math.sqrt(y * y + 1)
  return y
}

export const waves = (slice: Float64Array): Float64Array => {
  const result = new Float64Array(slice.length)
  for (let i = 0; i < slice.length; i++) result[i] = wave(slice[i]!)
  return result
}

/** The same, written where the caller wants it. */
export const wavesInto = (input: Float64Array, output: Float64Array, from: number, to: number): void => {
  for (let i = from; i < to; i++) output[i] = wave(input[i]!)
}
