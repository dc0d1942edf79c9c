/** Where and with what was measured. */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

export interface Environment {
  readonly node: string
  readonly platform: string
  readonly cpu: string
  readonly cpus: number
  readonly memoryGigabytes: number
  /** The one minute's load before the first case: what others did on the machine. */
  readonly loadBefore: number
  /** Of the library and of everything it is compared with, by package. */
  readonly versions: Readonly<Record<string, string>>
  /** Of this repository; undefined where it is no git clone. */
  readonly commit?: string | undefined
  readonly uncommittedChanges?: boolean | undefined
}

interface Manifest {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
}

const manifestIn = (directory: string): Manifest =>
  JSON.parse(fs.readFileSync(path.join(directory, "package.json"), "utf8"))

const git = (directory: string, ...args: ReadonlyArray<string>): string | undefined => {
  try {
    return execFileSync("git", [...args], { cwd: directory, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
  } catch {
    return undefined
  }
}

/** `directory` is that of this package. */
export const describeEnvironment = (directory: string): Environment => {
  const names = Object.keys(manifestIn(directory).dependencies)
  const status = git(directory, "status", "--porcelain")
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: os.cpus()[0]?.model ?? "unknown",
    cpus: os.availableParallelism(),
    memoryGigabytes: Math.round(os.totalmem() / 2 ** 30),
    loadBefore: os.loadavg()[0]!,
    versions: Object.fromEntries(
      names.map((name) => [name, manifestIn(path.join(directory, "node_modules", name)).version])
    ),
    commit: git(directory, "rev-parse", "HEAD")?.trim(),
    uncommittedChanges: status === undefined ? undefined : status.trim() !== ""
  }
}
