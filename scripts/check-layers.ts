/**
 * Checks that imports in packages/core/src lead down the storeys of the diagram in internal/README.md, types included. A
 * room is a folder of `internal`, or a file outside of those folders; rooms on one storey do not know each other.
 */
import * as fs from "node:fs"
import * as path from "node:path"

/** From the top down. */
const storeys: ReadonlyArray<ReadonlyArray<string>> = [
  ["index.ts"],
  ["testing"],
  ["FiberPool.ts", "WorkerEntry.ts"],
  ["internal/fiberPool.ts", "WorkerPool.ts"],
  ["internal/workerPool.ts"],
  ["internal/pool"],
  ["internal/runs"],
  ["internal/dispatcher"],
  ["internal/slot"],
  ["internal/call"],
  ["internal/fibers", "internal/remote", "internal/served"],
  ["internal/wire"],
  ["WorkerRuntime.ts"],
  ["Portable.ts", "internal/common"],
  ["internal/task"],
  ["Channel.ts", "WorkerContext.ts", "WorkerPoolError.ts"]
]

/** The two imports that lead up: with the port come the layers that this package puts behind it. */
const ties: ReadonlySet<string> = new Set([
  "WorkerRuntime.ts -> internal/fibers/fiberWorker.ts", // layerFibers
  "WorkerRuntime.ts -> internal/remote/remoteWorker.ts" // layerChannel
])

const storeyOf = (room: string): number => storeys.findIndex((rooms) => rooms.includes(room))

const roomOf = (file: string): string =>
  storeys.flat().find((room) => file === room || file.startsWith(`${room}/`)) ?? file

const imported = /(?:\bfrom|\bimport)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g

/** What is wrong in the sources below `src`, in sentences. */
export const check = (src: string): ReadonlyArray<string> => {
  const problems: Array<string> = []
  for (const file of fs
    .globSync("**/*.ts", { cwd: src })
    .map((file) => file.replaceAll("\\", "/"))
    .toSorted()) {
    const from = roomOf(file)
    if (storeyOf(from) < 0) problems.push(`${file} is on no storey: give it a room in scripts/check-layers.ts`)
    for (const [, specifier] of fs.readFileSync(path.join(src, file), "utf8").matchAll(imported)) {
      const target = path.posix.join(path.posix.dirname(file), specifier!)
      const to = roomOf(target)
      if (from === to || ties.has(`${file} -> ${target}`)) continue
      if (storeyOf(to) <= storeyOf(from)) problems.push(`${file} must not import ${target}, which is not below it`)
    }
  }
  return problems
}

if (import.meta.main) {
  const problems = check(path.join(import.meta.dirname, "../packages/core/src"))
  for (const problem of problems) console.error(problem)
  console.log(`${storeys.length} storeys, ${problems.length} problems`)
  process.exitCode = problems.length === 0 ? 0 : 1
}
