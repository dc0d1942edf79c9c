import { tmpdir } from "node:os"
import { join } from "node:path"
import { defineConfig } from "vitest/config"

// as in vitest.config.ts
process.env["NODE_COMPILE_CACHE"] ??= join(tmpdir(), "node-compile-cache")

/** `pnpm test:conformance`: what would take `pnpm test` longer than three minutes, and shows little more. */
export default defineConfig({
  test: {
    root: "packages/node-runtime",
    include: ["test/conformance/*.test.ts"],
    globalSetup: join(import.meta.dirname, "scripts/bundle-test-worker.ts"),
    testTimeout: 60_000
  }
})
