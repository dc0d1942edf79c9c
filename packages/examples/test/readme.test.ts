import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"

const root = new URL("../../../", import.meta.url)

/** A ```ts block that follows a comment which says where its text is from: `<!-- file.ts -->`, `<!-- file.ts#region -->`. */
interface Block {
  readonly file: string
  readonly region: string | undefined
  /** `undefined` when the comment is followed by something else. */
  readonly text: string | undefined
  readonly line: number
}

const blocks = (markdown: string): ReadonlyArray<Block> =>
  [...markdown.matchAll(/^<!-- (\S+\.ts)(?:#(\S+))? -->\n(?:\n*```ts\n(.*?)^```$)?/gms)].map((match) => ({
    file: match[1] ?? "",
    region: match[2],
    text: match[3]?.trim(),
    line: markdown.slice(0, match.index).split("\n").length
  }))

/** A file's text, or what stands between `// #region name` and the next `// #endregion`. */
const excerpt = (source: string, region: string | undefined): string | undefined => {
  if (region === undefined) return source.trim()
  const lines = source.split("\n")
  const start = lines.indexOf(`// #region ${region}`)
  const end = lines.indexOf("// #endregion", start)
  return start === -1 || end === -1
    ? undefined
    : lines
        .slice(start + 1, end)
        .join("\n")
        .trim()
}

/** What is wrong with a page's blocks. */
const problems = (markdown: string, read: (file: string) => string | undefined): ReadonlyArray<string> => {
  const found = blocks(markdown)
  if (found.length === 0) return ["no block says which file it is from"]
  return found.flatMap(({ file, line, region, text }) => {
    const source = read(file)
    const expected = source === undefined ? undefined : excerpt(source, region)
    const where = region === undefined ? file : `${file}#${region}`
    if (expected === undefined) return [`line ${line}: there is no ${where}`]
    if (text === undefined) return [`line ${line}: no code block follows`]
    return text === expected ? [] : [`line ${line}: not the text of ${where}`]
  })
}

const read = (file: string): string | undefined => {
  const url = new URL(file, root)
  return fs.existsSync(url) ? fs.readFileSync(url, "utf8") : undefined
}

describe("README", () => {
  it("shows examples as they are in their files", () => {
    assert.deepStrictEqual(problems(read("README.md") ?? "", read), [])
  })
})

describe("the check of the README", () => {
  const files: Record<string, string> = {
    "a.ts": "const a = 1\n",
    "b.ts": 'import "a"\n\n// #region b\nconst b = 2\n// #endregion\n\nrun(b)\n'
  }
  const check = (markdown: string) => problems(markdown, (file) => files[file])

  it("takes whole files and regions", () => {
    assert.deepStrictEqual(
      check("<!-- a.ts -->\n```ts\nconst a = 1\n```\n\n<!-- b.ts#b -->\n\n```ts\nconst b = 2\n```\n"),
      []
    )
  })

  it("ignores blocks without a comment", () => {
    assert.deepStrictEqual(check("<!-- a.ts -->\n```ts\nconst a = 1\n```\n\n```ts\nconst c = 3\n```\n"), [])
  })

  it("finds what is wrong", () => {
    assert.deepStrictEqual(check("```ts\nconst a = 1\n```\n"), ["no block says which file it is from"])
    assert.deepStrictEqual(check("text\n<!-- a.ts -->\n```ts\nconst a = 2\n```\n"), ["line 2: not the text of a.ts"])
    assert.deepStrictEqual(check("<!-- c.ts -->\n```ts\nconst c = 3\n```\n"), ["line 1: there is no c.ts"])
    assert.deepStrictEqual(check("<!-- b.ts#c -->\n```ts\nconst c = 3\n```\n"), ["line 1: there is no b.ts#c"])
    assert.deepStrictEqual(check("<!-- a.ts -->\ntext\n```ts\nconst a = 1\n```\n"), ["line 1: no code block follows"])
  })
})
