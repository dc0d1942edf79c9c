import type { WorkerReport } from "./compress.tasks.ts"

/** One pass over the files. */
export interface Pass {
  readonly name: string
  readonly files: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly seconds: number
  readonly remark: string
}

type Align = "left" | "right"

/** Lays rows out in columns, separated by two spaces; the first row is the header. */
export const table = (align: ReadonlyArray<Align>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = align.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          align[column] === "right" ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)
        )
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

const grouped = (n: number): string => n.toLocaleString("en")

/** The passes, each compared with the first. */
export const passes = (passes: ReadonlyArray<Pass>): string =>
  table(
    ["left", "right", "right", "right", "right", "right", "left"],
    [
      ["pass", "files", "bytes in", "bytes out", "seconds", "speed-up", ""],
      ...passes.map((pass) => [
        pass.name,
        grouped(pass.files),
        grouped(pass.bytesIn),
        grouped(pass.bytesOut),
        pass.seconds.toFixed(2),
        ((passes[0] ?? pass).seconds / pass.seconds).toFixed(2),
        pass.remark
      ])
    ]
  )

/** What each worker said in its exit hook, and their sum. */
export const workers = (reports: ReadonlyArray<WorkerReport>): string =>
  table(
    ["left", "right", "right", "right"],
    [
      ["worker", "generation", "files", "bytes in"],
      ...[...reports]
        .sort((a, b) => a.id - b.id || a.generation - b.generation)
        .map((report) => [`${report.id}`, `${report.generation}`, grouped(report.files), grouped(report.bytes)]),
      [
        "all",
        "",
        grouped(reports.reduce((sum, report) => sum + report.files, 0)),
        grouped(reports.reduce((sum, report) => sum + report.bytes, 0))
      ]
    ]
  )
