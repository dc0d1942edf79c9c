/**
 * The address of a task module that means the same on every machine (K10): `mpire:<package>/<path>`, its package's name and
 * where in that package the file is; or the name that a worker file gives it.
 */
import { ModuleRefused } from "../../ClusterError.ts"

const scheme = "mpire:"

/** How many characters an address that is sent to a runner may have: more than the paths of any machine need. */
export const longest = 16_384

/** A module in a package. */
export interface InPackage {
  readonly _tag: "InPackage"
  readonly package: string
  /** Its path from the package's folder, with slashes, without an empty part or one of dots. */
  readonly path: string
  /** What stands behind it in the URL: nothing, or a query and a fragment, with their `?` and `#`. */
  readonly suffix: string
}

/** What is loaded by a name that a worker file gives it. */
export interface Registered {
  readonly _tag: "Registered"
  readonly name: string
}

/** As a message shows what it was given: a `data:` URL is as long as its module. */
const shortened = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text)

export const refused = (address: string, problem: string): ModuleRefused =>
  new ModuleRefused({ address: shortened(address), problem })

/** Those of npm, which may be written in a URL as they are; older packages have capitals. */
const isPackageName = (name: string): boolean =>
  name.length <= 214 && /^(?:@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]*$/.test(name) && name !== "node_modules"

/** Whether it is a name of a file or folder, which leads to nowhere else. */
const isPart = (part: string): boolean => part !== "" && part !== "." && part !== ".." && !/[/\\\0:]/.test(part)

/** The text of an address. Whatever has a meaning in URLs is escaped. */
export const format = ({ package: name, path, suffix }: Omit<InPackage, "_tag">): string =>
  `${scheme}${name}/${path.split("/").map(encodeURIComponent).join("/")}${suffix}`

const decodePart = (part: string): string | undefined => {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}

/**
 * Reads an address. A name is taken as one if `isRegistered` says so: by default those of `Portable.modules`. Whatever else a
 * worker could import, by a scheme or as a bare name, is refused.
 */
export const parse = (
  address: string,
  isRegistered: (name: string) => boolean = isOfWorkerFile
): InPackage | Registered | ModuleRefused => {
  if (isRegistered(address)) return { _tag: "Registered", name: address }
  if (!address.startsWith(scheme)) return refused(address, problemOf(address))
  const [, name, rest, suffix] = /^mpire:((?:@[^/?#]*\/)?[^/?#]*)\/([^?#]*)((?:\?[^#]*)?(?:#.*)?)$/s.exec(address) ?? []
  if (name === undefined || !isPackageName(name)) return refused(address, "it names no package")
  const parts = rest!.split("/").map(decodePart)
  return parts.every((part): part is string => part !== undefined && isPart(part))
    ? { _tag: "InPackage", package: name, path: parts.join("/"), suffix: suffix! }
    : refused(address, "its path leads out of the package, or is none")
}

/** Whether a worker file names it: its URL as `Portable.modules` makes it. */
export const isOfWorkerFile = (address: string): boolean => /^worker:./.test(address)

/** Why what is no address is none, in words that say what to do. */
export const problemOf = (url: string): string => {
  const [, scheme] = /^([a-z][a-z0-9+.-]*):/i.exec(url) ?? []
  switch (scheme?.toLowerCase()) {
    case "node":
      return "it is a part of Node.js, and no task module"
    case "data":
    case "blob":
      return "a bundler or program has put code into its URL, and runners load code from files of their own"
    case "http":
    case "https":
      return "runners load no code from the network"
    case "file":
      return "a path on one machine says nothing on another"
    case undefined:
      return "it is a bare name, which is not the same file everywhere: use a URL, as by new URL(…, import.meta.url)"
    default:
      return "no worker file that the runner knows has given it this name"
  }
}
