/**
 * Lets the process end while a connection is being made (F5). Node's `unref` does that for a socket that is connected; until
 * then the request to connect keeps the process running, and where nobody answers that is for as long as the system tries.
 */
import type { Socket } from "node:net"
import { clearInterval, setInterval } from "../common/timers.ts"

/** How often to look whether anything else keeps the process running, in milliseconds: whoever answers does so sooner. */
const lookEvery = 1_000

/** What keeps the process running; other engines do not tell. */
const active = (): ReadonlyArray<string> =>
  "getActiveResourcesInfo" in process ? process.getActiveResourcesInfo() : []

const isRequest = (kind: string): boolean => kind.endsWith("ConnectWrap")

/** What Node lists though it keeps nothing running: the streams of the process, which may be open and not read. */
const isStream = (kind: string): boolean => kind === "PipeWrap" || kind === "TTYWrap"

/**
 * Gives `socket` up once nothing but requests of such sockets keeps the process running. Should Node not list what does, as with a
 * thread that computes, the runner is dialled again a moment later.
 */
export const letEnd = (socket: Socket): void => {
  socket.unref()
  const timer = setInterval(() => {
    // each address of a name is tried by another handle
    socket.unref()
    // a socket that is not unref'd is listed beside its request
    const kinds = active().filter((kind) => !isStream(kind))
    if (kinds.length > 0 && kinds.every(isRequest)) {
      socket.destroy(
        new Error(`There was no answer within ${lookEvery} milliseconds, and the program does nothing else`)
      )
    }
  }, lookEvery)
  timer.unref()
  socket.once("close", () => clearInterval(timer))
  socket.once("connect", () => {
    clearInterval(timer)
    socket.unref()
  })
}
