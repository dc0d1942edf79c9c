/**
 * The processes that a run has started, at whatever remove: known by a mark in the environment that they began with, which each
 * process inherits from the one that starts it. Workers are started without the key, and with the mark.
 */
import { readdirSync, readFileSync } from "node:fs"

/** The variable that has the mark. */
const variable = "EFFECT_MPIRE_CHAOS_MARK"

/** Has all processes that this one starts from now on inherit the mark. */
export const mark = (text: string): void => {
  process.env[variable] = text
}

/** The ids of processes that have it and run still: one that has ended, and that nobody has asked how, has no environment. */
export const startedWith = (text: string): ReadonlyArray<number> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && environmentOf(pid).includes(`${variable}=${text}`))

/** As it was when the process began. */
const environmentOf = (pid: number): ReadonlyArray<string> => {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0")
  } catch {
    // it has ended meanwhile, or is another user's
    return []
  }
}

/** What a process runs, for a report. */
export const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ").trim()
  } catch {
    return "ended meanwhile"
  }
}
