/**
 * Checks the packages as their users get them: builds and packs them, lints the tarballs, installs them with npm into an
 * empty project outside this workspace, and compiles and runs the program of `fixtures/consumer` there.
 */
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core"
import { problemKindInfo } from "@arethetypeswrong/core/problems"
import * as esbuild from "esbuild"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { publint } from "publint"
import { formatMessage } from "publint/utils"
import { build, directories, node, npmInstall, pack, type Packed, root, run, workspace } from "./tarballs.ts"

const temp = fs.mkdtempSync(path.join(os.tmpdir(), "effect-mpire-packages-"))
const consumer = path.join(temp, "consumer")
const expected = ["on a thread", "elsewhere"].map((where) => `1 ${where}, 4 ${where}, 9 ${where}`).join("\n")

let failed = 0

const step = async <A>(name: string, body: () => A | Promise<A>): Promise<A | undefined> => {
  const start = performance.now()
  try {
    const result = await body()
    console.log(`passed  ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`)
    return result
  } catch (error) {
    failed++
    console.log(`FAILED  ${name}`)
    console.log(String(error instanceof Error ? error.message : error).replace(/^/gm, "        "))
    return undefined
  }
}

const fail = (problems: ReadonlyArray<string>): void => {
  if (problems.length > 0) throw new Error(problems.join("\n"))
}

