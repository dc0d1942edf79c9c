/** What is said of samples. */

/** The value below which a share of the samples lies, between two samples in proportion; `NaN` of none. */
export const quantile = (samples: ReadonlyArray<number>, share: number): number => {
  if (samples.length === 0) return Number.NaN
  const sorted = samples.toSorted((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)]!
  const above = sorted[Math.ceil(place)]!
  return below + (above - below) * (place - Math.floor(place))
}

export const median = (samples: ReadonlyArray<number>): number => quantile(samples, 0.5)

export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly lowerQuartile: number
  readonly upperQuartile: number
}

export const summarize = (samples: ReadonlyArray<number>): Summary => ({
  median: median(samples),
  min: quantile(samples, 0),
  max: quantile(samples, 1),
  lowerQuartile: quantile(samples, 0.25),
  upperQuartile: quantile(samples, 0.75)
})

/** The median and, in brackets, the quartiles. */
export const printQuartiles = (samples: ReadonlyArray<number>): string => {
  const { lowerQuartile, median, upperQuartile } = summarize(samples)
  return `${median.toFixed(3)} (${lowerQuartile.toFixed(3)} – ${upperQuartile.toFixed(3)})`
}

/**
 * A 95 % confidence interval of the median, from two of the samples: the binomial sign test, by its normal approximation, says
 * which (Conover, Practical Nonparametric Statistics, section 3.2).
 */
export const medianInterval = (samples: ReadonlyArray<number>): readonly [low: number, high: number] => {
  const sorted = samples.toSorted((a, b) => a - b)
  const half = (1.96 * Math.sqrt(sorted.length)) / 2
  const low = Math.max(0, Math.floor(sorted.length / 2 - half))
  const high = Math.min(sorted.length - 1, Math.ceil(sorted.length / 2 + half) - 1)
  return [sorted[low] ?? Number.NaN, sorted[high] ?? Number.NaN]
}
