/** From what a case's process told to its results. */
import type { Contender, Measurement } from "./case.ts"
import type { ContenderResult, MeasurementResult, Progress } from "./results.ts"
import { median, summarize } from "./statistics.ts"

interface Measured {
  readonly contender: Contender
  /** By repetition. */
  readonly values: ReadonlyMap<number, number>
  readonly details: Readonly<Record<string, number>>
  readonly failed: string | undefined
}

const recordOf = (measurement: string, contender: Contender, progress: ReadonlyArray<Progress>): Measured => {
  const values = new Map<number, number>()
  const details: Record<string, Array<number>> = {}
  let failed: string | undefined
  for (const event of progress) {
    if (event.measurement !== measurement || event.contender !== contender.name) continue
    if (event._tag === "Failed") failed ??= event.message
    if (event._tag !== "Sampled") continue
    values.set(event.repetition, event.sample.value)
    for (const [name, value] of Object.entries(event.sample.details ?? {})) (details[name] ??= []).push(value)
  }
  const medians = Object.fromEntries(Object.entries(details).map(([name, samples]) => [name, median(samples)]))
  return { contender, values, details: medians, failed }
}

const isMeasured = (record: Measured): boolean => record.failed === undefined && record.values.size > 0

const baselineOf = (records: ReadonlyArray<Measured>): Measured | undefined =>
  records
    .filter((record) => record.contender.role === "baseline" && isMeasured(record))
    .toSorted((a, b) => median([...a.values.values()]) - median([...b.values.values()]))[0]

const ratioTo = (record: Measured, baseline: Measured | undefined): number | undefined => {
  if (baseline === undefined || !isMeasured(record)) return undefined
  const ratios: Array<number> = []
  for (const [repetition, value] of record.values) {
    const other = baseline.values.get(repetition)
    if (other !== undefined) ratios.push(value / other)
  }
  return ratios.length === 0 ? undefined : median(ratios)
}

export const summarizeMeasurement = (
  measurement: Measurement,
  progress: ReadonlyArray<Progress>
): MeasurementResult => {
  const records = measurement.contenders.map((contender) => recordOf(measurement.id, contender, progress))
  const baseline = baselineOf(records)
  const contenders = records.map((record): ContenderResult => {
    const samples = [...record.values.values()]
    return {
      name: record.contender.name,
      role: record.contender.role,
      remark: record.contender.remark,
      samples,
      ...summarize(samples),
      details: record.details,
      ratio: ratioTo(record, baseline),
      failed: record.failed ?? (samples.length === 0 ? "it was not measured" : undefined)
    }
  })
  const { compare, id, method, title, unit } = measurement
  const result = { id, title, method, unit, compare, baseline: baseline?.contender.name, contenders, targets: [] }
  return {
    ...result,
    targets: measurement.targets.map(({ bound, description, limit, measure }) => {
      const measured = measure(result)
      const holds = measured !== undefined && (limit === "at most" ? measured <= bound : measured >= bound)
      return { description, limit, bound, measured, holds }
    })
  }
}
