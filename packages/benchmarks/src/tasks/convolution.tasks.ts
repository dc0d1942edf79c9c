/** MPIRE's first benchmark: one large image, and a filter per task. */
import { workerData } from "node:worker_threads"

/** Rows of numbers, one after the other. */
export interface Matrix {
  readonly columns: number
  readonly values: Float64Array
}

/**
 * What `scipy.signal.convolve2d(image, filter)[::5, ::5]` computes: the full convolution, of which every fifth row and
 * column is returned. All of it is computed, as there.
 */
export const convolve = (image: Matrix, filter: Matrix): Float64Array => {
  const imageRows = image.values.length / image.columns
  const filterRows = filter.values.length / filter.columns
  const rows = imageRows + filterRows - 1
  const columns = image.columns + filter.columns - 1
  const full = new Float64Array(rows * columns)
  for (let y = 0; y < filterRows; y++) {
    for (let x = 0; x < filter.columns; x++) {
      const factor = filter.values[y * filter.columns + x]!
      for (let row = 0; row < imageRows; row++) {
        const from = row * image.columns
        const to = (row + y) * columns + x
        for (let column = 0; column < image.columns; column++)
          full[to + column]! += factor * image.values[from + column]!
      }
    }
  }
  const subsampled = new Float64Array(Math.ceil(rows / 5) * Math.ceil(columns / 5))
  let next = 0
  for (let row = 0; row < rows; row += 5) {
    for (let column = 0; column < columns; column += 5) subsampled[next++] = full[row * columns + column]!
  }
  return subsampled
}

interface Shared {
  readonly image: Matrix
}

let given: Shared | undefined

/** jest-worker calls it in each worker. */
export const setup = (shared: Shared): void => {
  given = shared
}

/** As `convolve`, of the image that the worker was started with: a user of another pool hands it over in `workerData`. */
export const convolveShared = (filter: Matrix): Float64Array => {
  // tinypool puts something of its own before it
  given ??= (Array.isArray(workerData) ? workerData[1] : workerData) as Shared
  return convolve(given.image, filter)
}

/** As `convolve`, of an image that comes with each task. */
export const convolveSent = ({ filter, image }: Shared & { readonly filter: Matrix }): Float64Array =>
  convolve(image, filter)
