/**
 * Compiles and runs the examples of the public docstrings. What follows `// =>` on a line is what the line's expression,
 * or the constant that it declares, must equal.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
// within the package that depends on all of the others, where imports resolve as they do for users
const folder = join(root, "packages/examples/.docs")

interface Example {
  readonly file: string
  readonly line: number
  readonly code: string
}

/** The code of every `@example` in a source file. */
const examplesOf = (file: string): ReadonlyArray<Example> => {
  const text = readFileSync(join(root, file), "utf8")
  return [...text.matchAll(/^ +\* @example\n +\* ```ts\n((?: +\*.*\n)*?) +\* ```$/gm)].map((match) => ({
    file,
    line: text.slice(0, match.index).split("\n").length,
    code: match[1]!.replaceAll(/^ +\* ?/gm, "")
  }))
}

/** The example as a module that fails when an expectation does not hold. */
const toModule = ({ code }: Example): string => {
  let expectations = 0
  const lines = code.split("\n").map((line) => {
    const match = /^(?:(const (\w+) = .+)|(.+?)) \/\/ => (.+)$/.exec(line)
    if (match === null) return line
    expectations++
    const [, declaration, name, expression, expected] = match
    return `${declaration === undefined ? "" : `${declaration}\n`}assert.deepStrictEqual(${name ?? expression}, ${expected})`
  })
  if (expectations === 0) throw new Error("an example expects nothing (no `// =>`)")
  return `import assert from "node:assert"\n${lines.join("\n")}`
}

const sources = ["core", "node-runtime", "browser-runtime", "cluster"]
  .map((name) => `packages/${name}/src`)
  .flatMap((directory) =>
    readdirSync(join(root, directory))
      .filter((name) => name.endsWith(".ts"))
      .map((name) => join(directory, name))
  )
const examples = sources.flatMap(examplesOf)
const marks = sources.reduce(
  (sum, file) => sum + readFileSync(join(root, file), "utf8").split("@example").length - 1,
  0
)

const run = (command: string, args: ReadonlyArray<string>) =>
  spawnSync(join(root, "node_modules/.bin", command), args, { cwd: root, stdio: "inherit", timeout: 120_000 }).status

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
let failed = 0
try {
  const modules = examples.map((example, number) => {
    const path = join(folder, `${basename(example.file, ".ts")}-${number}.ts`)
    writeFileSync(path, toModule(example))
    return { example, path }
  })
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: "../../../tsconfig.base.json",
      files: modules.map(({ path }) => path),
      compilerOptions: {
        noEmit: true,
        composite: false,
        incremental: false,
        declaration: false,
        declarationMap: false,
        rootDir: "../../..",
        types: ["node"],
        lib: ["ES2024", "ESNext.Disposable", "ESNext.Iterator", "DOM"],
        // examples may name what they do not go on to use
        noUnusedLocals: false
      }
    })
  )
  if (examples.length !== marks) {
    console.error(`${marks} examples are marked, but ${examples.length} were understood`)
    failed++
  }
  if (run("tsc", ["-p", folder]) !== 0) failed++
  for (const { example, path } of modules) {
    if (run("node", [path]) === 0) continue
    console.error(`${example.file}:${example.line}: the example fails`)
    failed++
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

console.log(`${examples.length} examples, ${failed} problems`)
process.exitCode = failed === 0 ? 0 : 1
