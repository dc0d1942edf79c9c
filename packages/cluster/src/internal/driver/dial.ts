/**
 * Makes connections to runners: the handshake, the greeting and its answer, within five seconds together.
 */
import * as Effect from "effect/Effect"
import { connect as connectNet, type Socket } from "node:net"
import { connect as connectTls } from "node:tls"
import { GreetingFailed } from "../../ClusterError.ts"
import { clearTimeout, now, setTimeout } from "../common/timers.ts"
import { kinds, ProtocolError } from "../frames/frame.ts"
import { Link } from "../link/link.ts"
import * as words from "../link/words.ts"
import { type Address, format } from "../members/address.ts"
import { isLoopback, type Security } from "../secret/security.ts"
import { letEnd } from "./letEnd.ts"

/** How long the handshake and the greeting may take together, in milliseconds. */
const greetingTime = 5_000

const readAnswer = words.reader(words.Answer)

/** A connection whose greeting has been answered. */
export interface Dialled {
  readonly link: Link
  readonly answer: words.Answer
  /** How long it took from the greeting to its answer, in milliseconds. */
  readonly roundTrip: number
}

const connect = ({ host, port }: Address, security: Security): Socket => {
  if (security.isLocal && !isLoopback(host)) {
    throw new Error("It is on another machine, which takes a `secret` or `tls`")
  }
  return security.kind === "insecure"
    ? connectNet({ host, port, noDelay: true })
    : connectTls({ host, port, ...security.client() })
}

/**
 * What arrives after the answer waits until the link is given another receiver, in the same turn. `keepsRunning` is whether it
 * keeps the process running meanwhile, and the connection afterwards.
 */
export const dial = (
  address: Address,
  security: Security,
  hello: words.Hello,
  keepsRunning = true
): Effect.Effect<Dialled, GreetingFailed> =>
  Effect.callback((resume) => {
    const fail = (cause: unknown) => Effect.fail(new GreetingFailed({ runner: format(address), cause }))
    let link: Link | undefined
    let socket: Socket
    try {
      socket = connect(address, security)
    } catch (cause) {
      return resume(fail(cause))
    }
    const timer = setTimeout(
      () => socket.destroy(new Error(`There was no answer within ${greetingTime} milliseconds`)),
      greetingTime
    )
    if (!keepsRunning) {
      timer.unref()
      letEnd(socket)
    }
    // before it is connected there is no link that hears of errors
    let error: Error | undefined
    socket.on("error", (cause) => {
      error ??= cause
    })
    socket.once("close", () => {
      clearTimeout(timer)
      resume(fail(error ?? new Error("The connection was closed before the greeting was answered")))
    })
    socket.once(security.kind === "insecure" ? "connect" : "secureConnect", () => {
      const sentAt = now()
      const made = new Link(socket)
      link = made
      made.say(hello)
      made.receive((kind, bytes) => {
        if (kind !== kinds.word) throw new ProtocolError("A runner did not begin with its answer to the greeting")
        const answer = readAnswer(bytes)
        clearTimeout(timer)
        made.pause()
        resume(Effect.succeed({ link: made, answer, roundTrip: now() - sentAt }))
      })
    })
    return Effect.sync(() => {
      clearTimeout(timer)
      if (link === undefined) socket.destroy()
      else link.destroy()
    })
  })
