/**
 * Texts by the columns that they take in a terminal.
 */

/** What takes two columns: letters of East Asian scripts, and pictures. */
const wide =
  /[\u1100-\u115f\u2329\u232a\u2e80-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2ff}\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u

/** What takes none: marks on the letter before, what joins letters, and the second and third parts of a Korean syllable. */
const without = /[\p{Mn}\p{Me}\u1160-\u11ff\ud7b0-\ud7ff]|(?![\u00ad\u0600-\u0605\u06dd\u070f])\p{Cf}/u

/** Pictures that it joins are one picture. */
const joiner = "\u200d"

/** How many columns a character takes behind the one before it. */
const widthOf = (char: string, before: string): number =>
  before === joiner || without.test(char) ? 0 : wide.test(char) ? 2 : 1

/** Characters that would move a terminal's cursor, begin a line, or turn what follows round. */
const unprintable = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu

/** A text from elsewhere with such characters escaped, as items are printed: it stays in its place, and in its line. */
export const printable = (text: string): string =>
  text.replaceAll(unprintable, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** How many columns a text takes. */
export const textWidth = (text: string): number => {
  let width = 0
  let before = ""
  for (const char of text) {
    width += widthOf(char, before)
    before = char
  }
  return width
}

/** As much of a text as fits, with `…` in the place of what does not. */
export const fit = (text: string, width: number): string => {
  if (textWidth(text) <= width) return text
  let cut = ""
  let used = 1
  let before = ""
  for (const char of text) {
    used += widthOf(char, before)
    if (used > width) break
    cut += char
    before = char
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
