import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { check, checkPackages, clusterStoreys, clusterTies } from "../check-layers.ts"

let root: string

const put = (file: string, text: string): void => {
  fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
  fs.writeFileSync(path.join(root, file), text)
}

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), "check-layers-"))
  put("Face.ts", `import { pool } from "./internal/pool/pool.ts"`)
  put("internal/pool/pool.ts", `import { a } from "./options.ts"\nimport { b } from "../left/left.ts"`)
  put("internal/pool/options.ts", `import * as Effect from "effect/Effect"`)
  put("internal/left/left.ts", "")
  put("internal/right/right.ts", "")
})

afterEach(() => fs.rmSync(root, { recursive: true }))

describe("check", () => {
  const storeys = [["Face.ts"], ["internal/pool"], ["internal/left", "internal/right"]]
  const problems = (...ties: ReadonlyArray<string>) => check(root, storeys, ties)
  const upward = ["internal/left/left.ts must not import internal/pool/pool.ts, which is not below it"]

  it("passes when all imports lead down, or stay in their room", () => {
    assert.deepStrictEqual(problems(), [])
  })

  it("reports an import that leads up, of every form", () => {
    for (const text of [
      `import { pool } from "../pool/pool.ts"`,
      `import type { Pool } from '../pool/pool.ts'`,
      `import {\n  type Pool,\n  pool // the engine\n}\n  from "../pool/pool.ts"`,
      `import "../pool/pool.ts"`,
      `export { pool } from "../pool/pool.ts"`,
      `export type * from "../pool/pool.ts"`,
      `export * as pool from "../pool/pool.ts"`,
      `const pool = await import("../pool/pool.ts")`,
      `const pool = import(\n  /* @vite-ignore */ "../pool/pool.ts"\n)`,
      `type Pool = import("../pool/pool.ts").Pool`,
      `type Pools = typeof import("../pool/pool.ts")`
    ]) {
      put("internal/left/left.ts", text)
      assert.deepStrictEqual(problems(), upward, text)
    }
  })

  it("reports no import in comments, in texts, or of packages", () => {
    put(
      "internal/left/left.ts",
      `// import "../pool/pool.ts"\n/** import { pool } from "../pool/pool.ts" */\n` +
        `const text = 'import "../pool/pool.ts"'\nnew URL("../pool/pool.ts", import.meta.url)\nimport "effect"`
    )
    assert.deepStrictEqual(problems(), [])
  })

  it("reports an import from a room on the same storey", () => {
    put("internal/right/right.ts", `import type { Left } from "../left/left.ts"`)
    assert.deepStrictEqual(problems(), [
      "internal/right/right.ts must not import internal/left/left.ts, which is not below it"
    ])
  })

  it("reports a file on no storey", () => {
    put("internal/stray.ts", `import "./pool/pool.ts"`)
    assert.deepStrictEqual(problems(), ["internal/stray.ts is on no storey: give it a room in scripts/check-layers.ts"])
  })

  it("lets a tie lead up, and reports one that nothing uses", () => {
    put("internal/left/left.ts", `import { pool } from "../pool/pool.ts"`)
    const tie = "internal/left/left.ts -> internal/pool/pool.ts"
    assert.deepStrictEqual(problems(tie), [])
    put("internal/left/left.ts", "")
    assert.deepStrictEqual(problems(tie), [
      `the tie ${tie} is not used any more: remove it from scripts/check-layers.ts`
    ])
  })
})

describe("the storeys of the cluster", () => {
  const src = path.join(import.meta.dirname, "../../packages/cluster/src")

  it("are kept by its sources, and would not be by a driver that knows a runner", () => {
    assert.deepStrictEqual(check(src, clusterStoreys, clusterTies), [])
    fs.cpSync(src, root, { recursive: true })
    fs.rmSync(path.join(root, "Face.ts"))
    for (const room of ["pool", "left", "right"]) fs.rmSync(path.join(root, "internal", room), { recursive: true })
    assert.deepStrictEqual(check(root, clusterStoreys, clusterTies), [])
    for (const [file, target] of [
      ["internal/driver/planted.ts", "internal/runner/runner.ts"],
      ["internal/link/planted.ts", "internal/driver/dial.ts"],
      ["internal/common/planted.ts", "ClusterError.ts"]
    ] as const) {
      put(file, `import type * as a from "${path.posix.relative(path.posix.dirname(file), target)}"`)
      assert.deepStrictEqual(check(root, clusterStoreys, clusterTies), [
        `${file} must not import ${target}, which is not below it`
      ])
      fs.rmSync(path.join(root, file))
    }
  })
})

describe("checkPackages", () => {
  it("reports a source that imports another package's files by a relative path", () => {
    put("core/src/internal/a.ts", `import "../b.ts"`)
    put("node/src/c.ts", `import "@effect-mpire/core"\nimport type { A } from "../../core/src/internal/a.ts"`)
    put("node/test/c.test.ts", `import "../../core/test/utils.ts"`)
    assert.deepStrictEqual(checkPackages(root), [
      "node/src/c.ts must not import core/src/internal/a.ts, which belongs to another package: import it by name"
    ])
  })
})
