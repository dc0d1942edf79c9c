/**
 * `pnpm bench:page FILE`: writes `docs/benchmarks.md` and its plots from the results in a file.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { renderPage } from "./page.ts"
import type { Results } from "./results.ts"

const file = process.argv[2]
if (file === undefined) {
  console.error("pnpm bench:page FILE\n\nFILE is what `pnpm bench --json FILE` has written.")
  process.exit(2)
}

const docs = path.join(import.meta.dirname, "../../../docs")
const plotsDirectory = path.join(docs, "benchmarks")
const results: Results = JSON.parse(fs.readFileSync(path.resolve(process.env["INIT_CWD"] ?? ".", file), "utf8"))
const { markdown, plots } = renderPage(results)

// plots of cases that are no more go
fs.rmSync(plotsDirectory, { recursive: true, force: true })
fs.mkdirSync(plotsDirectory, { recursive: true })
for (const [name, svg] of plots) fs.writeFileSync(path.join(plotsDirectory, name), svg)
fs.writeFileSync(path.join(docs, "benchmarks.md"), markdown)
console.log(`written: docs/benchmarks.md and ${plots.size} plots`)
