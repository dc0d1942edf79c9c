/**
 * How the two ends of a connection know each other (K11): by a key that both have, or by certificates. What `Runner` and
 * `ClusterRuntime` need of it is a `Security`: options for `node:tls`, whom to admit, and what workers must not see.
 */
import type { WorkerPoolError } from "@effect-mpire/core/WorkerPoolError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { isIP } from "node:net"
import { homedir } from "node:os"
import { join } from "node:path"
import { type ConnectionOptions, createSecureContext, type TLSSocket, type TlsOptions } from "node:tls"
import { fileURLToPath } from "node:url"
import { InvalidSecret } from "../../ClusterError.ts"
import { areTexts, invalidOption, isText } from "../common/options.ts"
import * as files from "./files.ts"
import * as key from "./key.ts"
import { type Allow, isAllowed, subjectOf } from "./names.ts"

/** Where a key is: never the key itself, which would be seen in the program's text or arguments. */
export type SecretSource =
  | { readonly file: string | URL; readonly env?: undefined }
  | { readonly env: string; readonly file?: undefined }

/** Certificates, in files in PEM. */
export interface Certificates {
  /** This end's certificate, with those of the authorities between it and the root. */
  readonly cert: string | URL
  readonly key: string | URL
  /** The authority that signs both ends' certificates. */
  readonly ca: string | URL
  /** Who may be at the other end, of all that the authority has signed. */
  readonly allow: Allow
}

const pathOf = (file: string | URL): string => (file instanceof URL ? fileURLToPath(file) : file)

/** The same with paths in the place of URLs, which cannot be cloned for another thread. */
export const withPaths = ({ insecure, secret, tls }: Options): Options => ({
  insecure,
  secret: secret?.file === undefined ? secret : { file: pathOf(secret.file) },
  tls: tls && { ...tls, cert: pathOf(tls.cert), key: pathOf(tls.key), ca: pathOf(tls.ca) }
})

/** At most one of them. Without any, a key in a file of this machine's user, which is good for this machine alone. */
export interface Options {
  readonly secret?: SecretSource | undefined
  readonly tls?: Certificates | undefined
  /** Neither encryption nor a secret, on this machine alone. */
  readonly insecure?: boolean | undefined
}

export type Security = Secured | Insecure

export interface Secured {
  readonly kind: "key" | "certificates"
  /** Whether it is good for this machine alone: the other end must be `isLoopback`. */
  readonly isLocal: boolean
  /** The options of `tls.createServer` that belong to it. They hold secrets: do not keep or print them. */
  readonly server: () => TlsOptions
  /** The options of `tls.connect` that belong to it. They hold secrets: do not keep or print them. */
  readonly client: () => ConnectionOptions
  /**
   * Whether the client of a server's connection may stay, to be asked once its handshake has ended. (Clients know whether the
   * server may by the handshake itself.)
   */
  readonly admits: (socket: TLSSocket) => boolean
  /** An environment without what is secret, for workers. */
  readonly workerEnv: (env: NodeJS.Dict<string>) => NodeJS.Dict<string>
}

export interface Insecure {
  readonly kind: "insecure"
  readonly isLocal: true
  readonly workerEnv: (env: NodeJS.Dict<string>) => NodeJS.Dict<string>
}

/** Whether a host is this machine, and only it. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."))

/** Where the key of this machine's user is. */
const userFile = (): string => join(homedir(), ".effect-mpire", "secret")

/** What both ends have in common: a suite that goes with a key as long as the hash that it is made with. */
const tls13 = { minVersion: "TLSv1.3", maxVersion: "TLSv1.3", noDelay: true } as const
const suite = { ciphers: "TLS_AES_128_GCM_SHA256" }

const byKey = (keys: files.Keys, isLocal: boolean, envName: string | undefined): Secured => {
  // a server without a certificate knows a client by its key alone; this says of each connection that it was so
  const known = new WeakSet<TLSSocket>()
  return {
    kind: "key",
    isLocal,
    server: () => ({
      ...tls13,
      ...suite,
      pskCallback: (socket, identity) => {
        const found = key.find(keys, identity)
        if (found === undefined) return null
        known.add(socket)
        return Redacted.value(found.psk)
      }
    }),
    client: () => ({
      ...tls13,
      ...suite,
      pskCallback: () => ({ psk: Redacted.value(keys[0]!.psk), identity: keys[0]!.identity }),
      // A server that has no key could show a certificate instead, and one that any authority of the Web has signed would do:
      // so no authority is trusted, and none may be shown.
      ca: [],
      // said, because a variable of the environment could have Node accept any certificate
      rejectUnauthorized: true,
      checkServerIdentity: (_, certificate) =>
        subjectOf(certificate) === undefined ? undefined : new Error("The runner has no key, but a certificate")
    }),
    admits: (socket) => known.has(socket),
    workerEnv: (env) =>
      Object.fromEntries(
        Object.entries(env).filter(
          ([name, value]) => name !== envName && (value === undefined || !key.holds(keys, value))
        )
      )
  }
}

