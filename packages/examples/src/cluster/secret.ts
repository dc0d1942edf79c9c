/** The key that runners and drivers have in common, in a file that only this user can read. */
import { Effect, FileSystem } from "effect"
import { randomBytes } from "node:crypto"

/** The path of a file with a new key; it is removed when the Scope closes. */
export const make = Effect.fn("Secret.make")(function* () {
  const fileSystem = yield* FileSystem.FileSystem
  const directory = yield* fileSystem.makeTempDirectoryScoped({ prefix: "effect-mpire-" })
  const file = `${directory}/secret`
  yield* fileSystem.writeFileString(file, randomBytes(32).toString("base64"), { mode: 0o600 })
  return file
})
