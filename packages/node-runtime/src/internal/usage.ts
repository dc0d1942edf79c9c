/**
 * What workers use, as their platform tells without asking them: a thread that computes does not read its messages (O1).
 */
import type { Usage } from "@effect-mpire/core/Channel"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import type { Worker } from "node:worker_threads"

/** What a newer Node knows of a thread; it answers while the thread computes. */
interface Told {
  readonly getHeapStatistics?: () => Promise<{ readonly used_heap_size: number }>
  /** In microseconds. */
  readonly cpuUsage?: () => Promise<{ readonly user: number; readonly system: number }>
}

/** What a thread uses; a thread that has ended uses nothing that is known. */
export const ofThread = (thread: Worker): Effect.Effect<Usage | undefined> => {
  const told: Told = thread
  const ask = async (): Promise<Usage> => {
    const [heap, cpu] = await Promise.all([told.getHeapStatistics?.(), told.cpuUsage?.()])
    return {
      memory: heap?.used_heap_size,
      cpu: cpu && (cpu.user + cpu.system) / 1000,
      active: thread.performance.eventLoopUtilization().active
    }
  }
  return Effect.promise(() => ask().catch(() => undefined))
}

/** What a process uses, on Linux; elsewhere nobody tells. */
export const ofProcess = (pid: number | undefined): Effect.Effect<Usage | undefined> | undefined =>
  pid === undefined || process.platform !== "linux" ? undefined : Effect.sync(() => read(`/proc/${pid}`))

/** The length of a clock tick in /proc, in milliseconds: Linux tells programs of a hundred a second, whatever it has. */
const tick = 10

const nanos = 1_000_000

// read at once, because what is in /proc is in memory: to wait for it would start the four threads of Node's pool for files
const read = (folder: string): Usage | undefined => {
  const status = text(`${folder}/status`)
  const stat = text(`${folder}/stat`)
  if (status === undefined || stat === undefined) return undefined
  // not in every kernel
  const [ran, waited] = text(`${folder}/schedstat`)?.trim().split(" ") ?? []
  const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]
  // the name of the program, in brackets, may have spaces and brackets in it
  const [, , , , , , , , , , , user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return {
    memory: kilobytes === undefined ? undefined : Number(kilobytes) * 1024,
    cpu: (Number(user) + Number(system)) * tick,
    // of its main thread, which runs the items
    active: waited === undefined ? undefined : (Number(ran) + Number(waited)) / nanos
  }
}

/** A file's text; `undefined` where it cannot be read, as when the process has ended. */
const text = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}
