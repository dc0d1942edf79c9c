/**
 * Texts by the columns that they take in a terminal.
 */

/** What takes two columns: letters of East Asian scripts, and pictures. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u

/** What takes none: marks on the letter before, and what joins letters. */
const without = /[\p{Mn}\p{Me}\p{Cf}]/u

const widthOf = (char: string): number => (without.test(char) ? 0 : wide.test(char) ? 2 : 1)

/** Characters that would move a terminal's cursor, begin a line, or turn what follows round. */
const unprintable = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu

/** A text from elsewhere with such characters escaped, as items are printed: it stays in its place, and in its line. */
export const printable = (text: string): string =>
  text.replaceAll(unprintable, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** How many columns a text takes. */
export const textWidth = (text: string): number => {
  let width = 0
  for (const char of text) width += widthOf(char)
  return width
}

/** As much of a text as fits, with `…` in the place of what does not. */
export const fit = (text: string, width: number): string => {
  if (textWidth(text) <= width) return text
  let cut = ""
  let used = 1
  for (const char of text) {
    used += widthOf(char)
    if (used > width) break
    cut += char
  }
  return `${cut}…`
}

/** Between words, but not between a number and its unit. */
const breaks = / (?!(?:µs|ms|s|min|%)(?![A-Za-z]))/

/** A text in lines of at most `width` columns, broken between words; the first begins with `lead`, others as deep. */
export const wrap = (text: string, width: number, lead = ""): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  const indent = () => (lines.length === 0 ? lead : " ".repeat(textWidth(lead)))
  for (const word of text.split(breaks)) {
    const longer = line === "" ? word : `${line} ${word}`
    if (line !== "" && textWidth(indent() + longer) > width) {
      lines.push(fit(indent() + line, width))
      line = word
    } else {
      line = longer
    }
  }
  return [...lines, fit(indent() + line, width)]
}
