/**
 * Which headers and URL parameters a caller has redacted wherever they are logged or traced (O3): known by the keys of
 * Effect's References, because their modules would load all of HTTP. Free of Effect.
 */
export type RedactedNames = ReadonlyArray<string | RegExp>

/** The keys of `Headers.CurrentRedactedNames` and `UrlParams.CurrentRedactedNames`. */
export const keys = ["effect/Headers/CurrentRedactedNames", "effect/http/UrlParams/CurrentRedactedNames"] as const

/** As they cross: all of them, since one that was left out would be shown; a RegExp of a class of its own as a plain one. */
export const carriedNames = (names: RedactedNames): RedactedNames =>
  names.map((name) => (typeof name === "string" ? name : new RegExp(name)))
