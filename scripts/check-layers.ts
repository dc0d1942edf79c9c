/**
 * Checks that imports in packages/core/src lead down the storeys of the diagram in internal/README.md, types included, and those
 * in packages/cluster/src down its own. A room is a folder of `internal`, or a file outside of those folders; rooms on one storey
 * do not know each other. Checks also that no package reaches into another one by a relative path.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { lex } from "./lexer.ts"

/** What the engine is made of, from the top down. */
const storeys: ReadonlyArray<ReadonlyArray<string>> = [
  ["index.ts"],
  ["testing"],
  ["FiberPool.ts", "Insights.ts", "PoolEvent.ts", "Progress.ts", "WorkerEntry.ts"],
  ["internal/fiberPool.ts", "WorkerPool.ts"],
  ["internal/workerPool.ts"],
  ["internal/pool"],
  ["internal/runs"],
  ["internal/dispatcher"],
  ["internal/slot"],
  ["internal/call"],
  ["internal/events", "internal/progress"],
  ["internal/insights"],
  ["internal/fibers", "internal/remote", "internal/served"],
  ["internal/wire"],
  ["WorkerRuntime.ts"],
  ["Portable.ts", "internal/common"],
  ["internal/task"],
  ["Channel.ts", "WorkerContext.ts", "WorkerPoolError.ts"]
]

/** The two imports that lead up: with the port come the layers that this package puts behind it. */
const ties: ReadonlyArray<string> = [
  "WorkerRuntime.ts -> internal/fibers/fiberWorker.ts", // layerFibers
  "WorkerRuntime.ts -> internal/remote/remoteWorker.ts" // layerChannel
]

/** What a cluster is made of: a driver and a runner know the same words, and nothing of each other. */
export const clusterStoreys: ReadonlyArray<ReadonlyArray<string>> = [
  ["index.ts"],
  ["internal/program"],
  ["ClusterRuntime.ts", "Runner.ts"],
  ["internal/driver", "internal/runner"],
  ["internal/link", "internal/members", "internal/modules", "internal/secret", "internal/sharing"],
  ["internal/frames", "Members.ts"],
  ["ClusterError.ts"],
  ["internal/common"]
]

/** Options and results are described where users read of them; and with the port come the ways that this package has. */
export const clusterTies: ReadonlyArray<string> = [
  "internal/driver/options.ts -> ClusterRuntime.ts", // Options
  "internal/driver/probe.ts -> Runner.ts", // RemoteStatus
  "internal/runner/options.ts -> Runner.ts", // Options, Target
  "Members.ts -> internal/members/dns.ts", // fromDns
  "Members.ts -> internal/members/list.ts", // fromList
  "Members.ts -> internal/members/members.ts", // make
  "Members.ts -> internal/members/runnerStorage.ts" // fromRunnerStorage, register
]

const sources = (folder: string, pattern: string): ReadonlyArray<string> =>
  fs
    .globSync(pattern, { cwd: folder })
    .map((file) => file.replaceAll("\\", "/"))
    .toSorted()

/** The files that a source imports by relative paths, whether values or types. All paths are relative to `folder`. */
const imports = (folder: string, file: string): ReadonlyArray<string> =>
  lex(fs.readFileSync(path.join(folder, file), "utf8"))
    .literals.filter(({ before, text }) => text.startsWith(".") && /\b(?:from|import\s*\(?)\s*$/.test(before))
    .map(({ text }) => path.posix.join(path.posix.dirname(file), text))

/** What is wrong in the sources below `src`, in sentences. */
export const check = (src: string, rooms = storeys, exempt = ties): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const unused = new Set(exempt)
  const roomOf = (file: string) => rooms.flat().find((room) => file === room || file.startsWith(`${room}/`))
  const storeyOf = (room: string) => rooms.findIndex((storey) => storey.includes(room))
  for (const file of sources(src, "**/*.ts")) {
    const from = roomOf(file)
    if (from === undefined) problems.push(`${file} is on no storey: give it a room in scripts/check-layers.ts`)
    else {
      for (const target of imports(src, file)) {
        const to = roomOf(target)
        if (to === undefined || to === from || storeyOf(to) > storeyOf(from)) continue
        const tie = `${file} -> ${target}`
        unused.delete(tie)
        if (!exempt.includes(tie)) problems.push(`${file} must not import ${target}, which is not below it`)
      }
    }
  }
  for (const tie of unused) problems.push(`the tie ${tie} is not used any more: remove it from scripts/check-layers.ts`)
  return problems
}

/** Which published sources of the packages below `packages` import files of other packages, in sentences. */
export const checkPackages = (packages: string): ReadonlyArray<string> =>
  sources(packages, "*/src/**/*.ts").flatMap((file) =>
    imports(packages, file)
      .filter((target) => target.split("/")[0] !== file.split("/")[0])
      .map((target) => `${file} must not import ${target}, which belongs to another package: import it by name`)
  )

if (import.meta.main) {
  const packages = path.join(import.meta.dirname, "../packages")
  const problems = [
    ...check(path.join(packages, "core/src")),
    ...check(path.join(packages, "cluster/src"), clusterStoreys, clusterTies).map((problem) => `cluster: ${problem}`),
    ...checkPackages(packages)
  ]
  for (const problem of problems) console.error(problem)
  console.log(`${storeys.length} storeys, ${clusterStoreys.length} of the cluster, ${problems.length} problems`)
  process.exitCode = problems.length === 0 ? 0 : 1
}
