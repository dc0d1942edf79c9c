/**
 * Checks that api.md of each public package says what users of the packages can import: the declarations that TypeScript made of each
 * entry point, without comments, with those of internal modules that they name. A change of the API is thus part of the
 * commit that makes it. `--write` writes them anew.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { type Entrypoint, entrypoints } from "./entrypoints.ts"

interface Statement {
  readonly name: string
  readonly text: string
}

interface Declarations {
  readonly statements: ReadonlyArray<Statement>
  /** From a name in the file to what it is in another one; `name` is undefined for `* as`. */
  readonly imports: ReadonlyMap<string, { readonly file: string; readonly name: string | undefined }>
}

type Read = (file: string) => string

const stringsAndComments = /("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`)|\/\*[^]*?\*\/|\/\/.*/g
// statements begin in the first column, where their other lines have spaces or brackets
const beginning = /^(?=(?:export|import|declare|type|interface|const|class|function|abstract)\b)/m
const named = /^(?:export |declare |abstract )*(?:const|class|interface|type|function) (\w+)/
const imported = /^import (?:type )?(?:\* as (\w+)|\{([^}]*)\}) from "(\.[^"]*)\.ts"/

const byName = <A extends { readonly name: string }>(all: Iterable<A>): ReadonlyArray<A> =>
  [...all].toSorted((one, other) => (one.name < other.name ? -1 : 1))

const parse = (read: Read, file: string): Declarations => {
  const text = read(file).replaceAll(stringsAndComments, "$1").replaceAll(/\s*$/gm, "").trim()
  const statements: Array<Statement> = []
  const imports = new Map<string, { readonly file: string; readonly name: string | undefined }>()
  for (const statement of text.split(beginning).map((text) => text.trim())) {
    const [, namespace, names, specifier] = imported.exec(statement) ?? []
    const from = path.posix.join(path.posix.dirname(file), `${specifier}.d.ts`)
    if (namespace !== undefined) imports.set(namespace, { file: from, name: undefined })
    for (const pair of names?.split(",") ?? []) {
      const [name, alias = name] = pair.replace("type ", "").trim().split(" as ")
      imports.set(alias!, { file: from, name })
    }
    if (statement.startsWith("import") || statement === "export {};") continue
    statements.push({ name: named.exec(statement)?.[1] ?? statement, text: statement })
  }
  return { statements: byName(statements), imports }
}

/** The declarations of an entry point, then those of other files that they name and that are no entry points. */
const section = (read: Read, entry: Entrypoint, all: ReadonlyArray<Entrypoint>): string => {
  const files = new Map<string, Declarations>()
  const declarationsOf = (file: string): Declarations => {
    if (!files.has(file)) files.set(file, parse(read, file))
    return files.get(file)!
  }
  const others = new Set<Statement>()
  const follow = (file: string, { text }: Statement): void => {
    const { imports } = declarationsOf(file)
    for (const [, word, member] of text.replaceAll(stringsAndComments, "").matchAll(/(\w+)(?:\.(\w+))?/g)) {
      const origin = imports.get(word!) ?? { file, name: word }
      if (all.some(({ types }) => types === origin.file)) continue
      const name = origin.name ?? member
      // a Schema and its type have one name
      for (const other of declarationsOf(origin.file).statements.filter((statement) => statement.name === name)) {
        if (others.has(other)) continue
        others.add(other)
        follow(origin.file, other)
      }
    }
  }
  const own = declarationsOf(entry.types).statements
  for (const statement of own) follow(entry.types, statement)
  const parts = [own, byName(others)].flatMap((statements) => statements.map(({ text }) => text))
  if (others.size > 0) parts.splice(own.length, 0, "// declared in internal modules")
  return `## ${entry.name}\n\n\`\`\`ts\n${parts.join("\n\n")}\n\`\`\`\n`
}

const note = "Made by `pnpm check:api --write` from the built declarations; CI compares it.\n"

/** The page of a package; `read` gives the text of its files. */
export const report = (name: string, entries: ReadonlyArray<Entrypoint>, read: Read): string =>
  [
    `# The API of ${name}\n`,
    note,
    ...entries.toSorted((one, other) => (one.name < other.name ? -1 : 1)).map((entry) => section(read, entry, entries))
  ].join("\n")

/** The lines of `one` that `other` lacks, marked with `sign`. */
const lacking = (one: string, other: string, sign: string): ReadonlyArray<string> => {
  const lines = new Set(other.split("\n"))
  return one
    .split("\n")
    .filter((line) => !lines.has(line))
    .map((line) => `${sign} ${line}`)
}

if (import.meta.main) {
  const root = path.join(import.meta.dirname, "..")
  const tsc = path.join(root, "node_modules/typescript/bin/tsc")
  const built = spawnSync(process.execPath, [tsc, "-b", "tsconfig.packages.json"], { cwd: root, stdio: "inherit" })
  if (built.status !== 0) throw new Error("the packages do not compile")
  for (const directory of ["core", "node-runtime", "browser-runtime", "cluster"].map((name) =>
    path.join(root, "packages", name)
  )) {
    const manifest = JSON.parse(fs.readFileSync(path.join(directory, "package.json"), "utf8"))
    // not the files in dist, where those of deleted sources stay
    const files = fs
      .globSync("**/*.ts", { cwd: path.join(directory, "src") })
      .map((file) => `dist/${file.replaceAll("\\", "/").replace(/ts$/, "d.ts")}`)
    const page = path.join(directory, "api.md")
    const read: Read = (file) => fs.readFileSync(path.join(directory, file), "utf8")
    const text = report(manifest.name, entrypoints(manifest, files), read)
    const before = fs.existsSync(page) ? fs.readFileSync(page, "utf8") : ""
    if (process.argv.includes("--write")) fs.writeFileSync(page, text)
    else if (text !== before) {
      console.error([...lacking(before, text, "-"), ...lacking(text, before, "+")].join("\n"))
      console.error(`${path.relative(root, page)} differs: \`pnpm check:api --write\` if the change is meant`)
      process.exitCode = 1
    }
  }
}
