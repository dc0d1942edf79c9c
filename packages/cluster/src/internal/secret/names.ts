/**
 * Whose a certificate is, and who is admitted by it (K11): the names that an authority has signed.
 */
import type { PeerCertificate } from "node:tls"

/**
 * Whom a certificate was issued to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subject {
  /** All names that the certificate has: the subject's CN, and its alternative names (DNS, IP, URI and e-mail). */
  readonly names: ReadonlyArray<string>
  /** The sha256 of the certificate, in hex with colons, as `openssl x509 -fingerprint -sha256` prints it. */
  readonly fingerprint256: string
}

/** Who may be at the other end of a connection: those with one of these names, or whom a function admits. */
export type Allow = ReadonlyArray<string> | ((subject: Subject) => boolean)

/**
 * The alternative names, as Node writes them: `DNS:a, IP Address:1.2.3.4, URI:"spiffe://a, b"`. Whatever could be taken for a
 * separator stands in quotes, so that no name can pose as two.
 */
export const alternativeNames = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/(?:^|, )(?:DNS|IP Address|URI|email):(?:"((?:[^"\\]|\\.)*)"|([^,"]*))(?=, |$)/g)].map(
    ([, quoted, plain]) => (quoted === undefined ? plain! : (JSON.parse(`"${quoted}"`) as string))
  )

/** Whom a certificate was issued to; `undefined` when there is none. */
export const subjectOf = (certificate: PeerCertificate | null | undefined): Subject | undefined => {
  // Node has an empty object where there is no certificate
  if (!certificate || typeof certificate.fingerprint256 !== "string") return undefined
  const { CN } = certificate.subject as { readonly CN?: string | ReadonlyArray<string> }
  const common = CN === undefined ? [] : typeof CN === "string" ? [CN] : CN
  return {
    names: [...common, ...alternativeNames(certificate.subjectaltname ?? "")],
    fingerprint256: certificate.fingerprint256
  }
}

/** Whether this one is admitted. A function that throws admits nobody. */
export const isAllowed = (allow: Allow, subject: Subject | undefined): boolean => {
  if (subject === undefined) return false
  try {
    if (typeof allow !== "function") return subject.names.some((name) => allow.includes(name))
    const answer: unknown = allow(subject)
    // a Promise is no answer
    return answer === true
  } catch {
    return false
  }
}
