/**
 * The bundlers that the guide names, as a user calls them, and the ways in which a program finds its tasks.
 */

export interface Bundler {
  readonly name: string
  /** What a user types; the first word is a program of the project. */
  readonly command: string
  /** The file that the command reads, if it reads one. */
  readonly config?: string
  /** What a user must know besides. */
  readonly note?: string
  /** How Node is told that what is built, and what it is built from, are ES modules, or CommonJS. */
  readonly type?: "module" | "commonjs"
  /** Whether what was built needs the packages beside it. */
  readonly isExternal?: boolean
  /** What stands in the program where the others have `import.meta.url`. */
  readonly ownUrl?: { readonly expression: string; readonly imported: string }
}

const banner = "const url = require('node:url').pathToFileURL(__filename).href"

export const bundlers: ReadonlyArray<Bundler> = [
  { name: "esbuild", command: "esbuild main.ts worker.ts --bundle --platform=node --format=esm --outdir=out" },
  {
    name: "esbuild, splitting, minified",
    command: "esbuild main.ts worker.ts --bundle --splitting --minify --platform=node --format=esm --outdir=out"
  },
  {
    name: "esbuild to CommonJS",
    command: `esbuild main.ts worker.ts --bundle --platform=node --outdir=out --define:import.meta.url=url "--banner:js=${banner}"`,
    type: "commonjs"
  },
  { name: "Vite, SSR build", command: "vite build", config: "vite.config.js" },
  {
    name: "Vite, library",
    command: "vite build --config vite.library.js",
    config: "vite.library.js",
    note: "A library leaves out the packages that it depends on.",
    isExternal: true
  },
  {
    name: "Vite, library without `ssr`",
    command: "vite build --config vite.inlining.js",
    config: "vite.inlining.js",
    note: "Shown for what it says: Vite builds a library for browsers, unless it is told otherwise.",
    isExternal: true
  },
  { name: "Rollup", command: "rollup --config", config: "rollup.config.js" },
  { name: "Rolldown", command: "rolldown main.ts worker.ts --platform node --format esm --dir out" },
  { name: "tsdown", command: "tsdown", config: "tsdown.config.js" },
  { name: "tsup", command: "tsup", config: "tsup.config.js" },
  { name: "webpack", command: "webpack", config: "webpack.config.js" },
  { name: "Bun", command: "bun build main.ts worker.ts --target node --outdir out" },
  { name: "tsc", command: "tsc", config: "tsconfig.json", isExternal: true },
  {
    name: "tsc to CommonJS",
    command: "tsc --project tsconfig.commonjs.json",
    config: "tsconfig.commonjs.json",
    note:
      'With `"type": "commonjs"` in `package.json`, and in the program `pathToFileURL(__filename).href` in place of ' +
      "`import.meta.url`. Node loads the packages, which are ES modules, from 22.12 on.",
    type: "commonjs",
    isExternal: true,
    ownUrl: { expression: "pathToFileURL(__filename).href", imported: 'import { pathToFileURL } from "node:url"' }
  }
]

/** A way in which a program finds its tasks. */
export interface Form {
  readonly name: string
  /** The program, and the file that the bundler is told to make an entry of beside it. */
  readonly main: string
  readonly entry: string | undefined
  /** What it prints where all is well. */
  readonly prints: string
  /** Whether it runs without node_modules, unless the bundler leaves the packages out. */
  readonly isAlone: boolean
  readonly runtimes: ReadonlyArray<"threads" | "processes">
}

const runtimes = ["threads", "processes"] as const

export const forms: ReadonlyArray<Form> = [
  {
    name: "a worker file, by `entry`",
    main: "main.ts",
    entry: "worker.ts",
    prints: "A! B! 1 2 3 is odd",
    isAlone: true,
    runtimes
  },
  {
    name: "a worker file, no entry",
    main: "main.ts",
    entry: undefined,
    prints: "A! B! 1 2 3 is odd",
    isAlone: true,
    runtimes
  },
  {
    name: "a worker file, by `spawn`",
    main: "spawn.ts",
    entry: undefined,
    prints: "A! B! 1 2 3 is odd",
    isAlone: true,
    runtimes: ["threads"]
  },
  {
    name: "`Portable.module`, its file an entry too",
    main: "url.ts",
    entry: "texts.tasks.ts",
    prints: "A! B!",
    isAlone: false,
    runtimes
  },
  {
    name: "`Portable.module`, one entry",
    main: "url.ts",
    entry: undefined,
    prints: "A! B!",
    isAlone: false,
    runtimes
  },
  {
    name: "`Portable.make` by URL, with Schemas, its file an entry too",
    main: "schemas.ts",
    entry: "schemas.tasks.ts",
    prints: "1 2 3 is odd",
    isAlone: false,
    runtimes
  }
]
