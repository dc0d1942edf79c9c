/**
 * What tmux does with the bytes of a program, and with the lines that it has when its width changes (`grid_reflow` and
 * `server_client_check_pane_resize` of tmux 3.3): as much of it as bars need, with one column for each character.
 */

interface Row {
  text: string
  /** Whether the next row goes on with its line. */
  isBroken: boolean
}

const empty = (): Row => ({ text: "", isBroken: false })

/** How long after it has told a program a size tmux does not tell it another, in milliseconds. */
const toldAgainAfter = 250

export class Tmux {
  /** The time in milliseconds. */
  now = 0
  /** The columns that the program is told. */
  told: number
  private columns: number
  private readonly rows: number
  /** The history, and below it the screen. */
  private all: Array<Row>
  /** The row of the cursor, counted from the first of the history, and its column. */
  private y = 0
  private x = 0
  private toldAt = Number.NEGATIVE_INFINITY

  constructor(columns: number, rows: number) {
    this.columns = columns
    this.told = columns
    this.rows = rows
    this.all = Array.from({ length: rows }, empty)
  }

  /** All lines, those of the history first; what has been broken is one line. */
  get lines(): ReadonlyArray<string> {
    return joined(this.all).map(({ text }) => text)
  }

  private get top(): number {
    return this.all.length - this.rows
  }

  write(text: string): void {
    const parts = text.replaceAll("\x1b", "␛").matchAll(/␛\[(?:(\d+)A|2K)|(\r\n?|\n)|[^␛\r\n]+/g)
    for (const [part, up, ending] of parts) {
      if (up !== undefined) this.y = Math.max(this.top, this.y - Number(up))
      else if (part === "␛[2K") this.clear()
      else if (ending === "\r") this.x = 0
      else if (ending !== undefined) this.newline()
      else for (const char of part) this.print(char)
    }
  }

  private print(char: string): void {
    if (this.x === this.columns) {
      this.all[this.y]!.isBroken = true
      this.newline()
    }
    const row = this.all[this.y]!
    row.text = row.text.padEnd(this.x).slice(0, this.x) + char + row.text.slice(this.x + 1)
    this.x++
  }

  private clear(): void {
    this.all[this.y] = empty()
    const before = this.all[this.y - 1]
    if (before !== undefined) before.isBroken = false
  }

  private newline(): void {
    this.x = 0
    this.y++
    if (this.y === this.all.length) this.all.push(empty())
  }

  /** Changes its width. Lines are broken anew, and what has no room is the history, whatever is empty at the bottom. */
  resize(columns: number): void {
    this.columns = columns
    const all: Array<Row> = []
    let y = 0
    let x = 0
    let from = 0
    for (const line of joined(this.all)) {
      const isHere = this.y >= from && this.y < from + line.rows.length
      const at = isHere ? line.rows.slice(0, this.y - from).join("").length + this.x : 0
      from += line.rows.length
      const pieces = line.text === "" ? [""] : (line.text.match(new RegExp(`.{1,${columns}}`, "gu")) ?? [])
      if (isHere) {
        const piece = Math.min(Math.floor(at / columns), pieces.length - 1)
        y = all.length + piece
        x = at - piece * columns
      }
      pieces.forEach((text, n) => all.push({ text, isBroken: n < pieces.length - 1 }))
    }
    while (all.length < this.rows) all.push(empty())
    this.all = all
    this.y = Math.max(y, this.top)
    this.x = Math.min(x, columns)
    this.tell()
  }

  /** Lets time pass. */
  pass(millis: number): void {
    this.now += millis
    this.tell()
  }

  private tell(): void {
    if (this.told === this.columns || this.now - this.toldAt < toldAgainAfter) return
    this.told = this.columns
    this.toldAt = this.now
  }
}

interface Line {
  text: string
  readonly rows: Array<string>
}

const joined = (rows: ReadonlyArray<Row>): ReadonlyArray<Line> => {
  const lines: Array<Line> = []
  let goesOn = false
  for (const { isBroken, text } of rows) {
    const last = lines.at(-1)
    if (goesOn && last !== undefined) {
      last.text += text
      last.rows.push(text)
    } else lines.push({ text, rows: [text] })
    goesOn = isBroken
  }
  return lines
}