const byCertificates = (
  parts: Readonly<Record<"cert" | "key" | "ca", Redacted.Redacted<string>>>,
  allow: Allow
): Secured => {
  const pem = () => ({
    cert: Redacted.value(parts.cert),
    key: Redacted.value(parts.key),
    ca: Redacted.value(parts.ca)
  })
  return {
    kind: "certificates",
    isLocal: false,
    server: () => ({ ...tls13, ...pem(), requestCert: true, rejectUnauthorized: true }),
    client: () => ({
      ...tls13,
      ...pem(),
      rejectUnauthorized: true,
      // runners are dialled by addresses that no certificate has, so it is `allow` that says who may be there
      checkServerIdentity: (_, certificate) =>
        isAllowed(allow, subjectOf(certificate)) ? undefined : new Error("The runner's certificate is not allowed")
    }),
    admits: (socket) => socket.authorized && isAllowed(allow, subjectOf(socket.getPeerCertificate())),
    workerEnv: (env) => ({ ...env })
  }
}

const isPlace = (value: unknown): value is string | URL => value instanceof URL || isText(value)

/** A value as an error shows it: not one that may be what is secret itself, as text, bytes or within an object. */
const shown = (value: unknown): unknown => {
  if (typeof value === "string") return "a text (not shown)"
  if (typeof value !== "object" || value === null) return value
  const isPlain = Object.getPrototypeOf(value) === Object.prototype
  const names = isPlain ? Object.keys(value) : ["it is of a class"]
  return names.every((name) => name === "file" || name === "env") ? value : "an object (not shown)"
}

/** What names a place, and not what is there. */
const secretOf = (secret: SecretSource, env: NodeJS.Dict<string>) => {
  const { env: name, file } = (typeof secret === "object" && secret !== null ? secret : {}) as {
    readonly [key in "env" | "file"]?: unknown
  }
  if (isText(name) && file === undefined)
    return Effect.map(files.fromEnv(name, env), (keys) => byKey(keys, false, name))
  if (isPlace(file) && name === undefined)
    return Effect.map(files.fromFile(file), (keys) => byKey(keys, false, undefined))
  return Effect.fail(
    invalidOption("secret", shown(secret), "{ file } or { env }, which say where it is, and not the secret")
  )
}

const tlsOf = Effect.fnUntraced(function* (
  certificates: Certificates
): Effect.fn.Return<Secured, WorkerPoolError | InvalidSecret> {
  const { allow } = certificates
  const isListed = areTexts(allow) && allow.length > 0
  if (!isListed && typeof allow !== "function") {
    const expected = "a list of names that is not empty, or a function of a certificate's subject"
    return yield* Effect.fail(invalidOption("tls.allow", allow, expected))
  }
  const read = (part: "cert" | "key" | "ca") =>
    isPlace(certificates[part])
      ? Effect.map(files.readText(certificates[part]), (text) => Redacted.make(text, { label: `tls.${part}` }))
      : Effect.fail(invalidOption(`tls.${part}`, shown(certificates[part]), "the path or URL of a file in PEM"))
  const parts = { cert: yield* read("cert"), key: yield* read("key"), ca: yield* read("ca") }
  const secured = byCertificates(parts, allow)
  // what OpenSSL cannot use, it says now, and not to the first who connects
  yield* Effect.try({
    try: () => createSecureContext(secured.client()),
    catch: (error) =>
      new InvalidSecret({
        source: "tls.cert, tls.key and tls.ca",
        problem: (error as { readonly reason?: string }).reason ?? "OpenSSL cannot read them"
      })
  })
  return secured
})

/**
 * The security that options ask for. `host` is where a runner listens; a driver, which cannot say yet where it will connect
 * to, leaves it out and asks `isLoopback` before it dials, if the security `isLocal`.
 */
export const make = Effect.fnUntraced(function* (
  { insecure, secret, tls }: Options,
  {
    env = process.env,
    file = userFile(),
    host
  }: {
    readonly host?: string | undefined
    readonly env?: NodeJS.Dict<string> | undefined
    readonly file?: string | undefined
  } = {}
): Effect.fn.Return<Security, WorkerPoolError | InvalidSecret> {
  if (insecure !== undefined && typeof insecure !== "boolean")
    return yield* Effect.fail(invalidOption("insecure", insecure, "a boolean"))
  const given = [secret !== undefined, tls !== undefined, insecure === true].filter(Boolean).length
  if (given > 1) {
    const expected = "left out, because only one of `secret`, `tls` and `insecure` is of use"
    return yield* Effect.fail(
      insecure === true
        ? invalidOption("insecure", true, expected)
        : invalidOption("tls", "{ cert, key, ca, allow }", expected)
    )
  }
  if (secret !== undefined) return yield* secretOf(secret, env)
  if (tls !== undefined) return yield* tlsOf(tls)
  if (host !== undefined && !isLoopback(host)) {
    const expected = `given (\`secret\` or \`tls\`), because ${host} can be reached from other machines`
    return yield* Effect.fail(
      insecure === true
        ? invalidOption("insecure", true, `left out, and \`secret\` or \`tls\` ${expected}`)
        : invalidOption("secret", undefined, expected)
    )
  }
  return insecure === true
    ? { kind: "insecure", isLocal: true, workerEnv: (env) => ({ ...env }) }
    : byKey(yield* files.ofUser(file), true, undefined)
})
