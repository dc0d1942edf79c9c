/**
 * What this process holds.
 */
import { readdirSync, readFileSync } from "node:fs"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

export interface Resources {
  readonly threads: number
  readonly children: number
  readonly files: number
  /** What keeps the process running, by kind. */
  readonly active: { readonly [kind: string]: number }
  /** Listeners on `process`. */
  readonly listeners: number
  /** In megabytes, after a collection. */
  readonly rss: number
  readonly heap: number
}

let collect: (() => void) | undefined = undefined

/** Collects garbage, at once and completely. */
export const gc = (): void => {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc")
    collect = runInNewContext("gc") as () => void
  }
  collect()
}

export const resources = (): Resources => {
  gc()
  const { heapUsed, rss } = process.memoryUsage()
  return {
    threads: list("/proc/self/task").length,
    children: list("/proc/self/task").reduce((sum, task) => sum + children(task), 0),
    files: list("/proc/self/fd").length,
    active: counted(process.getActiveResourcesInfo()),
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    rss: Math.round(rss / 2 ** 20),
    heap: Math.round((heapUsed / 2 ** 20) * 10) / 10
  }
}

/** What is there now that was not there before, in words; RSS and heap apart, which have bounds. */
export const surplus = (before: Resources, after: Resources): ReadonlyArray<string> => {
  const problems: Array<string> = []
  for (const what of ["threads", "children", "files", "listeners"] as const) {
    if (after[what] > before[what]) problems.push(`${after[what]} ${what}, ${before[what]} before`)
  }
  for (const [kind, count] of Object.entries(after.active)) {
    const earlier = before.active[kind] ?? 0
    if (count > earlier) problems.push(`${count} active ${kind}, ${earlier} before`)
  }
  return problems
}

const list = (path: string): ReadonlyArray<string> => {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

const children = (task: string): number => {
  try {
    return readFileSync(`/proc/self/task/${task}/children`, "utf8").split(" ").filter(Boolean).length
  } catch {
    return 0
  }
}

const counted = (kinds: ReadonlyArray<string>): { readonly [kind: string]: number } => {
  const counts: { [kind: string]: number } = {}
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}
