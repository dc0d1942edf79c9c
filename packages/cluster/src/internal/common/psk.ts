/**
 * TLS 1.3 with a pre-shared key: encryption, and each end knows that the other has the key.
 */
import * as Redacted from "effect/Redacted"
import { createHash, timingSafeEqual } from "node:crypto"
import type { ConnectionOptions, TlsOptions } from "node:tls"

/** How both ends are secured; `undefined` for not at all. */
export interface Security {
  readonly server: TlsOptions
  readonly client: ConnectionOptions
}

const common = { minVersion: "TLSv1.3", ciphers: "TLS_AES_128_GCM_SHA256" } as const

/** The name under which a key is offered says nothing about the key. */
const identityOf = (key: Buffer): string => createHash("sha256").update("effect-mpire\0").update(key).digest("hex")

const isSame = (left: string, right: string): boolean => {
  const [a, b] = [Buffer.from(left), Buffer.from(right)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Each end offers or accepts the key, which is hexadecimal. */
export const of = (secret: Redacted.Redacted<string>): Security => {
  const key = Buffer.from(Redacted.value(secret), "hex")
  const identity = identityOf(key)
  return {
    server: { ...common, pskCallback: (_, offered) => (isSame(offered, identity) ? key : null) },
    client: { ...common, pskCallback: () => ({ psk: key, identity }), checkServerIdentity: () => undefined }
  }
}
