/**
 * Builds the programs of `fixtures/bundlers` with every bundler that the guide names, runs what was built, on threads and on
 * processes, and compares that with the table of docs/guide/bundlers.md; `--write` writes the table.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { build, directories, node, npmInstall, pack, root, workspace } from "./tarballs.ts"

const page = path.join(root, "docs/guide/bundlers.md")
const fixtures = path.join(root, "scripts/fixtures/bundlers")
const temp = fs.mkdtempSync(path.join(os.tmpdir(), "effect-mpire-bundlers-"))

/** What only the bundled projects use, so that nobody installs it with the workspace. */
const tools = {
  "@rollup/plugin-node-resolve": "16.0.3",
  "@types/node": "24.19.2",
  bun: "1.4.5",
  esbuild: "0.28.2",
  "esbuild-loader": "4.5.0",
  rolldown: "1.3.2",
  rollup: "4.68.8",
  "rollup-plugin-esbuild": "6.2.1",
  tsdown: "0.23.7",
  tsup: "9.0.0",
  typescript: "5.9.3",
  vite: "8.3.8",
  webpack: "5.113.0",
  "webpack-cli": "7.3.1"
}

interface Bundler {
  readonly name: string
  /** What a user types; the first word is a program of the project. */
  readonly command: string
  /** The file that the command reads, if it reads one. */
  readonly config?: string
  /** How Node is told that what was built are ES modules, or CommonJS. */
  readonly type?: "module" | "commonjs"
  /** Whether what was built needs the packages beside it. */
  readonly isExternal?: boolean
}

const banner = "const url = require('node:url').pathToFileURL(__filename).href"

const bundlers: ReadonlyArray<Bundler> = [
  { name: "esbuild", command: "esbuild main.ts worker.ts --bundle --platform=node --format=esm --outdir=out" },
  {
    name: "esbuild, splitting, minified",
    command: "esbuild main.ts worker.ts --bundle --splitting --minify --platform=node --format=esm --outdir=out"
  },
  {
    name: "esbuild to CommonJS",
    command: `esbuild main.ts worker.ts --bundle --platform=node --outdir=out --define:import.meta.url=url "--banner:js=${banner}"`,
    type: "commonjs"
  },
  { name: "Vite, SSR build", command: "vite build", config: "vite.config.js" },
  { name: "Rollup", command: "rollup --config", config: "rollup.config.js" },
  { name: "Rolldown", command: "rolldown main.ts worker.ts --platform node --format esm --dir out" },
  { name: "tsdown", command: "tsdown", config: "tsdown.config.js" },
  { name: "tsup", command: "tsup", config: "tsup.config.js" },
  { name: "webpack", command: "webpack", config: "webpack.config.js" },
  { name: "Bun", command: "bun build main.ts worker.ts --target node --outdir out" },
  { name: "tsc", command: "tsc", config: "tsconfig.json", isExternal: true }
]

/** A way in which a program finds its tasks. */
interface Form {
  readonly name: string
  /** The program, and the files that the bundler is told to make entries of beside it. */
  readonly main: string
  readonly entry: string | undefined
  /** Whether it runs without node_modules, unless the bundler leaves the packages out. */
  readonly isAlone: boolean
}

const forms: ReadonlyArray<Form> = [
  { name: "a worker file, alone", main: "main.ts", entry: "worker.ts", isAlone: true },
  { name: "`Portable.module`, its file an entry too", main: "url.ts", entry: "texts.tasks.ts", isAlone: false },
  { name: "`Portable.module`, one entry", main: "url.ts", entry: undefined, isAlone: false }
]

/** What the programs print. */
const outputs = new Set(["A! B! 1 2 3 is odd", "A! B!"])

/** The words of a command line, without their quotes. */
const words = (command: string): ReadonlyArray<string> =>
  [...command.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word)

/** The same text, for a program of that form: the worker file becomes another entry, or none. */
const adapted = (text: string, { entry }: Form): string => {
  if (entry === "worker.ts") return text
  if (entry === undefined) return text.replace(/,? (?:worker: )?"(?:\.\/)?worker\.ts"/, "").replace(" worker.ts", "")
  return text
    .replace(/"(\.\/)?worker\.ts"/, `"$1${entry}"`)
    .replace(" worker.ts", ` ${entry}`)
    .replace("worker:", '"texts.tasks":')
}

const programOf = (project: string, name: string): string => {
  const directory = path.join(project, "node_modules", name)
  const { bin } = JSON.parse(fs.readFileSync(path.join(directory, "package.json"), "utf8")) as {
    readonly bin: string | Readonly<Record<string, string>>
  }
  return path.join(directory, typeof bin === "string" ? bin : (bin[name] ?? Object.values(bin)[0]!))
}

/** Where a tool's program is found that is named otherwise than its package. */
const packages: Readonly<Record<string, string>> = { tsc: "typescript", webpack: "webpack-cli" }

