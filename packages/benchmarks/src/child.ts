/** Runs a case in a process of its own, which tells what it does by messages. */
import { fork } from "node:child_process"
import type { Progress } from "./results.ts"

export interface Told {
  readonly progress: ReadonlyArray<Progress>
  /** What ended the process before its time, and where it was. */
  readonly failed: string | undefined
}

const where = (progress: ReadonlyArray<Progress>): string => {
  const last = progress.findLast(({ _tag }) => _tag === "Began")
  return last === undefined ? "before its first contender" : `at ${last.contender} (${last.measurement})`
}

/** `seconds` is the time after which the process is killed. */
export const runInProcess = (entry: URL, settings: object, seconds: number): Promise<Told> =>
  new Promise((resolve) => {
    const progress: Array<Progress> = []
    let ended = false
    let overdue = false
    const child = fork(entry, [JSON.stringify(settings)])
    const timer = setTimeout(() => {
      overdue = true
      child.kill("SIGKILL")
    }, seconds * 1000)
    child.on("message", (message: Progress | "ended") => {
      if (message === "ended") ended = true
      else progress.push(message)
    })
    const settle = (how: string): void => {
      clearTimeout(timer)
      resolve({ progress, failed: ended ? undefined : `${how}, ${where(progress)}` })
    }
    child.on("error", (error) => settle(error.message))
    // not "exit", after which messages may still come
    child.on("close", (code, signal) =>
      settle(overdue ? `it took longer than ${seconds} s` : `its process ended with ${signal ?? code}`)
    )
  })
