/** TypeScript's own language server, asked what editors ask it. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath, pathToFileURL } from "node:url"

const root = fileURLToPath(new URL("../../../..", import.meta.url))

/** A place in a file, by the text that begins there. */
export interface Place {
  readonly file: string
  readonly text: string
}

interface Located {
  readonly uri: string
  readonly range: { readonly start: { readonly line: number; readonly character: number } }
}

const uriOf = (file: string): string => pathToFileURL(file).href

const positionOf = ({ file, text }: Place) => {
  const before = readFileSync(file, "utf8").split(text)[0]!.split("\n")
  return { line: before.length - 1, character: before.at(-1)!.length }
}

/** What is on the line from there, such as `"a.ts: square, 1)"`. */
const described = ({ range, uri }: Located): string => {
  const line = readFileSync(fileURLToPath(uri), "utf8").split("\n")[range.start.line]!
  return `${uri.slice(uri.lastIndexOf("/") + 1)}: ${line.slice(range.start.character)}`
}

const start = () => {
  const server = spawn(`${root}/node_modules/.bin/tsc`, ["--lsp", "--stdio"], {
    cwd: root,
    stdio: ["pipe", "pipe", "ignore"]
  })
  const waiting = new Map<number, (result: unknown) => void>()
  let received = Buffer.alloc(0)
  let asked = 0
  const send = (message: object) => {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message })
    server.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
  }
  server.stdout.on("data", (bytes: Buffer) => {
    received = Buffer.concat([received, bytes])
    for (;;) {
      const end = received.indexOf("\r\n\r\n")
      const length = Number(/Content-Length: (\d+)/i.exec(received.subarray(0, Math.max(end, 0)).toString())?.[1])
      if (end < 0 || received.length < end + 4 + length) return
      const message = JSON.parse(received.subarray(end + 4, end + 4 + length).toString())
      received = received.subarray(end + 4 + length)
      if (message.method === undefined) waiting.get(message.id)?.(message.result ?? message.error)
      // what it asks of an editor (its settings, for example) has no answer here
      else if (message.id !== undefined)
        send({ id: message.id, result: message.params?.items?.map(() => null) ?? null })
    }
  })
  const ask = (method: string, params: object): Promise<any> =>
    new Promise((resolve) => {
      waiting.set(++asked, resolve)
      send({ id: asked, method, params })
    })
  return { ask, tell: (method: string, params: object) => send({ method, params }), end: () => server.kill() }
}

/** Opens the files as an editor does, and returns what can be asked about them; the Scope ends the server. */
export const open = Effect.fnUntraced(function* (files: ReadonlyArray<string>) {
  const { ask, end, tell } = start()
  yield* Effect.addFinalizer(() => Effect.sync(end))
  yield* Effect.promise(() => ask("initialize", { processId: process.pid, rootUri: uriOf(root), capabilities: {} }))
  tell("initialized", {})
  for (const file of files) {
    const textDocument = { uri: uriOf(file), languageId: "typescript", version: 1, text: readFileSync(file, "utf8") }
    tell("textDocument/didOpen", { textDocument })
  }
  const at = (place: Place) => ({ textDocument: { uri: uriOf(place.file) }, position: positionOf(place) })
  return {
    /** Where what is declared at a place is used. */
    references: (place: Place): Effect.Effect<ReadonlyArray<string>> =>
      Effect.promise(async () => {
        const found = await ask("textDocument/references", { ...at(place), context: { includeDeclaration: false } })
        return (found as ReadonlyArray<Located>).map(described)
      }),
    /** What is changed when what is at a place is renamed. */
    renamed: (place: Place): Effect.Effect<ReadonlyArray<string>> =>
      Effect.promise(async () => {
        const { changes } = await ask("textDocument/rename", { ...at(place), newName: "renamed" })
        return Object.entries(changes as Record<string, ReadonlyArray<Located>>).flatMap(([uri, edits]) =>
          edits.map((edit) => described({ ...edit, uri }))
        )
      })
  }
})
