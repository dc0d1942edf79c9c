/** The page about the benchmarks, made from their results. */
import { barChart } from "./plots.ts"
import type { CaseResult, ContenderResult, MeasurementResult, Results } from "./results.ts"
import { comparison, number } from "./table.ts"

export interface Page {
  readonly markdown: string
  /** The plots, by file name. */
  readonly plots: ReadonlyMap<string, string>
}

const cell = (text: string): string => text.replaceAll("|", "\\|")

const table = (header: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.map(cell).join(" | ")} |`).join("\n")

const plotName = (one: CaseResult, measurement: MeasurementResult): string =>
  `${one.id}-${measurement.id}.svg`.toLowerCase()

/** What a contender's name says after it: the number of workers, for one. */
const variants = (name: string): ReadonlyArray<string> => {
  const parts = name.split(", ").slice(1)
  return parts.map((_, i) => `, ${parts.slice(i).join(", ")}`)
}

/** The contender of ours that does the same as another one: with as many workers, or else the fastest. */
const counterpart = (ours: ReadonlyArray<ContenderResult>, { name }: ContenderResult): ContenderResult | undefined =>
  variants(name)
    .map((variant) => ours.find((our) => our.name.endsWith(variant)))
    .find((our) => our !== undefined) ?? ours.toSorted((a, b) => a.median - b.median)[0]

/** Where others are faster, by a twentieth at least: a line for each measurement where somebody is. */
export const wins = (results: Results): ReadonlyArray<string> =>
  results.cases.flatMap((one) =>
    one.measurements.flatMap((measurement) => {
      const measured = measurement.contenders.filter(({ failed }) => failed === undefined)
      const ours = measured.filter(({ role }) => role === "ours")
      const faster = measured
        .filter(({ name, role }) => role === "peer" || name === measurement.baseline)
        .flatMap((other) => {
          const our = counterpart(ours, other)
          return our !== undefined && other.median < our.median * 0.95
            ? [`${other.name}: ${number(other.median)}, ${our.name}: ${number(our.median)}`]
            : []
        })
      if (faster.length === 0) return []
      return [`${one.id}, ${measurement.title} (${measurement.unit}): ${faster.join("; ")}`]
    })
  )

const contenderRow = (measurement: MeasurementResult, contender: ContenderResult): ReadonlyArray<string> =>
  contender.failed === undefined
    ? [
        contender.name,
        number(contender.median),
        `${number(contender.min)} – ${number(contender.max)}`,
        comparison(measurement, contender),
        [contender.remark, ...Object.entries(contender.details).map(([name, value]) => `${name}: ${number(value)}`)]
          .filter((part) => part !== undefined)
          .join("; ")
      ]
    : [contender.name, "failed", "", "", contender.failed]

const measurementSection = (one: CaseResult, measurement: MeasurementResult): string => {
  const sentence = `${measurement.method.slice(0, 1).toUpperCase()}${measurement.method.slice(1)}.`
  const header = [
    "",
    `median, ${measurement.unit}`,
    "least – most",
    measurement.compare === "nothing" ? "" : "baseline",
    ""
  ]
  const rows = measurement.contenders.map((contender) => contenderRow(measurement, contender))
  return [
    `### ${measurement.title}`,
    sentence,
    `![${measurement.title}](benchmarks/${plotName(one, measurement)})`,
    `<details><summary>Figures</summary>\n\n${table(header, rows)}\n\n</details>`
  ].join("\n\n")
}

const targets = ({ cases }: Results): string =>
  table(
    ["", "target", "measured", "holds"],
    cases.flatMap((one) =>
      one.measurements.flatMap((measurement) =>
        measurement.targets.map(({ bound, description, holds, limit, measured }) => [
          one.id,
          `${description}: ${limit} ${bound}`,
          measured === undefined ? "-" : number(measured),
          holds ? "yes" : "no"
        ])
      )
    )
  )

const circumstances = ({ date, environment, mode, repetitions, seconds }: Results): string => {
  const versions = Object.entries(environment.versions).map(([name, version]) => `${name} ${version}`)
  const commit = environment.commit?.slice(0, 12)
  return [
    `Measured on ${date.slice(0, 10)}, in ${(seconds / 60).toFixed(1)} minutes, on ${environment.cpus} cores of an ` +
      `${environment.cpu} with ${environment.memoryGigabytes} GB under ${environment.platform}, with Node ` +
      `${environment.node.slice(1)}; the machine's load before was ${environment.loadBefore.toFixed(1)}. ` +
      (commit === undefined
        ? ""
        : `The library is that of commit ${commit}${environment.uncommittedChanges === true ? ", with changes" : ""}. `) +
      `Versions: ${versions.join(", ")}.`,
    mode === "quick"
      ? "**This was a quick run: its sizes and repetitions are too small for figures to be relied on.**"
      : `Repetitions: ${repetitions}, or fewer or more where a case says so, the contenders by turns; what is shown are medians.`
  ].join("\n\n")
}

export const renderPage = (results: Results): Page => {
  const others = wins(results)
  const sections = results.cases.flatMap((one) => [
    `## ${one.id}: ${one.title}`,
    ...(one.failed === undefined ? [] : [`**This case did not come to its end: ${one.failed}.**`]),
    ...one.measurements.map((measurement) => measurementSection(one, measurement))
  ])
  const markdown = [
    "# Benchmarks",
    "This page is written by `pnpm bench:page FILE` from what `pnpm bench --json FILE` measured; " +
      "[packages/benchmarks](../packages/benchmarks/README.md) says how. What runs is compiled code, as users get it; each " +
      "case has a process of its own, and every result is checked.",
    circumstances(results),
    ...(results.cases.some((one) => one.measurements.some((measurement) => measurement.targets.length > 0))
      ? ["## The targets", targets(results)]
      : []),
    "## Where others are faster",
    others.length === 0
      ? "Nowhere in this run, by a twentieth or more."
      : `By a twentieth or more, in this run:\n\n${others.map((line) => `- ${line}`).join("\n")}`,
    ...sections
  ].join("\n\n")
  const plots = results.cases.flatMap((one) =>
    one.measurements.map((measurement) => [plotName(one, measurement), barChart(measurement)] as const)
  )
  return { markdown: `${markdown}\n`, plots: new Map(plots) }
}
