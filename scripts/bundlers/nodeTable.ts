/**
 * Builds the programs for Node.js with every bundler, in every form, and says in a table what they do.
 */
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { type Bundler, bundlers, type Form, forms } from "./bundlers.ts"
import { fixtures, output, runTool } from "./project.ts"

/** The same text, for a program of that form: the worker file becomes another entry, or none. */
const adapted = (text: string, { entry }: Form): string => {
  if (entry === "worker.ts") return text
  if (entry === undefined) return text.replace(/,? (?:worker: )?"(?:\.\/)?worker\.ts"/, "").replace(" worker.ts", "")
  return text
    .replace(/"(\.\/)?worker\.ts"/, `"$1${entry}"`)
    .replace(" worker.ts", ` ${entry}`)
    .replace("worker:", `"${path.basename(entry, ".ts")}":`)
}

/** The same program, where a module learns its own URL in another way. */
const withOwnUrl = (text: string, { ownUrl }: Bundler): string =>
  ownUrl === undefined || !text.includes("import.meta.url")
    ? text
    : `${ownUrl.imported}\n${text.replaceAll("import.meta.url", ownUrl.expression)}`

/** Copies the program of a form and the bundler's settings. */
const copy = (directory: string, bundler: Bundler, form: Form): void => {
  for (const file of fs.readdirSync(fixtures, { withFileTypes: true })) {
    if (!file.isFile()) continue
    const text = fs.readFileSync(path.join(fixtures, file.name), "utf8")
    const own = file.name.endsWith(".ts") ? withOwnUrl(text, bundler) : text
    fs.writeFileSync(path.join(directory, file.name), file.name === bundler.config ? adapted(text, form) : own)
  }
  if (form.main !== "main.ts") fs.renameSync(path.join(directory, form.main), path.join(directory, "main.ts"))
  fs.writeFileSync(path.join(directory, "package.json"), JSON.stringify({ type: bundler.type ?? "module" }))
}

/** Moves what was built to an empty directory, and takes away what it was built from. */
const moveAway = (project: string, built: string, temp: string): string => {
  const files = fs.readdirSync(built, { recursive: true, encoding: "utf8" }).map((file) => path.join(built, file))
  const bound = files.find((file) => fs.statSync(file).isFile() && fs.readFileSync(file, "utf8").includes(project))
  if (bound !== undefined) throw new Error(`${bound} names the directory that it was built in`)
  const place = path.join(fs.mkdtempSync(path.join(temp, "alone-")), "out")
  fs.renameSync(built, place)
  fs.rmSync(path.dirname(built), { recursive: true })
  return place
}

/** What a bundler says first that is no more than where it has failed. */
const buildError = (error: unknown): string => {
  const lines = (error as Error).message.split("\n")
  const line = lines.find((one) => /^(?:Error|.*: error|.*\berror TS\d+): /i.test(one)) ?? lines[0]!
  return `It does not build: ${line.replace(/^Error: /, "")}`
}

/** What one program printed, or the error of its build. */
interface Outcome {
  readonly form: Form
  readonly printed: ReadonlyArray<string>
}

/** Builds a form of the program, and says what it prints on each runtime. */
const outcome = async (project: string, temp: string, bundler: Bundler, form: Form): Promise<Outcome> => {
  const directory = fs.mkdtempSync(path.join(project, "build-"))
  copy(directory, bundler, form)
  try {
    await runTool(project, directory, adapted(bundler.command, form))
  } catch (error) {
    return { form, printed: [buildError(error)] }
  }
  const built = path.join(directory, "out")
  fs.writeFileSync(path.join(built, "package.json"), JSON.stringify({ type: bundler.type ?? "module" }))
  const place = form.isAlone && bundler.isExternal !== true ? moveAway(project, built, temp) : built
  const [main] = fs.globSync("main.{js,mjs,cjs}", { cwd: place })
  const printed = await Promise.all(
    form.runtimes.map((runtime) =>
      output(place, process.execPath, main!, runtime).then(
        (text) => text.trim().replaceAll(place, "DIR"),
        (error: unknown) => (error as Error).message
      )
    )
  )
  return { form, printed }
}

/** What a program says, without what is not the same for every bundler and runtime. */
const message = (printed: string): string =>
  printed
    .split("\n")[0]!
    .replace(/^worker \d+ \(generation \d+\) of pool-\d+ /, "The call fails with `StartFailed`: ")
    .replace(/\bmain\.[cm]js\b/, "main.js")
    .replace("layerProcesses(", "layerThreads(")

/** The cells of a row: that a program runs, or the number in `messages` of what it says instead. */
const cells = (outcomes: ReadonlyArray<Outcome>, messages: Array<string>): ReadonlyArray<string> => {
  const told = (form: Form, printed: string): string => {
    if (printed === form.prints) return "runs"
    const said = message(printed)
    if (!messages.includes(said)) messages.push(said)
    return `no (${messages.indexOf(said) + 1})`
  }
  return outcomes.map(({ form, printed }) => {
    const each = printed.map((text) => told(form, text))
    return new Set(each).size === 1 ? each[0]! : each.map((cell, i) => `${form.runtimes[i]}: ${cell}`).join("; ")
  })
}

/** The table as Markdown, with what programs say that do not run. */
export const nodeTable = async (
  project: string,
  temp: string,
  only: ReadonlyArray<Bundler> = bundlers
): Promise<string> => {
  const messages: Array<string> = []
  const rows: Array<string> = []
  for (const bundler of only) {
    const outcomes = await Effect.runPromise(
      // two builds at once, for two cores
      Effect.forEach(forms, (form) => Effect.promise(() => outcome(project, temp, bundler, form)), { concurrency: 2 })
    )
    rows.push(`| ${[bundler.name, ...cells(outcomes, messages)].join(" | ")} |`)
    console.log(rows.at(-1))
  }
  return [
    `| built with | ${forms.map(({ name }) => name).join(" | ")} |`,
    `| --- |${" --- |".repeat(forms.length)}`,
    ...rows,
    "",
    ...messages.map((message, i) => `${i + 1}. ${message}`)
  ].join("\n")
}
