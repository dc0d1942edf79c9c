/**
 * A project outside this workspace, as a user has it: the packages and every bundler installed by npm.
 */
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { build, directories, env, npmInstall, pack, root, workspace } from "../tarballs.ts"

/** What only the bundled projects use, so that nobody installs it with the workspace. */
const tools = {
  "@rollup/plugin-node-resolve": "16.0.3",
  "@sparticuz/chromium": "153.0.0",
  "@types/node": "24.19.2",
  bun: "1.4.5",
  esbuild: "0.28.2",
  "esbuild-loader": "4.5.0",
  "playwright-core": "1.65.1",
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

export const fixtures = path.join(root, "scripts/fixtures/bundlers")

/** Installs the packages, as they are packed, and the tools in a new folder within `temp`. */
export const install = (temp: string): string => {
  build()
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

/** What a program prints; an error with all that it printed where it fails. */
export const output = (directory: string, program: string, ...args: ReadonlyArray<string>): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(program, args, { cwd: directory, env, timeout: 120_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error([error.message, stdout, stderr].filter(Boolean).join("\n")))
    })
  })

/** Where a tool's program is found that is named otherwise than its package. */
const packages: Readonly<Record<string, string>> = { tsc: "typescript", webpack: "webpack-cli" }

const programOf = (project: string, tool: string): string => {
  const directory = path.join(project, "node_modules", packages[tool] ?? tool)
  const { bin } = JSON.parse(fs.readFileSync(path.join(directory, "package.json"), "utf8")) as {
    readonly bin: string | Readonly<Record<string, string>>
  }
  return path.join(directory, typeof bin === "string" ? bin : (bin[tool] ?? Object.values(bin)[0]!))
}

/** The words of a command line, without their quotes. */
const words = (command: string): ReadonlyArray<string> =>
  [...command.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word)

/** Runs what a user types, in a directory of the project. */
export const runTool = (project: string, directory: string, command: string): Promise<string> => {
  const [tool, ...args] = words(command)
  if (tool !== "bun") return output(directory, process.execPath, programOf(project, tool!), ...args)
  // its package has the program for this machine in a package of its own
  return output(
    directory,
    path.join(project, fs.globSync("node_modules/@oven/bun-*/bin/bun", { cwd: project })[0]!),
    ...args
  )
}
