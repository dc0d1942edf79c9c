import { Effect } from "effect"

const read = (path: string) => Effect.withSpan(Effect.sleep(5), "read", { attributes: { path } })

const encode = Effect.withSpan(
  Effect.sync(() => {
    const end = performance.now() + 10
    while (performance.now() < end);
  }),
  "encode"
)

/** Makes a small picture of a large one. */
export const resize = Effect.fn("resize")(function* (path: string) {
  yield* read(path)
  yield* Effect.logInfo("encoding", path)
  yield* encode
  return path.replace(".png", ".small.png")
})
