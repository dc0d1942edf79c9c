import { defineConfig } from "vitest/config"

const project = (root: string) => ({
  root,
  test: { name: root.replace("packages/", ""), include: ["test/**/*.test.ts"] }
})

export default defineConfig({
  test: { projects: ["packages/core", "packages/node-runtime", "packages/examples", "scripts"].map(project) }
})
