/**
 * Listens for drivers. Whoever connects has five seconds for the handshake and the greeting together; those who say nothing
 * cannot keep others out, nor this end from closing.
 */
import { createServer, type Server, type Socket } from "node:net"
import { createServer as createTlsServer, type TLSSocket } from "node:tls"
import { clearTimeout, setTimeout } from "../common/timers.ts"
import { kinds, ProtocolError } from "../frames/frame.ts"
import { Link } from "../link/link.ts"
import * as words from "../link/words.ts"
import type { Security } from "../secret/security.ts"

/** How long the handshake and the greeting may take together, in milliseconds. */
const greetingTime = 5_000

/** How many connections there may be that have not greeted yet: whoever knows the key may have as many as it needs. */
const mostStrangers = 64

const readHello = words.reader(words.Hello)

/** What has connected and has not greeted yet. */
interface Stranger {
  readonly raw: Socket
  readonly greeted: () => void
}

export class RunnerServer {
  private readonly server: Server
  /** All sockets, as they were accepted: with TLS, a finished handshake makes another one of each. */
  private readonly sockets = new Set<Socket>()
  /** In the order in which they came. */
  private readonly strangers = new Map<string, Stranger>()
  private readonly onHello: (link: Link, hello: words.Hello) => void

  constructor(security: Security, onHello: (link: Link, hello: words.Hello) => void) {
    this.onHello = onHello
    const options = { noDelay: true, pauseOnConnect: false } as const
    this.server =
      security.kind === "insecure"
        ? createServer(options, (socket) => this.secured(socket))
        : createTlsServer({ ...options, ...security.server(), handshakeTimeout: greetingTime }, (socket) => {
            if (security.admits(socket)) this.secured(socket)
            else socket.destroy()
          })
    this.server.on("connection", (socket: Socket) => this.accept(socket))
    // a handshake that fails is the other end's affair
    this.server.on("tlsClientError", (_, socket: TLSSocket) => socket.destroy())
  }

  listen(host: string, port: number): Promise<number> {
    const { server } = this
    return new Promise((resolve, reject) => {
      server.once("error", reject)
      server.listen({ host, port }, () => {
        server.off("error", reject)
        server.on("error", () => {})
        const address = server.address()
        resolve(typeof address === "object" && address !== null ? address.port : port)
      })
    })
  }

  /** Destroys all connections, those without a finished handshake too. */
  close(): Promise<void> {
    const { server, sockets } = this
    return new Promise((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  }

  private accept(raw: Socket): void {
    this.sockets.add(raw)
    raw.on("error", () => {})
    const key = keyOf(raw)
    const timer = setTimeout(() => raw.destroy(), greetingTime)
    const greeted = () => {
      clearTimeout(timer)
      this.strangers.delete(key)
    }
    raw.once("close", () => {
      greeted()
      this.sockets.delete(raw)
    })
    this.strangers.set(key, { raw, greeted })
    if (this.strangers.size > mostStrangers) this.strangers.values().next().value?.raw.destroy()
  }

  /** The handshake is done, if there has to be one: the greeting comes next. */
  private secured(socket: Socket): void {
    const link = new Link(socket)
    link.receive((kind, bytes) => {
      if (kind !== kinds.word) throw new ProtocolError("A connection did not begin with a greeting")
      const hello = readHello(bytes)
      this.strangers.get(keyOf(socket))?.greeted()
      this.onHello(link, hello)
    })
  }
}

/** Both sockets of a TLS connection have it. */
const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`
