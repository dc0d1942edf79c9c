/**
 * A call's progress as a line of text (O4).
 */
import { fit, textWidth } from "../insights/textWidth.ts"
import type { CallProgress } from "./callProgress.ts"

/** The fewest columns that a line is made for. */
const narrowest = 10

/** The most columns of a bar, and the fewest that say anything. */
const bar = { longest: 30, shortest: 6 }

const group = new Intl.NumberFormat("en", { maximumFractionDigits: 0 })
const fine = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 })

const amount = (number: number): string =>
  Number.isInteger(number) || number >= 100 ? group.format(number) : fine.format(number)

const twoDigits = (number: number): string => String(number).padStart(2, "0")

/** As `mm:ss`, with hours where there are any. */
const clock = (seconds: number): string => {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  const short = `${twoDigits(minutes)}:${twoDigits(seconds % 60)}`
  return hours > 0 ? `${hours}:${short}` : short
}

const seconds = (millis: number): string => {
  if (millis >= 60_000) return clock(Math.floor(millis / 1000))
  return `${(millis / 1000).toFixed(millis < 10_000 ? 2 : 1)} s`
}

/** What would move a terminal's cursor, turn what follows round, or begin a new line. */
const unprintable = /[\p{Cc}\u2028-\u202e\u2066-\u2069]+/gu

const oneLine = (text: string): string => text.replaceAll(unprintable, " ").trim()

const countOf = ({ done, failed, total, unit }: CallProgress): string => {
  const of = total === undefined ? "" : `/${amount(total)}`
  return `${amount(done)}${of} ${oneLine(unit)}${failed === 0 ? "" : `, ${group.format(failed)} failed`}`
}

/** Items need no name twice in a line; of anything else, a rate says what it is of. */
const rateOf = ({ rate, unit }: CallProgress): string => {
  const of = unit === "items" ? "" : ` ${oneLine(unit)}`
  return `${rate === undefined ? "-" : amount(rate)}${of}/s`
}

const gap = "  "

/** The first of the lines that fits, or else what fits of the last. */
const firstThatFits = (lines: ReadonlyArray<string>, width: number): string =>
  lines.find((line) => textWidth(line) <= width) ?? fit(lines.at(-1)!, width)

const share = ({ done, total }: CallProgress): number | undefined =>
  total === undefined ? undefined : total === 0 ? 1 : Math.min(1, done / total)

const running = (call: CallProgress, label: string, width: number): string => {
  const ratio = share(call)
  const [count, rate] = [countOf(call), rateOf(call)]
  if (ratio === undefined) {
    const time = clock(Math.floor(call.elapsed / 1000))
    return firstThatFits(
      [[label, count, rate, time].join(gap), [label, count, time].join(gap), `${label}${gap}${count}`, label],
      width
    )
  }
  // never 100 % while it runs
  const percent = `${String(Math.min(99, Math.floor(ratio * 100))).padStart(2)} %`
  const left = call.remaining === undefined ? "--:--" : clock(Math.ceil(call.remaining / 1000))
  const ends = [[percent, count, rate, left], [percent, count, left], [percent, left], [percent]]
  for (const end of ends) {
    const columns = width - textWidth(`${label} ${gap}${end.join(gap)}`)
    if (columns < bar.shortest) continue
    return [`${label} ${drawn(ratio, Math.min(bar.longest, columns))}`, ...end].join(gap)
  }
  return firstThatFits([`${label}${gap}${percent}`, label], width)
}

const drawn = (ratio: number, columns: number): string => {
  const filled = Math.floor(ratio * columns)
  return "━".repeat(filled) + "─".repeat(columns - filled)
}

/** What a line begins with when its call has ended. */
const marks = { succeeded: "✔", failed: "✗", interrupted: "■" } as const

/** A line of at most `width` columns, and at least 10 where that is less. */
export const format = (call: CallProgress, options: { readonly width?: number | undefined } = {}): string => {
  const width = Math.max(narrowest, Math.floor(options.width ?? 80))
  const label = fit(oneLine(call.label), Math.max(narrowest - 2, Math.floor(width / 2)))
  if (call.state === "running") return running(call, label, width)
  const [count, rate, time] = [countOf(call), rateOf(call), seconds(call.elapsed)]
  const end = `${marks[call.state]} ${label}`
  const lines = [
    `${end}${gap}${count} in ${time}${call.rate === undefined ? "" : `${gap}${rate}`}`,
    `${end}${gap}${count} in ${time}`,
    `${end}${gap}${count}`,
    end
  ]
  return firstThatFits(lines, width)
}
