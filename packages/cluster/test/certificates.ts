/**
 * Makes certificates for tests: X.509 as far as it takes, so that no program need be installed.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto"

const der = (tag: number, ...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const body = Buffer.concat(parts)
  const { length } = body
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), body])
}

const sequence = (...parts: ReadonlyArray<Uint8Array>) => der(0x30, ...parts)
const set = (...parts: ReadonlyArray<Uint8Array>) => der(0x31, ...parts)
const oid = (hex: string) => der(0x06, Buffer.from(hex, "hex"))
const integer = (bytes: Uint8Array) => der(0x02, bytes)
const text = (value: string) => der(0x0c, Buffer.from(value))
const time = (date: Date) => der(0x18, Buffer.from(date.toISOString().replaceAll(/[-:T]|\.\d+/g, "")))

const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"))
const nameOf = (common: string) => sequence(set(sequence(oid("550403"), text(common))))

const extension = (id: string, value: Uint8Array, critical: boolean) =>
  sequence(oid(id), ...(critical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value))

export interface Issued {
  readonly name: string
  readonly privateKey: KeyObject
  /** In PEM. */
  readonly cert: string
  /** In PEM. */
  readonly key: string
}

/** Issues a certificate, or one that signs itself if no authority is given. */
export const issue = (
  name: string,
  options: {
    readonly by?: Issued
    /** DNS names, URIs with `://`. */
    readonly names?: ReadonlyArray<string>
    readonly expired?: boolean
  } = {}
): Issued => {
  const { by, expired = false, names = [] } = options
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const day = 86_400_000
  const now = Date.now()
  const extensions = [
    extension("551d13", sequence(...(by === undefined ? [der(0x01, Buffer.from([0xff]))] : [])), true),
    ...(names.length === 0
      ? []
      : [
          extension(
            "551d11",
            sequence(...names.map((name) => der(name.includes("://") ? 0x86 : 0x82, Buffer.from(name)))),
            false
          )
        ])
  ]
  const unsigned = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    nameOf(by?.name ?? name),
    sequence(time(new Date(now - 2 * day)), time(new Date(now + (expired ? -day : day)))),
    nameOf(name),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions))
  )
  const signature = sign("sha256", unsigned, by?.privateKey ?? privateKey)
  const cert = sequence(unsigned, ecdsaWithSha256, der(0x03, Buffer.from([0]), signature))
  const lines = cert.toString("base64").replaceAll(/.{64}/g, "$&\n")
  return {
    name,
    privateKey,
    cert: `-----BEGIN CERTIFICATE-----\n${lines.trimEnd()}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString()
  }
}
