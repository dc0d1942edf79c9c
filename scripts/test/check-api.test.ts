import { assert, describe, it } from "@effect/vitest"
import { report } from "../check-api.ts"
import { entrypoints } from "../entrypoints.ts"

const manifest = {
  name: "some",
  publishConfig: {
    exports: {
      "./package.json": "./package.json",
      ".": { types: "./dist/index.d.ts", default: "./dist/index.js" },
      "./testing/Suite": { types: "./dist/testing/Suite.d.ts", default: "./dist/testing/Suite.js" },
      "./testing/*": null,
      "./internal/*": null,
      "./*": { types: "./dist/*.d.ts", default: "./dist/*.js" }
    }
  }
}

const files: Readonly<Record<string, string>> = {
  "dist/index.d.ts": `export * as Pool from "./Pool.ts";`,
  "dist/Pool.d.ts": `/** A pool // with options. */
import type * as Effect from "effect/Effect";
import type { Options } from "./internal/options.ts";
import type * as numbers from "./internal/numbers.ts";
export type { Options };
/** Makes one. */
export declare const make: (options?: Options) => Effect.Effect<Pool>;
export interface Pool {
    readonly url: "https://example.org";
    readonly size: numbers.Size;
}
export {};
//# sourceMappingURL=Pool.d.ts.map`,
  "dist/internal/options.d.ts": `import type { Size } from "./numbers.ts";
export interface Options {
    /** How many. */
    readonly size?: Size | undefined;
}
export interface Unused {
    readonly unused: 1;
}`,
  "dist/internal/numbers.d.ts": "export type Size = number | undefined;",
  "dist/testing/Suite.d.ts": "export declare const suite: Array<string>;",
  "dist/testing/tasks.d.ts": "export declare const task: () => void;"
}

const entries = entrypoints(manifest, Object.keys(files))

const page = (changed: Readonly<Record<string, (text: string) => string>> = {}): string =>
  report("some", entries, (file) => (changed[file] ?? ((text) => text))(files[file]!))

describe("entrypoints", () => {
  it("are what the exports of the manifest let through", () => {
    assert.deepStrictEqual(entries, [
      { name: "some", types: "dist/index.d.ts" },
      { name: "some/testing/Suite", types: "dist/testing/Suite.d.ts" },
      { name: "some/Pool", types: "dist/Pool.d.ts" }
    ])
  })
})

describe("report", () => {
  it("has what each entry point declares, and what that names of internal modules", () => {
    assert.include(
      page(),
      [
        "## some/Pool",
        "",
        "```ts",
        `export interface Pool {\n    readonly url: "https://example.org";\n    readonly size: numbers.Size;\n}\n`,
        "export type { Options };\n",
        "export declare const make: (options?: Options) => Effect.Effect<Pool>;\n",
        "// declared in internal modules\n",
        "export interface Options {\n    readonly size?: Size | undefined;\n}\n",
        "export type Size = number | undefined;",
        "```"
      ].join("\n")
    )
    assert.notInclude(page(), "Unused")
    assert.notInclude(page(), "task")
  })

  it("changes with a signature, one in an internal module too", () => {
    const changes: ReadonlyArray<readonly [file: string, from: string, to: string]> = [
      ["dist/Pool.d.ts", "options?: Options", "options: Options"],
      ["dist/Pool.d.ts", `"https://example.org"`, `"https://example.com"`],
      ["dist/internal/options.d.ts", "size?: Size", "size: Size"],
      ["dist/internal/numbers.d.ts", "number | undefined", "number"],
      ["dist/testing/Suite.d.ts", "Array<string>", "ReadonlyArray<string>"],
      ["dist/index.d.ts", "as Pool", "as Pools"]
    ]
    for (const [file, from, to] of changes)
      assert.notStrictEqual(page({ [file]: (text) => text.replace(from, to) }), page(), `${from} to ${to}`)
  })

  it("does not change with comments, the order of declarations, or what no user sees", () => {
    const comment = (text: string) => text.replace("/** Makes one. */", "// Makes a pool.")
    const order = (text: string) =>
      text
        .split(/^(?=export interface)/m)
        .toReversed()
        .join("\n")
    const unused = (text: string) => text.replace("unused: 1", "unused: 2")
    assert.strictEqual(page({ "dist/Pool.d.ts": comment }), page())
    assert.strictEqual(page({ "dist/Pool.d.ts": order }), page())
    assert.strictEqual(page({ "dist/internal/options.d.ts": unused }), page())
    assert.strictEqual(page({ "dist/testing/tasks.d.ts": () => "" }), page())
  })
})
