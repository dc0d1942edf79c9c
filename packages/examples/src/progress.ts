import { Portable, Progress, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime, ProgressBar } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeStdio from "@effect/platform-node/NodeStdio"
import { Array, Effect, Stream } from "effect"
import type * as Tasks from "./progress.tasks.ts"

// #region program
const tasks = Portable.module<typeof Tasks>(new URL("./progress.tasks.ts", import.meta.url))

const films: ReadonlyArray<Tasks.Film> = Array.makeBy(40, (n) => ({ name: `film-${n}`, minutes: ((n * 11) % 17) + 1 }))

export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ size: 4, keepAlive: true })
  const encoding = pool.map(films, tasks.encode, {
    progress: { label: "Encoding", unit: "minutes", weight: (film: Tasks.Film) => film.minutes }
  })
  const subtitles = pool.stream(Stream.fromIterable(films), tasks.fetchSubtitles, {
    progress: { label: "Subtitles", unit: "films" }
  })
  const [files, lines] = yield* Effect.all(
    [
      encoding,
      Stream.runFold(
        subtitles,
        () => 0,
        (sum, lines) => sum + lines
      )
    ],
    {
      concurrency: 2
    }
  )
  return { files: files.length, lines }
}).pipe(Effect.scoped)
// #endregion

// #region own
/** Tells each change of whole percents, to a page or a queue say. */
export const percents = (tell: (label: string, percent: number) => Effect.Effect<void>) => {
  const told = new Map<number, number>()
  return Progress.layer((calls) =>
    Effect.forEach(
      calls,
      ({ done, id, label, total }) => {
        const percent = total === undefined || total === 0 ? 0 : Math.floor((100 * done) / total)
        if (told.get(id) === percent) return Effect.void
        told.set(id, percent)
        return tell(label, percent)
      },
      { discard: true }
    )
  )
}
// #endregion

// #region main
const main = program.pipe(
  Effect.provide([NodeWorkerRuntime.layerThreads(), ProgressBar.layer]),
  Effect.provide(NodeStdio.layer)
)
// #endregion

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(main)
