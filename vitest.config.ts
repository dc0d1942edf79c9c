import { defineConfig } from "vitest/config"

const project = (root: string) => ({
  root,
  test: { name: root.replace("packages/", ""), include: ["test/**/*.test.ts"] }
})

export default defineConfig({
  test: {
    // a file at a time leaves a core idle half of the time: by default there is one runner fewer than cores
    maxWorkers: 2,
    projects: [
      "packages/core",
      "packages/node-runtime",
      "packages/examples",
      "packages/soak",
      "packages/benchmarks",
      "scripts"
    ].map(project)
  }
})
