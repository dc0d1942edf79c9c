/** As many samples as there are, so that the worker writes them straight into the result. */
export const amplify = (factor: number, samples: Float64Array): Float64Array => samples.map((x) => factor * x)

/** One number for each slice. */
export const loudest = (samples: Float64Array): Float64Array =>
  Float64Array.of(samples.reduce((loudest, x) => Math.max(loudest, Math.abs(x)), 0))

/** Numbers of another type. */
export const toPcm = (samples: Float64Array): Int16Array => Int16Array.from(samples, (x) => Math.round(x * 32_767))
