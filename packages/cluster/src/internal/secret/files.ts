/**
 * Reads what is secret: from files, from the environment, and from a file of this machine's user that is made where there is
 * none (K11). What goes wrong is told without what was read.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import { constants, existsSync } from "node:fs"
import { type FileHandle, link, mkdir, open, unlink } from "node:fs/promises"
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"
import { InvalidSecret } from "../../ClusterError.ts"
import { type Key, looksLikeKey, parse, Problem } from "./key.ts"

export type Keys = ReadonlyArray<Key>

/** The most bytes of a file that holds a secret: `/dev/zero` is none. */
const most = 65_536

const refused = (source: string, problem: string): InvalidSecret => new InvalidSecret({ source, problem })

/** A file that the system cannot open, read or make; `code` is its word for why. */
class FileFailed extends Data.TaggedError("FileFailed")<{ readonly code: string }> {}

/** What the system says of a file, without its path, which is said already. */
const told = ({ code }: FileFailed): string => {
  switch (code) {
    case "ENOENT":
      return "there is no such file"
    case "EACCES":
    case "EPERM":
      return "this user may not read it"
    case "EISDIR":
      return "it is a directory"
    case "ELOOP":
      return "it is a symbolic link"
    default:
      return `it could not be read (${code})`
  }
}

/** Whoever gives the secret itself where its place is asked for must not find it in the log. */
const hidden = (place: string, isPlace: boolean): string =>
  !isPlace && looksLikeKey(place) ? "(not shown, because it looks like a secret itself)" : place

const placeOfFile = (path: string): string => {
  const folder = dirname(path)
  return `the file ${hidden(path, folder !== "." && folder !== "/" && existsSync(folder))}`
}

const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, FileFailed> =>
  Effect.tryPromise({
    try: run,
    catch: (error) => new FileFailed({ code: String((error as { readonly code?: unknown }).code ?? error) })
  })

/** The text of an open file, or `undefined` when it is too long; a pipe is read to its end. */
const readAll = (handle: FileHandle): Effect.Effect<string | undefined, FileFailed> =>
  Effect.gen(function* () {
    const buffer = Buffer.alloc(most + 1)
    let length = 0
    while (length <= most) {
      const { bytesRead } = yield* attempt(() => handle.read(buffer, length, buffer.length - length, null))
      if (bytesRead === 0) return buffer.toString("utf8", 0, length)
      length += bytesRead
    }
    return undefined
  })

const withFile = <A, E>(
  path: string,
  flags: number,
  use: (handle: FileHandle) => Effect.Effect<A, E>
): Effect.Effect<A, E | FileFailed> =>
  Effect.acquireUseRelease(
    attempt(() => open(path, flags)),
    use,
    (handle) => Effect.ignore(attempt(() => handle.close()))
  )

/** The text of a file. */
export const readText = (file: string | URL): Effect.Effect<string, InvalidSecret> =>
  Effect.suspend(() => {
    const path = file instanceof URL ? fileURLToPath(file) : file
    const source = placeOfFile(path)
    return withFile(path, constants.O_RDONLY, readAll).pipe(
      Effect.mapError((error) => refused(source, told(error))),
      Effect.flatMap((text) =>
        text === undefined ? Effect.fail(refused(source, `it has more than ${most} bytes`)) : Effect.succeed(text)
      )
    )
  })

const keysOf = (source: string, text: string): Effect.Effect<Keys, InvalidSecret> => {
  const keys = parse(text)
  return keys instanceof Problem ? Effect.fail(refused(source, keys.words)) : Effect.succeed(keys)
}

/** The keys in a file. Who may read it is its owner's affair: mounted secrets are often everybody's in their container. */
export const fromFile = (file: string | URL): Effect.Effect<Keys, InvalidSecret> =>
  Effect.flatMap(readText(file), (text) => keysOf(placeOfFile(file instanceof URL ? fileURLToPath(file) : file), text))

/** The keys in a variable of an environment. */
export const fromEnv = (name: string, env: NodeJS.Dict<string>): Effect.Effect<Keys, InvalidSecret> =>
  Effect.suspend(() => {
    const source = `the environment variable ${hidden(name, env[name] !== undefined)}`
    const text = env[name]
    return text === undefined ? Effect.fail(refused(source, "it is not set")) : keysOf(source, text)
  })

/** Only the user's own file, that nobody else can read, is trusted; `undefined` when there is none. */
const readOwn = (path: string): Effect.Effect<string | undefined, InvalidSecret> => {
  const source = placeOfFile(path)
  // what the path leads to could be changed between a look and the opening, so the open file is looked at. Without waiting
  // for a pipe's other end.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
  return withFile(path, flags, (handle) =>
    Effect.gen(function* () {
      const stats = yield* attempt(() => handle.stat())
      const user = process.getuid?.()
      if (!stats.isFile()) return refused(source, "it is no regular file")
      // on Windows a mode says nothing, and there is no such user
      if (user !== undefined && stats.uid !== user) return refused(source, "it belongs to another user")
      if (user !== undefined && (stats.mode & 0o077) !== 0)
        return refused(source, `others may use it: its mode is ${(stats.mode & 0o777).toString(8)}, and must be 600`)
      return (yield* readAll(handle)) ?? refused(source, `it has more than ${most} bytes`)
    })
  ).pipe(
    Effect.catch((error) =>
      error.code === "ENOENT" ? Effect.succeed(undefined) : Effect.fail(refused(source, told(error)))
    ),
    Effect.flatMap((found) => (found instanceof InvalidSecret ? Effect.fail(found) : Effect.succeed(found)))
  )
}

/**
 * Makes the file, unless somebody else has by now: it appears with all of its text, as a link to one that has been written,
 * so that nobody reads half of it.
 */
const makeOwn = (path: string): Effect.Effect<void, InvalidSecret> => {
  const draft = `${path}.${randomBytes(8).toString("hex")}`
  return Effect.acquireUseRelease(
    Effect.andThen(
      attempt(() => mkdir(dirname(path), { recursive: true, mode: 0o700 })),
      attempt(() => open(draft, "wx", 0o600))
    ),
    (handle) =>
      Effect.gen(function* () {
        yield* attempt(() => handle.writeFile(`${randomBytes(32).toString("base64")}\n`))
        yield* attempt(() => handle.sync())
        yield* attempt(() => link(draft, path))
      }),
    (handle) =>
      Effect.andThen(Effect.ignore(attempt(() => handle.close())), Effect.ignore(attempt(() => unlink(draft))))
  ).pipe(
    Effect.catch(({ code }) =>
      code === "EEXIST"
        ? Effect.void
        : Effect.fail(refused(placeOfFile(path), `it could not be made (${code}): give a \`secret\``))
    )
  )
}

/** The keys of this machine's user, in a file that is made if there is none. */
export const ofUser = Effect.fnUntraced(function* (path: string): Effect.fn.Return<Keys, InvalidSecret> {
  let text = yield* readOwn(path)
  if (text === undefined) {
    yield* makeOwn(path)
    text = yield* readOwn(path)
  }
  const source = placeOfFile(path)
  if (text === undefined) return yield* Effect.fail(refused(source, "it is removed again and again"))
  return yield* keysOf(source, text)
})
