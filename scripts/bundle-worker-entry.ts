/**
 * Makes one file of what a worker loads before its first result, for the published package: each file would take a
 * worker another third of a millisecond. What needs Effect stays out, in the files that `tsc` made, to be loaded when it
 * is needed. State that both may have stands on globalThis, so it does not matter that some modules are there twice.
 */
import * as esbuild from "esbuild"
import * as fs from "node:fs"
import * as path from "node:path"

const core = path.join(import.meta.dirname, "../packages/core")
const outdir = path.join(core, "dist/bundled")

/** Where `tsc` puts what it makes of a source, as seen from the bundle. */
const compiled = (source: string): string =>
  path
    .relative(outdir, path.join(core, "dist", path.relative(path.join(core, "src"), source)))
    .replaceAll("\\", "/")
    .replace(/\.ts$/, ".js")

const leaveOutDynamic: esbuild.Plugin = {
  name: "leave out what is loaded when it is needed",
  setup: (build) =>
    build.onResolve({ filter: /^\./ }, ({ kind, path: name, resolveDir }) =>
      kind === "dynamic-import" ? { path: compiled(path.join(resolveDir, name)), external: true } : undefined
    )
}

const { metafile } = await esbuild.build({
  absWorkingDir: core,
  entryPoints: ["src/WorkerEntry.ts"],
  outdir,
  bundle: true,
  packages: "external",
  plugins: [leaveOutDynamic],
  platform: "neutral",
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
    if (kind !== "dynamic-import") return [`it imports ${name} before it is needed`]
    return fs.existsSync(path.join(outdir, name)) ? [] : [`${name} has not been built`]
  })
if (problems.length > 0) throw new Error(`The worker's entry cannot be one file: ${problems.join(", ")}`)
