/** Results as bar charts: SVG text, readable on light and on dark ground, with nothing loaded from elsewhere. */
import type { Role } from "./case.ts"
import type { ContenderResult, MeasurementResult } from "./results.ts"
import { comparison, number } from "./table.ts"

const width = 880
const labelWidth = 320
const valueWidth = 210
const plotWidth = width - labelWidth - valueWidth
const rowHeight = 24
const top = 34
const bottom = 30

/** When the largest is this many times the smallest, bars of the small ones would not be seen. */
const logarithmicFrom = 20

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

const style = `
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .small { font-size: 11px; fill: #57606a }
  .title { font-weight: 600 }
  .grid { stroke: #8c959f55 }
  .range { stroke: #24292f; stroke-width: 1.5 }
  .ours { fill: #0969da } .information { fill: #80b8f2 } .baseline { fill: #8c959f } .peer { fill: #d29922 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .small { fill: #9198a1 }
    .range { stroke: #e6edf3 }
    .ours { fill: #4493f8 } .information { fill: #1f4f8a } .baseline { fill: #6e7681 } .peer { fill: #bb8009 }
  }
`

interface Scale {
  readonly logarithmic: boolean
  /** From the left edge of the plot, in pixels. */
  readonly place: (value: number) => number
  readonly ticks: ReadonlyArray<number>
}

const linear = (most: number): Scale => {
  const power = 10 ** Math.floor(Math.log10(most))
  const step = [0.2, 0.5, 1, 2].map((factor) => factor * power).find((step) => most / step <= 6) ?? power
  const ticks = Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step)
  return { logarithmic: false, place: (value) => (Math.max(value, 0) / most) * plotWidth, ticks }
}

const logarithmic = (least: number, most: number): Scale => {
  const first = Math.floor(Math.log10(least))
  const end = Math.max(Math.log10(most), first + 1)
  const ticks = Array.from({ length: Math.floor(end) - first + 1 }, (_, i) => 10 ** (first + i))
  return {
    logarithmic: true,
    place: (value) => Math.max(0, ((Math.log10(value) - first) / (end - first)) * plotWidth),
    ticks
  }
}

export const makeScale = (values: ReadonlyArray<number>): Scale => {
  const most = Math.max(...values)
  const least = Math.min(...values)
  if (!(most > 0)) return linear(1)
  return least > 0 && most / least >= logarithmicFrom ? logarithmic(least, most) : linear(most)
}

const row = (result: MeasurementResult, contender: ContenderResult, scale: Scale, y: number): string => {
  const label = `<text x="${labelWidth - 8}" y="${y + 15}" text-anchor="end">${escape(contender.name)}</text>`
  if (contender.failed !== undefined) {
    return `${label}<text x="${labelWidth + 4}" y="${y + 15}" class="small">failed</text>`
  }
  const at = (value: number): string => (labelWidth + scale.place(value)).toFixed(1)
  const middle = y + 10
  const compared = comparison(result, contender)
  const value =
    compared === "" || compared === "1" ? number(contender.median) : `${number(contender.median)} (${compared})`
  return [
    label,
    `<rect class="${contender.role}" x="${labelWidth}" y="${y + 2}" width="${scale.place(contender.median).toFixed(1)}" height="16" rx="2"/>`,
    `<line class="range" x1="${at(contender.min)}" y1="${middle}" x2="${at(contender.max)}" y2="${middle}"/>`,
    `<text x="${width - valueWidth + 10}" y="${y + 15}">${escape(value)}</text>`
  ].join("")
}

const legendNames: Readonly<Record<Role, string>> = {
  ours: "effect-mpire",
  information: "effect-mpire, otherwise",
  baseline: "baseline",
  peer: "others"
}

/** One bar for each contender, the least first; the line across it goes from the least to the most that was seen. */
export const barChart = (result: MeasurementResult): string => {
  const measured = result.contenders.filter(({ failed }) => failed === undefined)
  const failed = result.contenders.filter(({ failed }) => failed !== undefined)
  const rows = [...measured.toSorted((a, b) => a.median - b.median), ...failed]
  const scale = makeScale(measured.flatMap(({ max, median, min }) => [min, median, max]))
  const height = top + rows.length * rowHeight + bottom
  const end = height - bottom
  const grid = scale.ticks.map((tick) => {
    const x = (labelWidth + scale.place(tick)).toFixed(1)
    return (
      `<line class="grid" x1="${x}" y1="${top}" x2="${x}" y2="${end}"/>` +
      `<text class="small" x="${x}" y="${end + 14}" text-anchor="middle">${Number(tick.toPrecision(6))}</text>`
    )
  })
  const title = `${result.title} (${result.unit}${scale.logarithmic ? ", logarithmic" : ""})`
  const roles = (["ours", "information", "baseline", "peer"] as const).filter((role) =>
    rows.some((row) => row.role === role)
  )
  const legend = roles.map(
    (role, i) =>
      `<rect class="${role}" x="${10 + i * 170}" y="${height - 12}" width="10" height="10"/>` +
      `<text class="small" x="${24 + i * 170}" y="${height - 3}">${legendNames[role]}</text>`
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}">`,
    `<style>${style}</style>`,
    `<text class="title" x="10" y="20">${escape(title)}</text>`,
    ...grid,
    ...rows.map((contender, i) => row(result, contender, scale, top + i * rowHeight)),
    ...legend,
    "</svg>",
    ""
  ].join("\n")
}
