/**
 * Builds a page with the bundlers that build for browsers, opens it in Chromium, and says in a table what it does.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { root } from "../tarballs.ts"
import { fixtures, output, runTool } from "./project.ts"

export interface BrowserBundler {
  readonly name: string
  /** What a user types; the first word is a program of the project. */
  readonly command: string
  /** The file that the command reads, if it reads one. */
  readonly config?: string
  /** What a user must know besides. */
  readonly note?: string
  /** Whether the program has to name the file that is built, and the page is no part of the build. */
  readonly isScriptAlone?: boolean
}

const note = "`main.ts` says `./worker.js` in place of `./worker.ts`, which is left as it is."

export const browserBundlers: ReadonlyArray<BrowserBundler> = [
  { name: "Vite, a page", command: "vite build", config: "browser/vite.config.js" },
  { name: "webpack, a page", command: "webpack", config: "browser/webpack.config.js" },
  {
    name: "Rollup, a page",
    command: "rollup --config",
    config: "browser/rollup.config.js",
    note,
    isScriptAlone: true
  },
  {
    name: "esbuild, a page",
    command: "esbuild main.ts worker.ts --bundle --splitting --format=esm --outdir=out",
    note,
    isScriptAlone: true
  }
]

const expected = "A! B! 1 2 3 is odd"

/** Copies the page, with the tasks of the other programs; a later file takes the place of one of that name. */
const copy = (directory: string): void => {
  for (const from of [fixtures, path.join(fixtures, "browser")])
    for (const file of fs.readdirSync(from, { withFileTypes: true }))
      if (file.isFile()) fs.copyFileSync(path.join(from, file.name), path.join(directory, file.name))
}

const replace = (file: string, text: string, other: string): void =>
  fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace(text, other))

/** Builds the page, and says where it is. */
const built = async (project: string, { command, isScriptAlone }: BrowserBundler): Promise<string> => {
  const directory = fs.mkdtempSync(path.join(project, "build-"))
  copy(directory)
  if (isScriptAlone === true) replace(path.join(directory, "main.ts"), 'URL("./worker.ts"', 'URL("./worker.js"')
  await runTool(project, directory, command)
  const page = path.join(directory, "out/index.html")
  if (!fs.existsSync(page)) {
    fs.copyFileSync(path.join(directory, "index.html"), page)
    replace(page, "./main.ts", "./main.js")
  }
  return path.dirname(page)
}

/** What the page of the guide's example says when it is done. */
const example = /^320 rows, \d{8} steps$/

/** Builds the guide's example as its reader does, and says where the page is. */
const builtExample = async (project: string): Promise<string> => {
  const directory = path.join(project, "example")
  fs.cpSync(path.join(root, "packages/examples/browser"), directory, { recursive: true })
  await runTool(project, directory, "vite build")
  return path.join(directory, "dist")
}

/** The table as Markdown; fails where a page does not run. */
export const browserTable = async (project: string): Promise<string> => {
  const pages: Array<string> = []
  for (const bundler of browserBundlers) pages.push(await built(project, bundler))
  pages.push(await builtExample(project))
  for (const file of [path.join(fixtures, "browser/open.mjs"), path.join(fixtures, "../chromium.mjs")])
    fs.copyFileSync(file, path.join(project, path.basename(file)))
  const outputs = JSON.parse(await output(project, process.execPath, "open.mjs", ...pages)) as Array<Array<string>>
  for (const said of outputs.pop()!) if (!example.test(said)) throw new Error(`The guide's example: ${said}`)
  const rows = browserBundlers.map(({ name }, i) => {
    for (const said of outputs[i]!) if (said !== expected) throw new Error(`${name}: ${said}`)
    return `| ${name} |${" runs |".repeat(outputs[i]!.length)}`
  })
  console.log(rows.join("\n"))
  return ["| built with | cross-origin isolated | not isolated |", "| --- | --- | --- |", ...rows].join("\n")
}
