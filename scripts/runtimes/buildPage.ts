/**
 * Builds the page that runs the conformance suite in a browser. The modules of its tasks stay files of their own, by whose
 * URLs workers load them; Effect and the library are bundled once for all of them.
 */
import * as esbuild from "esbuild"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as path from "node:path"

/** A module that stands beside the suite, with tasks or values of its: it is served as a file of that name. */
const ofSuite = /(?:^|\/)suite\.[\w.]+\.[jt]s$/

/** A module of the library or of Effect, as those of the suite import it. */
const ofLibrary = /^\.\.\/\w+\.[jt]s$|^effect\//

const named = (file: string): string => path.basename(file).replace(/\.[jt]s$/, "")

const keepSuiteApart: esbuild.Plugin = {
  name: "keep the modules of the suite apart",
  setup: (build) =>
    build.onResolve({ filter: ofSuite }, ({ kind, path: name }) =>
      kind === "entry-point" ? undefined : { path: `/${named(name)}.js`, external: true }
    )
}

/** Builds the page's files in the folder `out`, of the sources in `directory`, where the packages are installed. */
export const buildPage = async (directory: string, out: string): Promise<void> => {
  const options = {
    absWorkingDir: directory,
    outdir: out,
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2024",
    logLevel: "warning"
  } as const satisfies esbuild.BuildOptions
  const { resolve } = createRequire(path.join(directory, "page.ts"))
  const testing = path.dirname(resolve("@effect-mpire/core/testing/RuntimeSuite"))
  const modules = fs.readdirSync(testing).filter((file) => ofSuite.test(file) && !file.endsWith(".d.ts"))
  /** What the modules of the suite import, by where it is served. */
  const libraries = new Map<string, string>()
  const keepLibrariesApart: esbuild.Plugin = {
    name: "keep the libraries apart",
    setup: (build) =>
      build.onResolve({ filter: ofLibrary }, ({ path: name }) => {
        const isOwn = name.startsWith(".")
        const url = `/library/${isOwn ? `core/${named(name)}` : name}.js`
        libraries.set(url, isOwn ? path.join(testing, name) : name)
        return { path: url, external: true }
      })
  }
  await esbuild.build({
    ...options,
    entryPoints: modules.map((file) => path.join(testing, file)),
    plugins: [keepSuiteApart, keepLibrariesApart]
  })
  await esbuild.build({
    ...options,
    entryPoints: [
      ...["page", "worker", "late", "throws", "denied"].map((name) => ({ in: `./${name}.ts`, out: name })),
      ...[...libraries].map(([url, name]) => ({ in: name, out: url.slice(1, -".js".length) }))
    ],
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    plugins: [keepSuiteApart]
  })
}
