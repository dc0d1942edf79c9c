/**
 * Ends this process when the one that started it has died, however busy this one is: a thread waits for the end of a
 * pipe that only the other process holds open.
 */
import { Worker } from "node:worker_threads"
import { lifelineFd } from "./descriptors.ts"

/** How long the process may take to end by itself, with its exit handlers, in milliseconds. */
const grace = 500

const code = `
const { connect, Socket } = require("node:net")
const socket = process.versions.bun ? connect({ fd: ${lifelineFd} }) : new Socket({ fd: ${lifelineFd}, writable: false })
socket
  .on("error", () => {})
  .on("close", () => setTimeout(() => process.kill(process.pid, "SIGKILL"), ${grace}))
  .resume()
`

/** Starts the thread, which does not keep this process running (F5). */
export const watchLifeline = (): void => {
  try {
    // without this process's options and environment, which could have the thread load more than its code
    const watcher = new Worker(code, { eval: true, execArgv: [], env: {}, name: "effect-mpire lifeline" })
    watcher.on("error", () => {})
    watcher.unref()
  } catch {
    // where threads are forbidden, an idle process still ends when its IPC channel is disconnected
  }
}
