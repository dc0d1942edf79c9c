/**
 * Refuses tasks that stand in the program's main file, which every worker would run from its first line (F3).
 */
import { existsSync, realpathSync } from "node:fs"
import { fileURLToPath, pathToFileURL } from "node:url"

const extension = /\.[cm]?[jt]sx?$/

/** The URL of the file that this process was started with; `undefined` where there is none, as with `node --eval`. */
const findMain = (): string | undefined => {
  const path = process.argv[1]
  if (path === undefined) return undefined
  // Node finds a file that is named without its extension, and knows modules by their paths without symbolic links
  const file = [path, ...[".js", ".mjs", ".cjs", ".ts"].map((end) => path + end)].find((file) => existsSync(file))
  return file === undefined ? undefined : pathToFileURL(realpathSync(file)).href
}

let found: { readonly main: string | undefined } | undefined

/** The same, looked for once. */
const mainModule = (): string | undefined => {
  found ??= { main: findMain() }
  return found.main
}

/** Whether both are one file: the same, or a TypeScript file that is missing where the program was compiled. */
const isSameFile = (url: string, main: string): boolean => {
  const file = url.replace(/[?#].*$/, "")
  if (file === main) return true
  if (file.replace(extension, "") !== main.replace(extension, "")) return false
  return !existsSync(fileURLToPath(file))
}

/**
 * Says why a worker must not load the module of a URL. The main file may be loaded if it is the workers' entry too, or is
 * said to be guarded.
 */
export const refuseMainModule = (
  layer: string,
  options?: { readonly entry?: URL | undefined; readonly mainModule?: boolean | undefined }
): ((url: string) => string | undefined) => {
  // what is given may be no options at all, which is told when a worker is wanted
  if (options?.mainModule === true) return () => undefined
  const entry = options?.entry
  return (url) => {
    const main = mainModule()
    if (main === undefined || !isSameFile(url, main)) return undefined
    // the workers' own file may name its source, too, where the program was compiled
    if (entry !== undefined && isSameFile(entry.href, main)) return undefined
    return (
      `It is the program's main file, so that every worker would start the program again. Put tasks in a file of their ` +
      `own, and make that an entry of its own where a bundler merges files, or use a worker file; or guard the program ` +
      `by \`if (import.meta.main)\`, and say so: ${layer}({ mainModule: true })`
    )
  }
}
