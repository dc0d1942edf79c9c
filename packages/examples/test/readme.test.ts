import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"

const root = new URL("../../../", import.meta.url)

/** A block of code that follows a comment which says where its text is from: `<!-- file.ts -->`, `<!-- file.ts#region -->`. */
interface Block {
  readonly file: string
  readonly region: string | undefined
  /** `undefined` when the comment is followed by something else. */
  readonly text: string | undefined
  readonly line: number
}

const blocks = (markdown: string): ReadonlyArray<Block> =>
  [...markdown.matchAll(/^<!-- ([^\s#]*[./][^\s#]*)(?:#(\S+))? -->\n(?:\n*```\w+\n(.*?)^```$)?/gms)].map((match) => ({
    file: match[1] ?? "",
    region: match[2],
    text: match[3]?.trim(),
    line: markdown.slice(0, match.index).split("\n").length
  }))

/**
 * A file's text without the marks of its regions, or what stands between `// #region name` and the next `// #endregion`, less
 * the blanks that all of its lines begin with. In YAML comments begin with `#`.
 */
const excerpt = (source: string, region: string | undefined): string | undefined => {
  const lines = source.split("\n")
  if (region === undefined) {
    return lines
      .filter((line) => !/^ *(?:\/\/|#) #(?:region|endregion)/.test(line))
      .join("\n")
      .trim()
  }
  const start = lines.findIndex((line) => /^ *(?:\/\/|#) #region (.*)$/.exec(line)?.[1] === region)
  const end = lines.findIndex((line, at) => at > start && /^ *(?:\/\/|#) #endregion$/.test(line))
  if (start === -1 || end === -1) return undefined
  const taken = lines.slice(start + 1, end)
  const margin = Math.min(...taken.filter((line) => line !== "").map((line) => line.search(/\S/)))
  return taken
    .map((line) => line.slice(margin))
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
  const stats = fs.statSync(new URL(file, root), { throwIfNoEntry: false })
  // of a folder it is enough that it is there
  if (stats?.isDirectory() === true) return ""
  return stats === undefined ? undefined : fs.readFileSync(new URL(file, root), "utf8")
}

const guide = fs.readdirSync(new URL("docs/guide", root)).map((name) => `docs/guide/${name}`)

/** Pages without a program of their own. */
const plain = ["errors", "from-mpire", "limits", "options", "runtimes", "when-to-use"]

describe("README and guide", () => {
  const pages = guide.filter((page) => !plain.some((name) => page.endsWith(`/${name}.md`)))
  it.each(["README.md", "packages/cluster/README.md", ...pages])(
    "%s shows examples as they are in their files",
    (page) => {
      assert.deepStrictEqual(problems(read(page) ?? "", read), [])
    }
  )

  it("the README lists every page of the guide, and is short", () => {
    const readme = read("README.md") ?? ""
    assert.deepStrictEqual(
      guide.filter((page) => !readme.includes(`](${page})`)),
      []
    )
    assert.isBelow(readme.split("\n").length, 200)
  })

  it.each(["README.md", ...guide])("%s links to what is there", (page) => {
    const text = read(page) ?? ""
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].map(([, file = "", anchor]) => {
      const target = file === "" ? page : new URL(file, new URL(page, root)).href.slice(root.href.length)
      const found = read(target)
      const heads = [...(found ?? "").matchAll(/^#+ (.+)$/gm)].map(([, head = ""]) =>
        head
          .toLowerCase()
          .replaceAll(/[^\p{L}\p{N} -]/gu, "")
          .replaceAll(" ", "-")
      )
      const isThere = found !== undefined && (anchor === undefined || heads.includes(anchor))
      return isThere ? [] : [`${file}#${anchor}`]
    })
    assert.deepStrictEqual(links.flat(), [])
  })
})

describe("the check of the README", () => {
  const files: Record<string, string> = {
    "a.ts": "const a = 1\n",
    "b.ts": 'import "a"\n\n// #region b\nconst b = 2\n// #endregion\n\nrun(b)\n',
    "d.yaml": "a: 1\nb:\n  # #region d\n  c:\n\n    - 2\n  # #endregion\n"
  }
  const check = (markdown: string) => problems(markdown, (file) => files[file])

  it("takes whole files and regions", () => {
    assert.deepStrictEqual(
      check("<!-- a.ts -->\n```ts\nconst a = 1\n```\n\n<!-- b.ts#b -->\n\n```ts\nconst b = 2\n```\n"),
      []
    )
  })

  it("takes files of other languages, and what is within others from its margin", () => {
    assert.deepStrictEqual(check("<!-- d.yaml#d -->\n```yaml\nc:\n\n  - 2\n```\n"), [])
    assert.deepStrictEqual(check("<!-- d.yaml -->\n```yaml\na: 1\nb:\n  c:\n\n    - 2\n```\n"), [])
    assert.deepStrictEqual(check("<!-- d.yaml#d -->\n```yaml\nc: 2\n```\n"), ["line 1: not the text of d.yaml#d"])
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
