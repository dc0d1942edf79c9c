import { tmpdir } from "node:os"
import { join } from "node:path"
import { defineConfig } from "vitest/config"

// as in vitest.config.ts
process.env["NODE_COMPILE_CACHE"] ??= join(tmpdir(), "node-compile-cache")

/** `pnpm test:long`: what would take even `.ci/run` too long, but for the chaos of `soak`, for who changes the cluster or what is far away. */
export default defineConfig({
  test: {
    maxWorkers: 1,
    projects: [
      {
        root: "packages/node-runtime",
        test: {
          name: "node-runtime",
          include: ["test/long/*.test.ts"],
          testTimeout: 60_000,
          globalSetup: [join(import.meta.dirname, "scripts/bundle-test-worker.ts")]
        }
      },
      { root: "packages/soak", test: { name: "soak", include: ["test/long/*.test.ts"], testTimeout: 120_000 } },
      {
        root: "packages/cluster",
        test: {
          name: "cluster",
          include: ["test/long/*.test.ts"],
          testTimeout: 60_000,
          globalSetup: [join(import.meta.dirname, "scripts/bundle-test-worker.ts")]
        }
      }
    ]
  }
})
