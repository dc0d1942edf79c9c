/**
 * Where a runner listens: a host and a port, and how people write them.
 */
import { isIP, isIPv4 } from "node:net"

/** A host, an IPv6 address without brackets, and a port. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** What can be written for one, as messages say it. */
export const written = `"host:port", with an IPv6 address in brackets and a port from 1 to 65535`

/** Whether it is a name that DNS may know, or an IP address: an IPv6 one without brackets. */
export const isHost = (host: unknown): host is string => {
  if (typeof host !== "string" || host.length > 253) return false
  if (isIP(host) !== 0) return true
  const isName = host.split(".").every((label, n, labels) => {
    // a dot at the end says that nothing is to be added to the name
    if (label === "") return n > 0 && n === labels.length - 1
    return /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label)
  })
  // what ends in a number is an address, or else a slip of the pen: no top-level domain is a number
  return isName && (!/(?:^|\.)\d+\.?$/.test(host) || isIPv4(host))
}

export const isPort = (port: unknown): port is number =>
  Number.isInteger(port) && (port as number) >= 1 && (port as number) <= 65_535

/** Reads an address; `undefined` when the text is none. `::1:7433` is none: nobody can tell where its port begins. */
export const parse = (text: string): Address | undefined => {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  const port = Number(digits)
  if (!isHost(host) || !isPort(port)) return undefined
  // brackets are for IPv6 alone
  return bracketed === undefined || isIP(bracketed) === 6 ? { host, port } : undefined
}

/** Reads where to listen: any free port is 0. */
export const listenAt = (listen: unknown): Address | undefined => {
  if (typeof listen !== "string") return undefined
  if (!listen.endsWith(":0")) return parse(listen)
  const parsed = parse(listen.replace(/:0$/, ":1"))
  return parsed === undefined ? undefined : { host: parsed.host, port: 0 }
}

/** The text of an address, as `parse` reads it. */
export const format = ({ host, port }: Address): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`
