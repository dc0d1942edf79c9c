/**
 * Set up before the tests of node-runtime: makes few files of what their workers load, the worker's entry and Effect. Most
 * of the time of these tests is that of workers that start, and one that loads each module of Effect by itself takes twice
 * as long. Tasks stay the files that they are, and find these modules of Effect in place of the installed ones.
 */
import * as esbuild from "esbuild"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { pathToFileURL } from "node:url"

const root = path.join(import.meta.dirname, "..")

/** Where tests find the entry: the name of an environment variable, which runners inherit. */
const variable = "EFFECT_MPIRE_TEST_ENTRY"

const tasks = ["packages/core/src/testing/suite*.ts", "packages/{core,node-runtime}/test/**/*.tasks.ts"].flatMap(
  (glob) => fs.globSync(glob, { cwd: root })
)

/** The modules of Effect that the tests' tasks import, themselves or by other sources. */
const importedByTasks = async (): Promise<ReadonlyArray<string>> => {
  const imported = new Set<string>()
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: tasks,
    outdir: "unused",
    write: false,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    plugins: [
      {
        name: "note Effect's modules",
        setup: (build) =>
          build.onResolve({ filter: /^effect\// }, ({ path: specifier }) => {
            imported.add(specifier)
            return { path: specifier, external: true }
          })
      }
    ]
  })
  return [...imported].sort()
}

/** A worker's first module. What it does not know fails: Effect would be loaded twice, and one not know the other's values. */
const entryOf = (modules: ReadonlyArray<string>): string => `import { registerHooks } from "node:module"
const modules = new Set(${JSON.stringify(modules)})
registerHooks({
  resolve: (specifier, context, next) => {
    if (!specifier.startsWith("effect/")) return next(specifier, context)
    if (!modules.has(specifier)) throw new Error(specifier + " is not among the files that scripts/bundle-test-worker.ts makes")
    return { url: new URL("./" + specifier + ".js", import.meta.url).href, format: "module", shortCircuit: true }
  }
})
await import("./entry.js")
`

export const setup = async (): Promise<void> => {
  const modules = await importedByTasks()
  const { outputFiles } = await esbuild.build({
    absWorkingDir: path.join(root, "packages/node-runtime"),
    entryPoints: { entry: "src/internal/entry.ts", ...Object.fromEntries(modules.map((module) => [module, module])) },
    outdir: root,
    write: false,
    bundle: true,
    splitting: true,
    platform: "node",
    target: "es2024",
    format: "esm",
    logLevel: "warning"
  })
  const files = [
    { name: "first.mjs", contents: entryOf(modules) },
    ...outputFiles.map((file) => ({ name: path.relative(root, file.path), contents: file.text }))
  ]
  // named by what is in it, and made all at once: another run may be using it
  const hash = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 16)
  const directory = path.join(os.tmpdir(), `effect-mpire-test-worker-${hash}`)
  if (!fs.existsSync(directory)) {
    const made = fs.mkdtempSync(`${directory}-`)
    for (const { contents, name } of files) {
      fs.mkdirSync(path.dirname(path.join(made, name)), { recursive: true })
      fs.writeFileSync(path.join(made, name), contents)
    }
    try {
      fs.renameSync(made, directory)
    } catch (cause) {
      fs.rmSync(made, { recursive: true })
      // another run may have been faster
      if (!fs.existsSync(directory)) throw cause
    }
  }
  process.env[variable] = pathToFileURL(path.join(directory, "first.mjs")).href
}
