/**
 * The layer that shows calls on stderr: as bars in a terminal, as plain lines elsewhere (O4).
 */
import * as Progress from "@effect-mpire/core/Progress"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { captureConsole } from "./capture.ts"
import { Plain } from "./plain.ts"
import { type Screen, Terminal } from "./terminal.ts"

/** Whether an environment variable says so, as far as there is a convention. */
const isSet = (variable: "CI" | "NO_COLOR"): boolean => {
  const value = process.env[variable] ?? ""
  return value !== "" && (variable === "NO_COLOR" || (value !== "0" && value !== "false"))
}

/** How large the terminal is. Node learns it by a signal, which comes some time after the terminal has changed. */
const size = () => {
  const { stderr } = process as { stderr: NodeJS.WriteStream & { readonly _refreshSize?: () => void } }
  stderr._refreshSize?.()
  return { columns: stderr.columns || 80, rows: stderr.rows || 24 }
}

const terminal = (write: (text: string | Uint8Array) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<never>()
    const fork = Effect.runForkWith(context)
    const screen = {
      // begins at once, and a terminal takes what it is given
      write: (text: Uint8Array) => void fork(write(text)),
      size,
      now: () => performance.now(),
      streams: [process.stdout, process.stderr].filter(({ isTTY }) => isTTY)
    }
    const whose = {}
    const shown = yield* Effect.acquireRelease(
      Effect.sync(() => enter(screen)),
      (terminal) => Effect.sync(() => leave(terminal, whose))
    )
    return Progress.layer((calls) => Effect.sync(() => shown.show(calls, whose)))
  })

/**
 * The terminal while at least one layer shows bars in it: two that took the streams over from each other could give them back in
 * one order only.
 */
let opened: { readonly terminal: Terminal; readonly releaseConsole: () => void; layers: number } | undefined

const enter = (screen: Screen): Terminal => {
  opened ??= { releaseConsole: captureConsole(), terminal: new Terminal(screen, !isSet("NO_COLOR")), layers: 0 }
  opened.layers++
  return opened.terminal
}

const leave = (terminal: Terminal, whose: object): void => {
  terminal.hide(whose)
  if (opened === undefined || --opened.layers > 0) return
  terminal.close()
  opened.releaseConsole()
  opened = undefined
}

const plain = (write: (text: string | Uint8Array) => Effect.Effect<void>) => {
  const lines = new Plain()
  return Progress.layer((calls) =>
    Effect.suspend(() => {
      const text = lines.lines(calls)
      return text === "" ? Effect.void : write(text)
    })
  )
}

export const layer: Layer.Layer<never, never, Stdio.Stdio> = Layer.unwrap(
  Effect.gen(function* () {
    const stdio = yield* Stdio.Stdio
    // nobody reads it any more: that is no reason for anything to fail
    const write = (text: string | Uint8Array) => Effect.ignore(Stream.run(Stream.succeed(text), stdio.stderr()))
    const isTerminal = yield* stdio.stderrIsTerminal
    const mayMove = process.env["TERM"] !== "dumb" && !isSet("CI")
    return isTerminal && mayMove ? yield* terminal(write) : plain(write)
  })
)
