/**
 * Makes one file of what a worker loads before its first result, for the published package, and one of what it loads before
 * its first Effect: each file would take a worker another third of a millisecond. What else needs Effect stays in the files
 * that `tsc` made, to be loaded when it is needed. State that both may have stands on globalThis, so it does not matter that some modules are there twice.
 */
import * as esbuild from "esbuild"
import * as fs from "node:fs"
import * as path from "node:path"

const packages = path.join(import.meta.dirname, "../packages")

/** One file of each of some modules of a package: in a folder of their own, or in place of what `tsc` made of them. */
const bundle = async (
  name: string,
  modules: ReadonlyArray<string>,
  outdir: string,
  mayImport = /^(?:node:|@effect-mpire\/core\/WorkerEntry$)/
): Promise<void> => {
  const root = path.join(packages, name)
  const out = path.join(root, outdir)
  /** Where `tsc` puts what it makes of a source, as seen from the bundle. */
  const compiled = (source: string): string => {
    const made = path.join(root, "dist", path.relative(path.join(root, "src"), source)).replace(/\.ts$/, ".js")
    const relative = path.relative(out, made).replaceAll("\\", "/")
    return relative.startsWith(".") ? relative : `./${relative}`
  }
  const leaveOutDynamic: esbuild.Plugin = {
    name: "leave out what is loaded when it is needed",
    setup: (build) =>
      build.onResolve({ filter: /^\./ }, ({ kind, path: name, resolveDir }) =>
        kind === "dynamic-import" ? { path: compiled(path.join(resolveDir, name)), external: true } : undefined
      )
  }
  const { metafile } = await esbuild.build({
    absWorkingDir: root,
    entryPoints: modules.map((module) => `src/${module}.ts`),
    outdir,
    bundle: true,
    packages: "external",
    plugins: [leaveOutDynamic],
    platform: name === "core" ? "neutral" : "node",
    target: "es2024",
    format: "esm",
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
    logLevel: "warning"
  })
  const problems = Object.values(metafile.outputs)
    .flatMap(({ imports }) => imports)
    .flatMap(({ kind, path: name }) => {
      if (kind === "dynamic-import") return fs.existsSync(path.join(out, name)) ? [] : [`${name} has not been built`]
      return mayImport.test(name) ? [] : [`it imports ${name} before it is needed`]
    })
  if (problems.length > 0) throw new Error(`A worker's entry cannot be one file: ${problems.join(", ")}`)
}

await bundle("core", ["WorkerEntry"], "dist/bundled")
await bundle("core", ["internal/served/effectRunner"], "dist/internal/served", /^effect\//)
await bundle("node-runtime", ["internal/entry", "internal/servedThread"], "dist/internal")
