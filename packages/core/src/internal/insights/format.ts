/**
 * The insights of a pool as a text (O1).
 */
import { advice, duration, goodRatio, itemNamed } from "./advice.ts"
import type { Insights, Numbers, Shares, SlotInsights } from "./insights.ts"
import { fit, printable, textWidth, wrap } from "./textWidth.ts"

/** The fewest columns that a text is made for. */
const narrowest = 40

const group = new Intl.NumberFormat("en")

const percent = (ratio: number): string => `${(ratio * 100).toFixed(1)} %`

/** A line of the table: what it is of, and a cell for each column. */
interface Row {
  readonly name: string
  readonly numbers: Numbers
  readonly cell: (kind: keyof Shares) => string
}

/** A column; those of the greatest `rank` are left out first where there is no room. */
interface Column {
  readonly title: string
  readonly rank: number
  readonly cell: (row: Row) => string
}

const shareColumn = (title: string, kind: keyof Shares, rank: number): Column => ({
  title,
  rank,
  cell: ({ cell }) => cell(kind)
})

const columns: ReadonlyArray<Column> = [
  { title: "", rank: 0, cell: ({ name }) => name },
  { title: "items", rank: 1, cell: ({ numbers }) => group.format(numbers.items) },
  { title: "failed", rank: 6, cell: ({ numbers }) => group.format(numbers.failed) },
  { title: "chunks", rank: 7, cell: ({ numbers }) => group.format(numbers.chunks) },
  { title: "workers", rank: 8, cell: ({ numbers }) => group.format(numbers.workers) },
  shareColumn("start-up", "startUp", 3),
  shareColumn("init", "init", 4),
  shareColumn("waiting", "waiting", 2),
  shareColumn("working", "working", 1),
  shareColumn("exit", "exit", 5)
]

const gap = "  "

const table = (rows: ReadonlyArray<Row>, width: number): ReadonlyArray<string> => {
  const all = columns.map((column) => {
    const cells = [column.title, ...rows.map(column.cell)]
    return { ...column, cells, width: Math.max(...cells.map(textWidth)) }
  })
  const widthOf = (shown: typeof all) => shown.reduce((sum, { width }) => sum + width + gap.length, -gap.length)
  let shown = all
  for (let rank = 8; rank > 1 && widthOf(shown) > width; rank--) shown = shown.filter((column) => column.rank !== rank)
  return [...rows, undefined].map((_, n) =>
    fit(shown.map(({ cells, width }, at) => pad(cells[n]!, width, at > 0)).join(gap), width)
  )
}

const pad = (text: string, width: number, isNumber: boolean): string => {
  const space = " ".repeat(width - textWidth(text))
  return isNumber ? `${space}${text}` : `${text}${space}`
}

const headline = ({ pool, total }: Insights): string => {
  const name = `${printable(pool)}: `
  if (total.live === 0) return `${name}no worker has been started.`
  const working = total.ratios.working
  const isLow = total.items > 0 && working < goodRatio
  const warning = isLow ? `, less than ${Math.round(goodRatio * 100)} %` : ""
  const items = `${group.format(total.items)} item${total.items === 1 ? "" : "s"}`
  return `${name}working ratio ${percent(working)}${warning}: ${items} in ${duration(total.live)} of workers' time.`
}

const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`

const usageOf = ({ usage, worker }: SlotInsights): ReadonlyArray<string> => {
  if (usage === undefined) return []
  const memory = usage.memory === undefined ? [] : [megabytes(usage.memory)]
  const cpu = usage.cpu === undefined ? [] : [`${duration(usage.cpu)} of CPU`]
  return [`worker ${worker}: ${[...memory, ...cpu, `${duration(usage.working)} working`].join(", ")}`]
}

/** A part of the text, with an empty line before it; nothing, where it has no lines. */
const section = (title: string, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length === 0 ? [] : ["", title, ...lines]

/** The insights as a text of lines that are at most `width` columns long, and at least 40 where that is less. */
export const format = (insights: Insights, options: { readonly width?: number | undefined } = {}): string => {
  const width = Math.max(narrowest, Math.floor(options.width ?? 80))
  const { longest, slots, thread, total } = insights
  const ofSlot = (slot: SlotInsights): Row => ({
    name: `worker ${slot.worker}`,
    numbers: slot,
    cell: (kind) => (slot.live > 0 ? percent(slot.ratios[kind]) : "–")
  })
  const all: Row = {
    name: "total",
    numbers: total,
    cell: (kind) => (total.live > 0 ? percent(total.ratios[kind]) : "–")
  }
  const lost = total.lost + total.killed > 0 ? [`${total.lost} lost, ${total.killed} killed`] : []
  const threads = thread === undefined ? [] : [`The pool's own thread: busy ${percent(thread.utilization)}`]
  const below = [...threads, ...lost, ...slots.flatMap(usageOf)]
  return [
    ...wrap(headline(insights), width),
    ...(slots.length === 0 ? [] : ["", ...table([...slots.map(ofSlot), all], width)]),
    ...(total.live > 0 ? ["", ...wrap(timesOf(total.times), width)] : []),
    ...(below.length === 0 ? [] : ["", ...below.map((line) => fit(line, width))]),
    ...section(
      longest.length === 1 ? "Longest item" : "Longest items",
      longest.map((item) => {
        const input = item.input === undefined ? "" : `: ${printable(item.input)}`
        return fit(`  ${duration(item.millis).padStart(8)}  ${itemNamed(item)} in worker ${item.worker}${input}`, width)
      })
    ),
    ...section(
      "Advice",
      advice(insights).flatMap(({ action, message }) => [...wrap(message, width, "- "), ...wrap(action, width, "  ")])
    )
  ].join("\n")
}

const timesOf = (times: Shares): string =>
  `In total: start-up ${duration(times.startUp)}, init ${duration(times.init)}, waiting ${duration(times.waiting)}, ` +
  `working ${duration(times.working)}, exit ${duration(times.exit)}`
