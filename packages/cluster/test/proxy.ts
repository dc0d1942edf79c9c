import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { connect, createServer, type Server, type Socket } from "node:net"

/** What a proxy loses silently: what drivers send, what the runner sends, or both. Connections stay open. */
export type Dropped = "up" | "down" | "both"

/** Stands between drivers and a runner. */
export interface Proxy {
  readonly address: string
  readonly drop: (dropped: Dropped) => void
  /** Delays what passes from now on, each way, by so many milliseconds. */
  readonly delay: (millis: number) => void
  /** How many bytes drivers have sent. */
  readonly sent: () => number
}

/** Listens for drivers, and connects each of them to the runner at `port`; the Scope ends it. */
export const startProxy = (port: number): Effect.Effect<Proxy, never, Scope.Scope> => {
  let dropped: Dropped | undefined
  let millis = 0
  let sent = 0
  const sockets = new Set<Socket>()
  const forward = (from: Socket, to: Socket, way: Dropped) => {
    sockets.add(from)
    const isDropped = () => dropped === way || dropped === "both"
    const later = (act: () => void) => (millis === 0 ? act() : void setTimeout(act, millis))
    from.setNoDelay(true)
    from.on("error", () => {})
    from.on("data", (bytes) => {
      if (way === "up") sent += bytes.length
      if (!isDropped()) later(() => to.write(bytes))
    })
    // that a connection has ended is lost as well
    from.once("close", () => {
      sockets.delete(from)
      if (!isDropped()) later(() => to.destroy())
    })
  }
  const listen = Effect.callback<Server>((resume) => {
    const server = createServer((driver) => {
      const runner = connect({ host: "127.0.0.1", port })
      forward(driver, runner, "up")
      forward(runner, driver, "down")
    })
    server.listen({ host: "127.0.0.1", port: 0 }, () => resume(Effect.succeed(server)))
  })
  return Effect.acquireRelease(listen, (server) =>
    Effect.callback<void>((resume) => {
      server.close(() => resume(Effect.void))
      for (const socket of sockets) socket.destroy()
    })
  ).pipe(
    Effect.map((server) => {
      const address = server.address() as { readonly port: number }
      return {
        address: `127.0.0.1:${address.port}`,
        drop: (what) => {
          dropped = what
        },
        delay: (time) => {
          millis = time
        },
        sent: () => sent
      }
    })
  )
}
