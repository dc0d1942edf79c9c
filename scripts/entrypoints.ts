/**
 * What users of a package may import, read from the `exports` that it is published with.
 */

/** Where an export leads: to a file, to nothing, or to files for several conditions. */
type Target = string | null | { readonly types: string; readonly default: string }

export interface Manifest {
  readonly name: string
  readonly publishConfig: { readonly exports: Readonly<Record<string, Target>> }
}

export interface Entrypoint {
  /** As users import it, such as `"@effect-mpire/core/WorkerPool"`. */
  readonly name: string
  /** Its declarations, such as `"dist/WorkerPool.d.ts"`. */
  readonly types: string
}

/** The key that decides about a subpath: itself, or else the pattern that has most before its `*`, as in Node. */
const keyFor = (keys: ReadonlyArray<string>, subpath: string): string | undefined =>
  keys.includes(subpath)
    ? subpath
    : keys
        .filter((key) => key.includes("*") && subpath.startsWith(key.slice(0, key.indexOf("*"))))
        .toSorted((one, other) => other.indexOf("*") - one.indexOf("*"))[0]

/** The entry points of a package, given its files; `index` is the one that has the package's own name. */
export const entrypoints = ({ name, publishConfig }: Manifest, files: ReadonlyArray<string>): Array<Entrypoint> => {
  const keys = Object.keys(publishConfig.exports)
  return keys.flatMap((key) => {
    const target = publishConfig.exports[key]
    if (typeof target !== "object" || target === null) return []
    const [before = "", after] = target.types.slice("./".length).split("*")
    if (after === undefined) return [{ name: name + key.slice(1), types: before }]
    return files
      .filter((file) => file.startsWith(before) && file.endsWith(after))
      .map((types) => ({ subpath: key.replace("*", types.slice(before.length, -after.length)), types }))
      .filter(({ subpath }) => keyFor(keys, subpath) === key && subpath !== "./index")
      .map(({ subpath, types }) => ({ name: name + subpath.slice(1), types }))
  })
}
