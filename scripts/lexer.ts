/**
 * Finds the comments and the string literals of TypeScript sources.
 */

export interface Literal {
  readonly text: string
  readonly line: number
  /** The code before it, comments left out. */
  readonly before: string
}

export interface Comment {
  readonly text: string
  /** That of its first character. */
  readonly line: number
}

/** The comments of a source, and its string literals outside of regular expressions. Of a template its first part. */
export const lex = (
  source: string
): { readonly literals: ReadonlyArray<Literal>; readonly comments: ReadonlyArray<Comment> } => {
  const literals: Array<Literal> = []
  const comments: Array<Comment> = []
  const templates: Array<number> = []
  let code = ""
  let depth = 0
  let at = 0

  const lineAt = (at: number): number => source.slice(0, at).split("\n").length

  /** Of a comment up to `mark`, of which `included` characters belong to it. */
  const comment = (mark: string, included: number): void => {
    const found = source.indexOf(mark, at + 2)
    const end = found < 0 ? source.length : found + included
    comments.push({ text: source.slice(at, end), line: lineAt(at) })
    at = end
  }

  const quoted = (quote: string): void => {
    const line = lineAt(at)
    let text = ""
    at++
    const ends = (c: string) => c === quote || (quote === "`" ? source.startsWith("${", at) : c === "\n")
    while (at < source.length && !ends(source[at]!)) {
      if (source[at] === "\\") at++
      text += source[at++] ?? ""
    }
    literals.push({ text, line, before: code.slice(-200) })
    code += quote
    endOfPart(quote)
  }

  /** Stands at the closing quote, or at the `${` of a template. */
  const endOfPart = (quote: string): void => {
    if (quote === "`" && source[at] === "$") {
      templates.push(depth++)
      at += 2
    } else at++
  }

  const regex = (): void => {
    let inClass = false
    for (at++; at < source.length && source[at] !== "\n" && (inClass || source[at] !== "/"); at++) {
      if (source[at] === "\\") at++
      else if (source[at] === "[") inClass = true
      else if (source[at] === "]") inClass = false
    }
    at++
    code += "/"
  }

  while (at < source.length) {
    const c = source[at]!
    if (source.startsWith("//", at)) comment("\n", 0)
    else if (source.startsWith("/*", at)) comment("*/", 2)
    else if (c === '"' || c === "'" || c === "`") quoted(c)
    else if (c === "/" && /(?:^|[(,=:[!&|?{};+*%<>~^-]|\breturn|=>)\s*$/.test(code.slice(-20))) regex()
    else if (c === "}" && templates.at(-1) === depth - 1) {
      // the rest of a template, up to its end or its next hole
      templates.pop()
      depth--
      at++
      while (at < source.length && source[at] !== "`" && !source.startsWith("${", at)) at += source[at] === "\\" ? 2 : 1
      endOfPart("`")
    } else {
      if (c === "{") depth++
      if (c === "}") depth--
      code += c
      at++
    }
  }
  return { literals, comments }
}
