/**
 * What workers use, as their platform tells without asking them: a thread that computes does not read its messages (O1).
 */
import type { Usage } from "@effect-mpire/core/Channel"
import * as Effect from "effect/Effect"
import { readFile } from "node:fs/promises"
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
  return orUndefined(async () => {
    const [heap, cpu] = await Promise.all([told.getHeapStatistics?.(), told.cpuUsage?.()])
    return {
      memory: heap?.used_heap_size,
      cpu: cpu && (cpu.user + cpu.system) / 1000,
      active: thread.performance.eventLoopUtilization().active
    }
  })
}

/** What a process uses, on Linux; elsewhere nobody tells. */
export const ofProcess = (pid: number | undefined): Effect.Effect<Usage | undefined> | undefined =>
  pid === undefined || process.platform !== "linux" ? undefined : orUndefined(() => read(`/proc/${pid}`))

/** The length of a clock tick in /proc, in milliseconds: Linux tells programs of a hundred a second, whatever it has. */
const tick = 10

const nanos = 1_000_000

const read = async (folder: string): Promise<Usage> => {
  const [status, stat, schedule] = await Promise.all([
    readFile(`${folder}/status`, "utf8"),
    readFile(`${folder}/stat`, "utf8"),
    // not in every kernel
    readFile(`${folder}/schedstat`, "utf8").catch(() => undefined)
  ])
  const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]
  // the name of the program, in brackets, may have spaces and brackets in it
  const [, , , , , , , , , , , user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const [ran, waited] = schedule?.trim().split(" ") ?? []
  return {
    memory: kilobytes === undefined ? undefined : Number(kilobytes) * 1024,
    cpu: (Number(user) + Number(system)) * tick,
    // of its main thread, which runs the items
    active: waited === undefined ? undefined : (Number(ran) + Number(waited)) / nanos
  }
}

const orUndefined = (ask: () => Promise<Usage>): Effect.Effect<Usage | undefined> =>
  Effect.promise(() => ask().catch(() => undefined))
