/**
 * Lines at the end of what a terminal shows, which are drawn again and again (O4). Between frames the cursor is at the
 * beginning of the line below them, and it is never hidden: nothing has to be put back when the program ends, however it does.
 */
import * as Progress from "@effect-mpire/core/Progress"

/** A line, and how it is written. */
export interface Line {
  readonly text: string
  readonly coloured: string
}

const clear = "\x1b[2K"

const up = (rows: number): string => (rows > 0 ? `\x1b[${rows}A` : "")

/** How many rows a line takes: a terminal that has become narrower has broken it, between two characters. */
export const rowsOf = (text: string, columns: number): number => {
  let rows = 1
  let used = 0
  let before = ""
  for (const char of text) {
    // pictures that are joined are one picture: it depends on the character before
    const width = Progress.textWidth(before + char) - Progress.textWidth(before)
    before = char
    if (used + width > columns) {
      rows++
      used = 0
    }
    used += width
  }
  return rows
}

export class Block {
  private drawn: ReadonlyArray<Line> = []

  get isEmpty(): boolean {
    return this.drawn.length === 0
  }

  /** What has been drawn stays: the next lines are drawn below it. */
  leave(): void {
    this.drawn = []
  }

  /** Whether a frame with these lines would change nothing. */
  shows(lines: ReadonlyArray<Line>): boolean {
    return this.drawn.length === lines.length && lines.every(({ coloured }, n) => this.drawn[n]!.coloured === coloured)
  }

  /**
   * What to write before and after whole lines that go above the block, to draw it anew with other lines. Each row is
   * cleared by itself: what clears all to the end of the screen moves it into the history of some terminals, if it is all of
   * the screen.
   */
  frame(lines: ReadonlyArray<Line>, columns: number): { readonly before: string; readonly after: string } {
    // the terminal may have another width than when they were drawn, and has broken them, or joined them again
    const rows = this.drawn.reduce((sum, { text }) => sum + rowsOf(text, columns), 0)
    this.drawn = lines
    return {
      // also where nothing has been drawn: the program may have begun behind something on its line
      before: rows + lines.length === 0 ? "" : `\r${up(rows)}${`${clear}\n`.repeat(rows)}${clear}${up(rows)}`,
      after: lines.map(({ coloured }) => `${clear}${coloured}\n`).join("")
    }
  }
}
