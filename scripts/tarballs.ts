/**
 * The packages as their users get them: tarballs, for projects outside this workspace.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { type Entrypoint, entrypoints, type Manifest } from "./entrypoints.ts"

export const root = path.join(import.meta.dirname, "..")

interface Workspace {
  readonly packageManager: string
  readonly devDependencies: Readonly<Record<string, string>>
}

export interface Packed {
  readonly manifest: Manifest
  readonly tarball: string
  readonly files: ReadonlyArray<string>
  readonly entrypoints: ReadonlyArray<Entrypoint>
}

const manifestOf = <M = Manifest>(directory: string): M =>
  JSON.parse(fs.readFileSync(path.join(directory, "package.json"), "utf8"))

export const workspace = manifestOf<Workspace>(root)

// what pnpm sets for scripts is not meant for the commands that run in the other project
export const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(?:npm|pnpm)_(?!config_)/i.test(name))
)

/** The standard output; throws with all output when the command fails. */
export const run = (directory: string, command: string, ...args: ReadonlyArray<string>): string => {
  const result = spawnSync(command, args, { cwd: directory, encoding: "utf8", env, timeout: 120_000 })
  if (result.status === 0) return result.stdout
  const how = result.error?.message ?? `ended with ${result.signal ?? result.status}`
  throw new Error([`${command} ${args.join(" ")}: ${how}`, result.stdout, result.stderr].filter(Boolean).join("\n"))
}

export const node = (directory: string, ...args: ReadonlyArray<string>): string =>
  run(directory, process.execPath, ...args)

/** Installs what a project's package.json names. */
export const npmInstall = (project: string, ...options: ReadonlyArray<string>): string =>
  run(project, "npm", "install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", ...options)

/** The pnpm that runs this script, or else the one that the workspace names. */
const pnpm = (directory: string, ...args: ReadonlyArray<string>): string => {
  const running = process.env["npm_execpath"] ?? ""
  if (!path.basename(running).startsWith("pnpm"))
    return run(directory, "npx", "--yes", workspace.packageManager, ...args)
  return /\.[cm]?js$/.test(running) ? node(directory, running, ...args) : run(directory, running, ...args)
}

/** Where the packages are that are published. */
export const directories = ["core", "node-runtime", "browser-runtime", "cluster"].map((name) =>
  path.join(root, "packages", name)
)

export const build = (): void => {
  // tsc leaves what was built from deleted sources; examples are built with the packages
  for (const dist of fs.globSync("packages/*/dist", { cwd: root }))
    fs.rmSync(path.join(root, dist), { recursive: true })
  node(root, path.join(root, "node_modules/typescript/bin/tsc"), "-b", "tsconfig.packages.json")
}

/** Packs a package that has been built. */
export const pack = (directory: string, into: string): Packed => {
  const { filename, files } = JSON.parse(pnpm(directory, "pack", "--json", "--pack-destination", into))
  const names: ReadonlyArray<string> = files.map((file: { readonly path: string }) => file.path)
  const manifest = manifestOf(directory)
  return {
    manifest,
    tarball: path.resolve(directory, filename),
    files: names,
    entrypoints: entrypoints(manifest, names)
  }
}
