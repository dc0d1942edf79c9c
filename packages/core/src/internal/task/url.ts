/**
 * The URL of a task module, as a worker can load it. Free of Effect and of platforms' modules.
 */

/**
 * The URL that a caller gives, as text. Absolute paths become URLs; throws for a relative one, because a worker cannot know to
 * what it is relative.
 */
export const toUrl = (url: URL | string): string => {
  const text = String(url)
  if (isRelative(text)) {
    throw new TypeError(
      `"${text}" is relative, and a worker cannot know to what: give new URL("${text}", import.meta.url)`
    )
  }
  if (/^[A-Za-z]:[\\/]/.test(text)) return ofFile(`/${text.replaceAll("\\", "/")}`)
  if (text.startsWith("\\\\")) return ofFile(text.slice(2).replaceAll("\\", "/"))
  // in a browser it is a path on the page's server
  return text.startsWith("/") && !isOnPage() ? ofFile(text) : text
}

const isRelative = (text: string): boolean => /^\.\.?(?:[\\/]|$)/.test(text)

interface Platform {
  readonly location?: unknown
  readonly process?: { readonly versions?: { readonly node?: unknown } }
}

/** Whether this is a page of a browser, or a worker of one. A test runner can give Node a `location` too. */
export const isOnPage = (): boolean => {
  const { location, process } = globalThis as Platform
  return location !== undefined && process?.versions?.node === undefined
}

/**
 * A path's URL, as Node makes it of the path of a module (`import.meta.url`): what has a meaning in URLs, and what Node
 * escapes beside that, is escaped here; the rest by `URL`.
 */
const ofFile = (path: string): string => new URL("file://" + path.replaceAll(/[%?#\\[\]|~\n\r\t]/g, escaped)).href

const escaped = (letter: string): string => `%${letter.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`

/** Whether what an error names, a URL or an absolute path, is the module with that URL. */
export const isNamed = (url: string, name: unknown): boolean =>
  name === url || (typeof name === "string" && !isRelative(name) && toUrl(name) === url)
