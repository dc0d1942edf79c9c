/** What targets hold against their bounds. */
import type { MeasurementResult } from "./results.ts"
import { median } from "./statistics.ts"

const samplesOf = (result: MeasurementResult, name: string | undefined): ReadonlyArray<number> | undefined => {
  const contender = result.contenders.find((contender) => contender.name === name)
  return contender === undefined || contender.failed !== undefined ? undefined : contender.samples
}

const ours = (result: MeasurementResult): ReadonlyArray<number> | undefined =>
  samplesOf(result, result.contenders.find(({ role }) => role === "ours")?.name)

const medianRatio = (a: ReadonlyArray<number> | undefined, b: ReadonlyArray<number> | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : median(a.map((value, i) => value / b[i]!))

/** Our time over the baseline's. */
export const oursOverBaseline = (result: MeasurementResult): number | undefined =>
  medianRatio(ours(result), samplesOf(result, result.baseline))

/** The baseline's time over ours. */
export const baselineOverOurs = (result: MeasurementResult): number | undefined => {
  const ratio = oursOverBaseline(result)
  return ratio === undefined ? undefined : 1 / ratio
}

/** The time of the fastest of some peers over ours; `undefined` when one of them has failed. */
export const peersOverOurs =
  (...names: ReadonlyArray<string>) =>
  (result: MeasurementResult): number | undefined => {
    const ratios = names.map((name) => medianRatio(samplesOf(result, name), ours(result)))
    return ratios.some((ratio) => ratio === undefined) ? undefined : Math.min(...(ratios as ReadonlyArray<number>))
  }

/** The median of our values. */
export const oursItself = (result: MeasurementResult): number | undefined => {
  const samples = ours(result)
  return samples === undefined ? undefined : median(samples)
}

/** The largest of our values. */
export const oursAtWorst = (result: MeasurementResult): number | undefined => {
  const samples = ours(result)
  return samples === undefined ? undefined : Math.max(...samples)
}