const lintFiles = ({ files, manifest }: Packed): void =>
  fail([
    ...["LICENSE", "README.md", "dist/index.js", "dist/index.d.ts", "src/index.ts"]
      .filter((file) => !files.includes(file))
      .map((file) => `${manifest.name} lacks ${file}`),
    ...files
      .filter((file) => /tsbuildinfo|\.test\.|node_modules|(?:^|\/)test\//.test(file))
      .map((file) => `${manifest.name} contains ${file}`)
  ])

const lintPackage = async ({ tarball }: Packed): Promise<void> => {
  const { messages, pkg } = await publint({
    pack: { tarball: new Uint8Array(fs.readFileSync(tarball)).buffer },
    strict: true
  })
  fail(messages.map((message) => `${message.type}: ${formatMessage(message, pkg) ?? message.code}`))
}

const lintTypes = async ({ entrypoints, manifest, tarball }: Packed): Promise<void> => {
  const result = await checkPackage(createPackageFromTarballData(new Uint8Array(fs.readFileSync(tarball))), {
    entrypoints: entrypoints.map(({ name }) => name.replace(manifest.name, "."))
  })
  if (!result.types) throw new Error("no types")
  // the packages are ES modules only, as the peer dependency is
  const problems = result.problems.filter(
    (problem) => !("resolutionKind" in problem) || !["node10", "node16-cjs"].includes(problem.resolutionKind)
  )
  fail(problems.map((problem) => `${problemKindInfo[problem.kind].title}: ${JSON.stringify(problem)}`))
}

/** What only the consumer uses, so that nobody installs it with the workspace. */
const jestPackages = { jest: "30.5.2", "@jest/globals": "30.5.2", "@swc/core": "1.16.22", "@swc/jest": "0.2.39" }

const install = (packages: ReadonlyArray<Packed>): string => {
  fs.cpSync(path.join(root, "scripts/fixtures/consumer"), consumer, { recursive: true })
  for (const file of ["first.ts", "first.tasks.ts"]) {
    fs.copyFileSync(path.join(root, "packages/examples/src", file), path.join(consumer, file))
  }
  const manifest = {
    private: true,
    type: "module",
    dependencies: {
      ...Object.fromEntries(packages.map((packed) => [packed.manifest.name, `file:${packed.tarball}`])),
      effect: workspace.devDependencies["effect"],
      // for the README's first example
      "@effect/platform-node": workspace.devDependencies["@effect/platform-node"]
    },
    devDependencies: {
      ...Object.fromEntries(
        ["@types/node", "@effect/vitest", "vitest"].map((name) => [name, workspace.devDependencies[name]])
      ),
      ...jestPackages
    }
  }
  fs.writeFileSync(path.join(consumer, "package.json"), JSON.stringify(manifest))
  return npmInstall(consumer, "--strict-peer-deps")
}

/** Every entry point can be imported by its name, and no other module of the packages can. */
const importAll = (packages: ReadonlyArray<Packed>): void => {
  const code = packages.flatMap(({ entrypoints, files, manifest }) => {
    const types = new Set(["dist/index.d.ts", ...entrypoints.map(({ types }) => types)])
    const others = files
      .filter((file) => /^dist\/.+\.js$/.test(file) && !types.has(file.replace(/\.js$/, ".d.ts")))
      .map((file) => `${manifest.name}/${file.slice("dist/".length, -".js".length)}`)
    return [
      // what starts a worker can be imported in a worker only
      ...entrypoints.map(
        ({ name }) => `await import${name.endsWith("/entry") ? ".meta.resolve" : ""}(${JSON.stringify(name)})`
      ),
      `for (const name of ${JSON.stringify(others)}) {
        try {
          import.meta.resolve(name)
        } catch (error) {
          if (error.code === "ERR_PACKAGE_PATH_NOT_EXPORTED") continue
          throw error
        }
        throw new Error(name + " can be imported")
      }`
    ]
  })
  node(consumer, "--input-type=module", "--eval", code.join("\n"))
}

/** Runs the consumer's program and the README's first example, each in the form that the folder has them in. */
const prints = (folder: string, extension: "ts" | "js"): void => {
  const output = node(consumer, path.join(folder, `main.${extension}`)).trim()
  if (output !== expected) throw new Error(`printed ${output}\ninstead of ${expected}`)
  const first = node(consumer, path.join(folder, `first.${extension}`)).trim()
  if (!/^216816 primes below 3,000,000$/.test(first)) throw new Error(`the README's example printed ${first}`)
}

/** What a thread loads before it can run a plain function, which is what its start takes. */
const loadsLittle = (): void => {
  const recorder = path.join(root, "packages/node-runtime/test/fixtures/record-imports.ts")
  fs.copyFileSync(recorder, path.join(consumer, "record-imports.ts"))
  const loaded = node(consumer, "loads.ts").trim().split("\n")
  const needed = [
    "@effect-mpire/node-runtime/dist/internal/entry.js",
    "@effect-mpire/node-runtime/dist/internal/servedThread.js",
    "@effect-mpire/core/dist/bundled/WorkerEntry.js"
  ]
  if (loaded.toSorted().join() !== needed.toSorted().join()) throw new Error(`it loads ${loaded.join(", ")}`)
}

const bundle = async (folder: string, packages: "external" | "bundle"): Promise<void> => {
  await esbuild.build({
    absWorkingDir: consumer,
    entryPoints: ["main.ts", "first.ts"],
    outdir: folder,
    bundle: true,
    packages,
    platform: "node",
    format: "esm",
    logLevel: "silent"
  })
  for (const tasks of ["square.tasks.js", "first.tasks.js"]) {
    fs.cpSync(path.join(consumer, "dist", tasks), path.join(consumer, folder, tasks))
  }
  prints(folder, "js")
}

/** A user's own entry of workers, which does nothing but import ours: a bundler must not take it for an import without effect. */
const bundleEntry = async (): Promise<void> => {
  fs.writeFileSync(path.join(consumer, "entry.ts"), 'import "@effect-mpire/node-runtime/entry"\n')
  const { outputFiles } = await esbuild.build({
    absWorkingDir: consumer,
    entryPoints: ["entry.ts"],
    bundle: true,
    platform: "node",
    format: "esm",
    write: false,
    logLevel: "silent"
  })
  if (!outputFiles[0]!.text.includes("workerData")) throw new Error("the bundle is empty")
}

/** A test with TestClock of a task that only the test's own import can load, in the ways in which users set Vitest up. */
const testInVitest = async (): Promise<void> => {
  for (const pool of ["threads", "forks", "vmThreads"]) {
    for (const inline of ["no", "yes"]) {
      await step(`a test on fibers passes in Vitest (${pool}, packages inlined: ${inline})`, () => {
        const vitest = path.join(consumer, "node_modules/vitest/vitest.mjs")
        const printed = run(consumer, "env", `POOL=${pool}`, `INLINE=${inline}`, process.execPath, vitest, "run")
        if (!/1 passed/.test(printed)) throw new Error(printed)
      })
    }
  }
}

const testInJest = (): void => {
  const jest = path.join(consumer, "node_modules/jest/bin/jest.js")
  const printed = run(consumer, process.execPath, "--experimental-vm-modules", jest, "--json")
  const { numPassedTests } = JSON.parse(printed.slice(printed.indexOf("{"))) as { readonly numPassedTests: number }
  if (numPassedTests !== 1) throw new Error(printed)
}

const useAsConsumer = async (packages: ReadonlyArray<Packed>): Promise<void> => {
  const installed = await step("npm install of the tarballs into an empty project", () => install(packages))
  if (installed === undefined) return
  await step("entry points can be imported, and nothing else can", () => importAll(packages))
  for (const project of ["tsconfig.json", "tsconfig.first.json"]) {
    await step(`the consumer compiles (${project})`, () =>
      node(consumer, path.join(root, "node_modules/typescript/bin/tsc"), "--project", project)
    )
  }
  await step("so do the declarations that TypeScript made of it", () =>
    node(
      consumer,
      path.join(root, "node_modules/typescript/bin/tsc"),
      "--noEmit",
      "--project",
      "tsconfig.declarations.json"
    )
  )
  await step("the consumer runs from source", () => prints(".", "ts"))
  await step("RuntimeSuite finds its tasks", () => node(consumer, "suite.ts"))
  await step("a thread loads three files before it runs a plain function", loadsLittle)
  await step("the consumer runs compiled", () => prints("dist", "js"))
  await step("the consumer runs bundled, its tasks beside the bundle", () => bundle("bundle", "external"))
  await step("so it does with its packages in the bundle", () => bundle("bundle-all", "bundle"))
  await step("a bundle of the workers' entry alone has it", bundleEntry)
  await testInVitest()
  await step("a test on fibers passes in Jest", testInJest)
}

try {
  await step("build", build)
  const packages: Array<Packed> = []
  for (const directory of failed === 0 ? directories : []) {
    const name = path.basename(directory)
    const packed = await step(`${name}: pack`, () => pack(directory, temp))
    if (packed === undefined) continue
    packages.push(packed)
    await step(`${name}: files`, () => lintFiles(packed))
    await step(`${name}: publint`, () => lintPackage(packed))
    await step(`${name}: types resolve`, () => lintTypes(packed))
  }
  if (packages.length === directories.length) await useAsConsumer(packages)
} finally {
  fs.rmSync(temp, { recursive: true, force: true })
}

console.log(
  failed === 0 ? "the packages are fit to publish" : `the packages are not fit to publish: failed checks: ${failed}`
)
process.exitCode = failed === 0 ? 0 : 1
