import { tmpdir } from "node:os"
import { join } from "node:path"
import { defineConfig } from "vitest/config"

// as in vitest.config.ts
process.env["NODE_COMPILE_CACHE"] ??= join(tmpdir(), "node-compile-cache")

const project = (root: string, testTimeout: number, globalSetup: Array<string> = []) => ({
  root,
  test: { name: root.replace("packages/", ""), include: ["test/extended/*.test.ts"], testTimeout, globalSetup }
})

/** `pnpm test:extended`: what would take `pnpm test` longer than three minutes, and shows little more. */
export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      project("packages/core", 120_000),
      project("packages/node-runtime", 120_000, [join(import.meta.dirname, "scripts/bundle-test-worker.ts")]),
      project("packages/cluster", 120_000, [join(import.meta.dirname, "scripts/bundle-test-worker.ts")]),
      project("packages/examples", 120_000),
      project("packages/soak", 120_000)
    ]
  }
})
