/**
 * The lines that a terminal shows for calls (O4).
 */
import * as Progress from "@effect-mpire/core/Progress"
import type { Line } from "./block.ts"

/** How large a terminal is. */
export interface Size {
  readonly columns: number
  readonly rows: number
}

/** How texts are coloured: foreground colours by their number. */
type Colour = (text: string, colour: number) => string

const [red, green, yellow, cyan, grey] = [31, 32, 33, 36, 90] as const

const coloured: Colour = (text, colour) => `\x1b[${colour}m${text}\x1b[39m`

const marks = { succeeded: green, failed: red, interrupted: yellow } as const

const paint = (call: Progress.CallProgress, text: string): string => {
  const failed = text.replace(/\d[\d,]* failed/, (part) => coloured(part, red))
  if (call.state !== "running")
    return failed.replace(/^./u, (mark) => coloured(mark, marks[call.state as keyof typeof marks]))
  return failed.replace(
    / (━*)(─*)(?=  )/,
    (_, done: string, rest: string) => ` ${coloured(done, cyan)}${coloured(rest, grey)}`
  )
}

/** The line of a call. It leaves the last column free: a terminal would begin a new line after it. */
export const line = (call: Progress.CallProgress, { columns }: Size, hasColours: boolean): Line => {
  const text = Progress.format(call, { width: columns - 1 })
  return { text, coloured: hasColours ? paint(call, text) : text }
}

/** The lines of the calls that run: the newest, where there are more than fit into the terminal. */
export const lines = (
  running: ReadonlyArray<Progress.CallProgress>,
  size: Size,
  hasColours: boolean
): ReadonlyArray<Line> => {
  // one row is the cursor's, and one shows some of what is above
  const most = Math.max(1, size.rows - 2)
  const isTooMany = running.length > most
  const shown = isTooMany ? running.slice(running.length - Math.max(1, most - 1)) : running
  const all = shown.map((call) => line(call, size, hasColours))
  if (!isTooMany || most === 1) return all
  const more = `+ ${running.length - shown.length} more`
  return [...all, { text: more, coloured: more }]
}

/**
 * How many empty lines stand between the bars and what is above, of which so many lines are known. A terminal that becomes
 * narrower breaks each bar in two, and some, as tmux does, move as many rows from the top of the screen into their history,
 * out of reach, even where there is room below the bars. Were these the first half of a bar, it would stay there for good.
 */
export const spare = (shown: number, { rows }: Size, above: number): number =>
  Math.max(0, Math.min(shown - above, rows - shown - 2))
