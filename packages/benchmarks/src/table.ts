/** Results as text for a terminal. */
import type { CaseResult, ContenderResult, MeasurementResult, Results } from "./results.ts"

/** Three digits that count. */
export const number = (value: number): string => {
  if (!Number.isFinite(value)) return "-"
  const size = Math.abs(value)
  if (size >= 100 || value === 0) return value.toFixed(0)
  return value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4)
}

/** Names and remarks, the first and the last column, to the left, and figures to the right. */
const align = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const last = rows[0]!.length - 1
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 || column === last ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
      )
      .join("  ")
      .trimEnd()
  )
}

/** How a contender compares with the baseline. */
export const comparison = ({ baseline, compare }: MeasurementResult, { name, ratio }: ContenderResult): string => {
  if (ratio === undefined || compare === "nothing") return ""
  if (name === baseline) return "1"
  return compare === "ratio" ? `${number(ratio)} ×` : `${number(1 / ratio)} × as fast`
}

const details = (contender: ContenderResult): string =>
  Object.entries(contender.details)
    .map(([name, value]) => `${name} ${number(value)}`)
    .join(", ")

const measurementTable = (result: MeasurementResult): string => {
  const header = ["", result.unit, "min", "quartiles", "max", result.compare === "nothing" ? "" : "baseline", ""]
  const rows = result.contenders.map((contender) =>
    contender.failed === undefined
      ? [
          contender.name,
          number(contender.median),
          number(contender.min),
          `${number(contender.lowerQuartile)} – ${number(contender.upperQuartile)}`,
          number(contender.max),
          comparison(result, contender),
          details(contender)
        ]
      : [contender.name, "FAILED", "", "", "", "", ""]
  )
  const targets = result.targets.map(
    ({ bound, description, holds, limit, measured }) =>
      `  target: ${description} ${limit} ${bound}: ${measured === undefined ? "not measured" : number(measured)}, ` +
      (holds ? "holds" : "DOES NOT HOLD")
  )
  const failures = result.contenders
    .filter(({ failed }) => failed !== undefined)
    .map(({ failed, name }) => `  FAILED: ${name}: ${failed}`)
  return [`${result.title} (${result.unit}; medians)`, ...align([header, ...rows]).map((line) => `  ${line}`)]
    .concat(targets, failures)
    .join("\n")
}

export const caseTable = (result: CaseResult): string =>
  [
    `── ${result.id}: ${result.title} (${result.seconds.toFixed(0)} s, load ${result.load.toFixed(1)})`,
    ...(result.failed === undefined ? [] : [`FAILED: ${result.failed}`]),
    ...result.measurements.map(measurementTable)
  ].join("\n\n")

/** What failed, and whether the targets hold. */
export const closing = (results: Results): string => {
  const measurements = results.cases.flatMap((one) => one.measurements.map((measurement) => ({ one, measurement })))
  const targets = measurements.flatMap(({ measurement, one }) =>
    measurement.targets.map((target) => [
      `  ${one.id}`,
      target.holds ? "holds" : "does not hold",
      target.measured === undefined ? "-" : number(target.measured),
      `${target.limit} ${target.bound}`,
      `  ${target.description}`
    ])
  )
  return [
    "── targets",
    ...align([["", "", "measured", "target", ""], ...targets]),
    "",
    ...(results.mode === "quick"
      ? ["Quick mode: sizes and repetitions are too small for figures to be relied on."]
      : []),
    `${failures(results)} failed, ${results.seconds.toFixed(0)} s`
  ].join("\n")
}

/** How many contenders and cases did not do their work. */
export const failures = ({ cases }: Pick<Results, "cases">): number =>
  cases
    .map(
      ({ failed, measurements }) =>
        (failed === undefined ? 0 : 1) +
        measurements.flatMap(({ contenders }) => contenders).filter(({ failed }) => failed !== undefined).length
    )
    .reduce((a, b) => a + b, 0)
