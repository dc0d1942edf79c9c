/**
 * Builds the programs of `fixtures/bundlers` with every bundler that the guide names, runs what was built, on threads, on
 * processes and in a browser, and compares that with the tables of docs/guide/bundlers.md; `--write` writes the tables.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { browserBundlers, browserTable } from "./bundlers/browserTable.ts"
import { bundlers } from "./bundlers/bundlers.ts"
import { nodeTable } from "./bundlers/nodeTable.ts"
import { fixtures, install } from "./bundlers/project.ts"
import { root } from "./tarballs.ts"

const page = path.join(root, "docs/guide/bundlers.md")

interface Shown {
  readonly name: string
  readonly command: string
  readonly config?: string
  readonly note?: string
}

/** The command and settings that were tried, as the page shows them. */
const settings = ({ command, config, name, note }: Shown): string => {
  const parts = [`### ${name}`, `    ${command}`]
  if (note !== undefined) parts.push(note)
  if (config !== undefined) {
    const text = fs.readFileSync(path.join(fixtures, config), "utf8").trim()
    parts.push(`\`${path.basename(config)}\`:`, `\`\`\`${path.extname(config).slice(1)}\n${text}\n\`\`\``)
  }
  return parts.join("\n\n")
}

const between = (text: string, name: string, content: string): string => {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
  const [before, rest] = text.split(begin)
  const after = rest?.split(end)[1]
  if (after === undefined) throw new Error(`${page} has no ${begin} … ${end}`)
  return `${before}${begin}\n${content}\n${end}${after}`
}

const temp = fs.mkdtempSync(path.join(os.tmpdir(), "effect-mpire-bundlers-"))
try {
  const project = install(temp)
  const before = fs.readFileSync(page, "utf8")
  const parts = {
    table: await nodeTable(project, temp),
    "table of browsers": await browserTable(project),
    settings: [...bundlers, ...browserBundlers].map(settings).join("\n\n")
  }
  const after = Object.entries(parts).reduce((text, [name, content]) => between(text, name, content), before)
  if (process.argv.includes("--write")) fs.writeFileSync(page, after)
  else if (after !== before) {
    const known = new Set(before.split("\n"))
    // what programs say is not in the rows, which were printed as they were made
    for (const line of after.split("\n")) if (!known.has(line)) console.log(line)
    throw new Error("docs/guide/bundlers.md differs: `pnpm check:bundlers --write` if that is meant")
  }
} finally {
  fs.rmSync(temp, { recursive: true })
}
