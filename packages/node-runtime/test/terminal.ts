/**
 * A terminal: an emulator at the end of a pseudo-terminal in which a program runs.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as headless from "@xterm/headless"
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { eventually } from "./support.ts"

/** Whether pseudo-terminals can be had: by `script` of util-linux. */
export const isSupported = process.platform === "linux"

const pathOf = (fixture: string) => fileURLToPath(new URL(`./fixtures/${fixture}`, import.meta.url))

/** What nobody prints. */
const key = "~"

const quoted = (text: string) => `'${text}'`

export class Terminal {
  /** All that the program has written to it. */
  bytes = ""
  private readonly emulator: headless.Terminal
  private readonly script: ChildProcess
  private readonly folder: string
  private exitCode: number | undefined = undefined
  private written = 0

  constructor(columns: number, rows: number, env: NodeJS.Dict<string>, command: ReadonlyArray<string>) {
    this.folder = mkdtempSync(join(tmpdir(), "terminal-"))
    this.emulator = new headless.Terminal({ cols: columns, rows, scrollback: 10_000, allowProposedApi: true })
    const run = `tty > ${this.folder}/tty; echo $$ > ${this.folder}/pid; stty cols ${columns} rows ${rows}; ${command.map(quoted).join(" ")}; exit $?`
    const { CI: _ci, NO_COLOR: _no, ...inherited } = process.env
    this.script = spawn("script", ["-qefc", run, "/dev/null"], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...inherited, TERM: "xterm-256color", ...env }
    })
    this.script.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.bytes += text
      this.written++
      this.emulator.write(text, () => void this.written--)
    })
    this.script.once("close", (code) => {
      this.exitCode = code ?? -1
    })
  }

  /** All lines, those of the scrollback first; what the terminal has broken because of its width is one line. */
  get lines(): ReadonlyArray<string> {
    const buffer = this.emulator.buffer.active
    const lines: Array<string> = []
    for (let y = 0; y < buffer.length; y++) {
      const line = buffer.getLine(y)!
      // what fills the row goes on in the next one
      const text = line.translateToString(buffer.getLine(y + 1)?.isWrapped !== true)
      if (line.isWrapped) lines.push(lines.pop()! + text)
      else lines.push(text)
    }
    while (lines.at(-1) === "") lines.pop()
    return lines
  }

  /** What is to be seen now, row by row. */
  get screen(): ReadonlyArray<string> {
    const buffer = this.emulator.buffer.active
    return Array.from(
      { length: this.emulator.rows },
      (_, y) => buffer.getLine(buffer.baseY + y)?.translateToString(true) ?? ""
    )
  }

  get cursorColumn(): number {
    return this.emulator.buffer.active.cursorX
  }

  /** Waits until the terminal shows something. */
  until(what: string, isSo: (screen: string) => boolean): Effect.Effect<void> {
    return eventually(what, () => this.written === 0 && (isSo(this.screen.join("\n")) || this.exitCode !== undefined))
  }

  readonly ended: Effect.Effect<number> = Effect.suspend(() =>
    Effect.map(
      eventually("the program's end", () => this.exitCode !== undefined && this.written === 0),
      () => this.exitCode!
    )
  )

  press(keys: string): void {
    this.script.stdin!.write(keys)
  }

  /**
   * Changes the size of the terminal. As in a terminal of one piece, the program sees no moment at which the emulator has one
   * size and the pseudo-terminal another: it stands still meanwhile, and what it has written before has arrived.
   */
  resize(columns: number, rows: number): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      // the shell is not stopped: `script` would stop with it
      const shell = this.read("pid")
      const pid = Number(readFileSync(`/proc/${shell}/task/${shell}/children`, "utf8"))
      process.kill(pid, "SIGSTOP")
      const before = this.bytes.split(key).length
      // the pseudo-terminal echoes it after all that the program has written
      this.press(key)
      yield* eventually("the echo", () => this.written === 0 && this.bytes.split(key).length > before)
      this.emulator.resize(columns, rows)
      execFileSync("stty", ["-F", this.read("tty"), "cols", String(columns), "rows", String(rows)])
      process.kill(pid, "SIGCONT")
    })
  }

  private read(file: string): string {
    return readFileSync(join(this.folder, file), "utf8").trim()
  }

  close(): void {
    this.script.kill("SIGKILL")
    this.emulator.dispose()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

export interface Options {
  readonly columns?: number
  readonly rows?: number
  readonly env?: NodeJS.Dict<string>
  /** The file that its stdout goes to, in the place of the terminal. */
  readonly stdout?: string | undefined
}

/** Runs a fixture in a terminal. */
export const run = (
  { columns = 80, env = {}, rows = 24, stdout }: Options,
  fixture: string,
  ...args: ReadonlyArray<string>
): Effect.Effect<Terminal, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const program = [process.execPath, pathOf(fixture), ...args]
      const command = stdout === undefined ? program : ["sh", "-c", `exec "$0" "$@" > ${stdout}`, ...program]
      return new Terminal(columns, rows, env, command)
    }),
    (terminal) => Effect.sync(() => terminal.close())
  )