const runTool = (project: string, directory: string, command: string): void => {
  const [tool, ...args] = words(command)
  // its package has the program for this machine in a package of its own
  if (tool === "bun") {
    const own = fs.globSync("node_modules/@oven/bun-*/bin/bun", { cwd: project })[0]!
    node(
      directory,
      "--eval",
      `require("node:child_process").execFileSync(${JSON.stringify(path.join(project, own))}, ${JSON.stringify(args)})`
    )
    return
  }
  const name = packages[tool!] ?? tool!
  const program =
    name === "typescript" ? path.join(project, "node_modules/typescript/bin/tsc") : programOf(project, name)
  node(directory, program, ...args)
}

/** Builds a form of the program, and says what it prints on threads and on processes. */
const outcomes = (project: string, bundler: Bundler, form: Form): ReadonlyArray<string> => {
  const directory = fs.mkdtempSync(path.join(project, "build-"))
  for (const file of fs.readdirSync(fixtures)) {
    const text = fs.readFileSync(path.join(fixtures, file), "utf8")
    fs.writeFileSync(path.join(directory, file), file === bundler.config ? adapted(text, form) : text)
  }
  if (form.main !== "main.ts") fs.renameSync(path.join(directory, form.main), path.join(directory, "main.ts"))
  try {
    runTool(project, directory, adapted(bundler.command, form))
  } catch (error) {
    return [`does not build: ${(error as Error).message}`]
  }
  const built = path.join(directory, "out")
  fs.writeFileSync(path.join(built, "package.json"), JSON.stringify({ type: bundler.type ?? "module" }))
  const place = form.isAlone && bundler.isExternal !== true ? fs.mkdtempSync(path.join(temp, "alone-")) : built
  if (place !== built) fs.cpSync(built, place, { recursive: true })
  const [main] = fs.globSync("main.{js,mjs,cjs}", { cwd: place })
  return ["threads", "processes"].map((runtime) => {
    try {
      return node(place, main!, runtime).trim().replaceAll(place, "DIR").replaceAll(directory, "DIR")
    } catch (error) {
      return (error as Error).message
    }
  })
}

/** What programs said instead of running. */
const messages: Array<string> = []

/** What the table says of it: that it runs, or the number of what it says instead. */
const told = (outcome: string): string => {
  if (outputs.has(outcome)) return "runs"
  const message = outcome.split("\n")[0]!.replace(/^worker \d+ \(generation \d+\) /, "")
  if (!messages.includes(message)) messages.push(message)
  return `no (${messages.indexOf(message) + 1})`
}

const install = (): string => {
  const project = path.join(temp, "project")
  fs.mkdirSync(project)
  const packed = directories.map((directory) => pack(directory, temp))
  const dependencies = {
    ...Object.fromEntries(packed.map(({ manifest, tarball }) => [manifest.name, `file:${tarball}`])),
    effect: workspace.devDependencies["effect"]
  }
  const manifest = { private: true, type: "module", dependencies, devDependencies: tools }
  fs.writeFileSync(path.join(project, "package.json"), JSON.stringify(manifest))
  npmInstall(project)
  return project
}

const row = (project: string, bundler: Bundler): string => {
  const cells = forms.map((form) => {
    const [threads, processes] = outcomes(project, bundler, form).map(told)
    return threads === processes || processes === undefined ? threads! : `threads: ${threads}; processes: ${processes}`
  })
  console.log([bundler.name, ...cells].join(" · "))
  return `| ${[bundler.name, ...cells].join(" | ")} |`
}

const table = (): string => {
  build()
  const project = install()
  return [
    `| built with | ${forms.map(({ name }) => name).join(" | ")} |`,
    "| --- | --- | --- | --- |",
    ...bundlers.map((bundler) => row(project, bundler)),
    "",
    ...messages.map((message, i) => `${i + 1}. The call fails with \`StartFailed\`, and says: ${message}`)
  ].join("\n")
}

/** The commands and settings that were tried, as the page shows them. */
const settings = (): string =>
  bundlers
    .map(({ command, config, name }) => {
      const shown =
        config === undefined
          ? ""
          : `\n\n\`${config}\`:\n\n\`\`\`${path.extname(config).slice(1)}\n${fs.readFileSync(path.join(fixtures, config), "utf8").trim()}\n\`\`\``
      return `### ${name}\n\n    ${command}${shown}`
    })
    .join("\n\n")

const between = (text: string, name: string, content: string): string => {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
  const [before, rest] = text.split(begin)
  const after = rest?.split(end)[1]
  if (after === undefined) throw new Error(`${page} has no ${begin} … ${end}`)
  return `${before}${begin}\n${content}\n${end}${after}`
}

try {
  const before = fs.readFileSync(page, "utf8")
  const after = between(between(before, "table", table()), "settings", settings())
  if (process.argv.includes("--write")) fs.writeFileSync(page, after)
  else if (after !== before)
    throw new Error("docs/guide/bundlers.md differs: `pnpm check:bundlers --write` if that is meant")
} finally {
  fs.rmSync(temp, { recursive: true })
}
