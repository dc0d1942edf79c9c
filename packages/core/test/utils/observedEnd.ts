/** The pool's end of what workers tell, without a worker. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { Observations } from "../../src/internal/remote/observations.ts"
import { ObservedSpans } from "../../src/internal/remote/observedSpans.ts"
import type { WorkerClock } from "../../src/internal/remote/workerClock.ts"
import type { ObservedRecord } from "../../src/internal/wire/observed.ts"

type Chunks = ConstructorParameters<typeof Observations>[3]

export const noChunks: Chunks = { contextOf: () => undefined, ageOf: () => undefined }

export interface Line {
  readonly message: unknown
  readonly time: number
  readonly level: string
  readonly of: unknown
}

/** The pool's end, with the lines that its loggers got. */
export const makeEnd = (chunks: Partial<Chunks> = {}, clock?: WorkerClock) =>
  Effect.contextWith((context: Context.Context<never>) => {
    const lines: Array<Line> = []
    const logger = Logger.make<unknown, void>(({ date, fiber, logLevel, message }) => {
      const { of } = fiber.getRef(References.CurrentLogAnnotations)
      lines.push({ message, time: date.getTime(), level: logLevel, of })
    })
    const pools = Context.add(context, References.CurrentLoggers, new Set([logger]))
    const annotated = (of: string) => Context.add(pools, References.CurrentLogAnnotations, { of })
    const observations = new Observations(
      { id: 3, generation: 1 },
      pools,
      new ObservedSpans({ itemOf: () => undefined, hasChunk: () => false }),
      { ...noChunks, ...chunks },
      clock
    )
    return Effect.succeed({ annotated, lines, observations })
  })

export const line = (n: number, time = 0, chunk = 0): ObservedRecord => ["Log", chunk, 0, "Info", time, [n]]

export const told = (first: number, records: ReadonlyArray<ObservedRecord>, at = 0) =>
  ({ _tag: "Observed", first, records, at }) as const
