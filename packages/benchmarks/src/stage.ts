/**
 * Builds the packages and lays them out as their users have them. In this workspace their `exports` lead to TypeScript,
 * and what would be measured is Node stripping types. It is always the same place, so that Node's cache of compiled
 * modules is the one of earlier runs; two runs at once would disturb each other in any case.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"

const root = path.join(import.meta.dirname, "../../..")

/** The directory of this package; what is staged in it finds the peers in its `node_modules`. */
export const packageDirectory = path.join(root, "packages/benchmarks")

const run = (what: string, ...parameters: ReadonlyArray<string>): void => {
  const { status } = spawnSync(process.execPath, parameters, { stdio: "inherit" })
  if (status !== 0) throw new Error(`${what} failed`)
}

const build = (): void => {
  run("compiling the packages", path.join(root, "node_modules/typescript/bin/tsc"), "-b", packageDirectory)
  run("bundling the entry of workers", path.join(root, "scripts/bundle-worker-entry.ts"))
}

/** As `pnpm pack` would have it: `dist`, and the manifest with what `publishConfig` replaces. */
const stagePackage = (directory: string, staging: string): void => {
  const { publishConfig, ...manifest } = JSON.parse(fs.readFileSync(path.join(directory, "package.json"), "utf8"))
  const { access: _access, ...replaced } = publishConfig
  const target = path.join(staging, "node_modules", manifest.name)
  fs.cpSync(path.join(directory, "dist"), path.join(target, "dist"), { recursive: true })
  fs.writeFileSync(path.join(target, "package.json"), JSON.stringify({ ...manifest, ...replaced }, undefined, 2))
}

/** Where the compiled benchmarks are then. */
export const stage = (): string => {
  build()
  const staging = path.join(packageDirectory, ".staging")
  fs.rmSync(staging, { recursive: true, force: true })
  for (const name of ["core", "node-runtime"]) stagePackage(path.join(root, "packages", name), staging)
  const compiled = path.join(staging, "dist")
  fs.cpSync(path.join(packageDirectory, "dist"), compiled, { recursive: true })
  fs.writeFileSync(path.join(staging, "package.json"), JSON.stringify({ private: true, type: "module" }))
  return compiled
}
