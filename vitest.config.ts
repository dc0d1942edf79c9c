import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

// Every worker loads the TypeScript sources anew. Without the cache, loading the compiler that strips the types alone takes
// as long as starting a thread. `NodeWorkerRuntime` switches the cache on only once its entry is loaded.
process.env["NODE_COMPILE_CACHE"] ??= join(tmpdir(), "node-compile-cache")

/** The files that take longest, longest first: begun last, one of them would leave a core idle until it ends. */
const longest = [
  "runtimeSuite.test.ts",
  "runtimeSuiteOnProcesses.test.ts",
  "shutdown.test.ts",
  "processes.test.ts",
  "examples.test.ts",
  "main.test.ts",
  "threads.test.ts"
]

const rank = ({ moduleId, project }: TestSpecification): number => {
  const index = project.name === "core" ? -1 : longest.indexOf(basename(moduleId))
  return index < 0 ? longest.length : index
}

class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    // the files of a project that shares its modules stay together
    return (await super.sort(files)).sort((left, right) => rank(left) - rank(right))
  }
}

interface Project {
  /** Whether each file has modules of its own. */
  readonly isolate?: boolean
  /** How long a case may take, in milliseconds. It only ends one that hangs, and is never what a case shows. */
  readonly testTimeout?: number
  /** What is run before its tests. */
  readonly globalSetup?: string
  /** What each of its files loads first. */
  readonly setupFiles?: string | Array<string>
}

const project = (root: string, options: Project = {}) => ({
  root,
  test: {
    name: root.replace("packages/", ""),
    include: ["test/**/*.test.ts"],
    // `pnpm test:extended` and `pnpm test:long` run these
    exclude: ["test/extended/**", "test/long/**"],
    ...options
  }
})

/** Whatever starts threads and processes takes as long as the machine lets it. */
const testTimeout = 60_000

export default defineConfig({
  test: {
    // a file at a time leaves a core idle half of the time: by default there is one runner fewer than cores
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      // Loading the sources anew for each file would take as long as all of core's cases. Those of node-runtime do: they look at
      // what is left in the process that they run in.
      project("packages/core", {
        isolate: false,
        testTimeout,
        setupFiles: ["asInBrowsers.ts", "leavesNoTimers.ts"].map((file) =>
          join(import.meta.dirname, "packages/core/test/utils", file)
        )
      }),
      project("packages/node-runtime", {
        testTimeout,
        globalSetup: join(import.meta.dirname, "scripts/bundle-test-worker.ts")
      }),
      project("packages/cluster", {
        isolate: false,
        testTimeout,
        globalSetup: join(import.meta.dirname, "scripts/bundle-test-worker.ts")
      }),
      project("packages/examples", { isolate: false, testTimeout }),
      project("packages/soak", { isolate: false, testTimeout: 120_000 }),
      project("packages/benchmarks", { isolate: false, testTimeout }),
      project("scripts", { isolate: false, testTimeout })
    ]
  }
})
