/** O3: what tasks, hooks and services log is written by the caller's loggers. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Headers from "effect/http/Headers"
import * as Portable from "../../Portable.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import * as assert from "./assert.ts"
import { type Case, tasks as suiteTasks } from "./case.ts"

const tasks = Portable.module<typeof import("../suite.logs.tasks.ts")>(
  new URL("../suite.logs.tasks.ts", import.meta.url)
)

/** A line as a logger was told of it. */
interface Line {
  readonly level: string
  readonly message: ReadonlyArray<unknown>
  readonly annotations: Readonly<Record<string, unknown>>
  readonly spans: ReadonlyArray<string>
  readonly cause: string
  readonly time: number
}

/** Runs an Effect with a logger that keeps lines. */
const recorded = <A, E, R>(use: (lines: ReadonlyArray<Line>) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const lines: Array<Line> = []
    const logger = Logger.make<unknown, void>(({ cause, date, fiber, logLevel, message }) => {
      lines.push({
        level: logLevel,
        message: Array.isArray(message) ? message : [message],
        annotations: fiber.getRef(References.CurrentLogAnnotations),
        spans: fiber.getRef(References.CurrentLogSpans).map(([label]) => label),
        cause: Cause.pretty(cause),
        time: date.getTime()
      })
    })
    return Effect.provideService(use(lines), References.CurrentLoggers, new Set([logger]))
  })

/** What of a line is the same wherever it is logged. */
const shown = ({ annotations, level, message, spans }: Line) => ({ level, message, annotations, spans })

export const cases: ReadonlyArray<Case> = [
  {
    rule: "O3",
    name: "what a task logs is written once, in order, with its caller's level, annotations and spans, and its worker",
    effect: recorded((lines) =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1 })
        yield* pool
          .map([1, 2], tasks.onLevels)
          .pipe(
            Effect.annotateLogs("caller", "map"),
            Effect.withLogSpan("outer"),
            Effect.provideService(References.MinimumLogLevel, "Debug")
          )
        const line = (level: string, message: string, n: number) => ({
          level,
          message: [message, n],
          annotations: { worker: 0, caller: "map", item: n },
          spans: ["inner", "outer"]
        })
        yield* assert.equal(
          lines.map(shown),
          [1, 2].flatMap((n) => [line("Debug", "debug", n), line("Info", "info", n), line("Error", "error", n)]),
          "the lines"
        )
        yield* assert.includes(lines[2]?.cause, "RangeError: cause 1", "the cause")
      })
    )
  },
  {
    rule: "O3",
    name: "what is below the caller's level is not logged, and what has no level is logged on the caller's",
    effect: recorded((lines) =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1 })
        yield* pool.map([1], tasks.onLevels).pipe(Effect.provideService(References.MinimumLogLevel, "Error"))
        yield* pool.run(tasks.onCurrentLevel, 1).pipe(Effect.provideService(References.CurrentLogLevel, "Fatal"))
        yield* assert.equal(
          lines.map(({ level }) => level),
          ["Error", "Fatal"],
          "the lines' levels"
        )
      })
    )
  },
  {
    rule: "O3",
    name: "runs at once keep what is around each, though they share a worker",
    effect: recorded((lines) =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
        yield* pool.run(tasks.onCurrentLevel, 0)
        const runs = Array.from({ length: 60 }, (_, n) =>
          pool
            .run(tasks.onCurrentLevel, n)
            .pipe(
              n % 3 === 0 ? (run) => run : Effect.annotateLogs(n % 3 === 1 ? { one: n } : { two: n, call: () => n })
            )
        )
        yield* Effect.all(runs, { concurrency: "unbounded" })
        const told = lines.slice(1).map(({ annotations: { call, one, two } }) => ({ one, two, call: typeof call }))
        const expected = Array.from({ length: 60 }, (_, n) => {
          if (n % 3 === 0) return { call: "undefined" }
          return n % 3 === 1 ? { one: n, call: "undefined" } : { two: n, call: "function" }
        })
        const sorted = (all: ReadonlyArray<object>) => all.map((one) => JSON.stringify(one)).toSorted()
        yield* assert.equal(sorted(told), sorted(expected), "what was around them")
      })
    )
  },
  {
    rule: "O3",
    name: "a task can replace its caller's annotations, and drop them",
    effect: recorded((lines) =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1 })
        const calls = Effect.andThen(pool.run(tasks.replacesAnnotation, 1), pool.run(tasks.dropsAnnotations, 1))
        yield* calls.pipe(Effect.annotateLogs({ caller: "its own", other: 1 }))
        yield* assert.equal(
          lines.map(({ annotations }) => annotations),
          [{ worker: 0, caller: "the task's own", other: 1 }, {}],
          "the annotations"
        )
      })
    )
  },
  {
    rule: "O3",
    name: "what hooks log goes to the pool's loggers",
    effect: recorded((lines) =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, init: tasks.init, exit: tasks.exit }).pipe(
          Effect.annotateLogs("made", "here")
        )
        yield* pool.map([1], tasks.onCurrentLevel).pipe(Effect.annotateLogs("called", "here"))
        yield* assert.equal(
          lines.map(({ annotations, message }) => ({ annotations, message })),
          [
            { annotations: { worker: 0, made: "here" }, message: ["init"] },
            { annotations: { worker: 0, called: "here" }, message: ["current"] },
            { annotations: { worker: 0, made: "here" }, message: ["exit"] }
          ],
          "the lines"
        )
      })
    )
  },
  {
    rule: "O3",
    name: "a logger of the services' own gets what tasks log, and nobody else does",
    effect: recorded((lines) =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, services: tasks.silent })
        yield* pool.map([1, 2], tasks.onLevels)
        yield* assert.equal(lines.length, 0, "lines elsewhere")
      })
    )
  },
  {
    rule: "O3",
    name: "logging fails no item, whatever is logged, and a record is cut",
    needs: ["cloning"],
    effect: recorded((lines) =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
        const names = [
          "function",
          "symbol",
          "circular",
          "getter",
          "revoked",
          "promise",
          "redacted",
          "toJSON",
          "weakMap",
          "error",
          "large",
          "many"
        ]
        yield* assert.equal(yield* pool.map(names, tasks.logsAwkward), names, "the results")
        yield* assert.equal(
          lines.map(({ message }) => message[0]),
          names,
          "the lines"
        )
      })
    )
  },
  {
    rule: "O3",
    name: "what the caller has redacted in headers is redacted in what a task logs of them",
    effect: Effect.gen(function* () {
      const lines: Array<string> = []
      // names that are redacted are those of the fiber that runs
      const logger = Logger.make<unknown, void>(({ message }) => void lines.push(JSON.stringify(message)))
      const pool = yield* WorkerPool.make({ size: 1 })
      yield* pool
        .map(["x-tenant-key", "authorization", "x-shown"], tasks.header)
        .pipe(
          Effect.provideService(Headers.CurrentRedactedNames, ["authorization", /^x-tenant/i]),
          Effect.provideService(References.CurrentLoggers, new Set([logger]))
        )
      yield* assert.equal(
        lines.map((line) => line.includes("SECRET")),
        [false, false, true],
        "whether it can be read"
      )
    })
  },
  {
    rule: "O3",
    name: "lines come before the results of their items, and before the call ends",
    effect: recorded((lines) =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
        for (let n = 0; n < 20; n++) {
          yield* pool.run(tasks.onLevels, n)
          yield* assert.equal(
            lines.filter(({ message }) => message[1] === n).map(({ level }) => level),
            ["Info", "Error"],
            `the lines of run ${n}`
          )
        }
      })
    )
  },
  {
    rule: "O3",
    name: "three lines before process.exit arrive, also after results that nobody has read yet",
    needs: ["vanishing"],
    effect: recorded((lines) => ended(lines, "exit"))
  },
  {
    rule: "O3",
    name: "three lines before a SIGKILL arrive, also after results that nobody has read yet",
    needs: ["signals"],
    effect: recorded((lines) => ended(lines, "kill"))
  }
]

const ended = Effect.fnUntraced(function* (lines: ReadonlyArray<Line>, how: "exit" | "kill") {
  const pool = yield* WorkerPool.make({ size: 1, tasksPerWorker: 2, keepAlive: true })
  yield* pool.run(suiteTasks.squareEffect, 1)
  for (const before of [0, 8]) {
    const results = before === 0 ? Effect.void : pool.run(tasks.megabytes, before)
    const lost = assert.failsWith(
      pool.run(tasks.logsAndEnds, how).pipe(Effect.annotateLogs("caller", how)),
      "WorkerLost"
    )
    yield* Effect.all([Effect.exit(results), lost], { concurrency: "unbounded" })
  }
  yield* assert.equal(
    lines.map(({ annotations: { caller }, level, message }) => ({ caller, level, message })),
    ["first", "second", "third", "first", "second", "third"].map((text) => ({
      caller: how,
      level: text === "third" ? "Error" : "Info",
      message: [text]
    })),
    "the lines"
  )
  yield* assert.isTrue(
    lines.every(({ cause }) => cause.length < 40_000),
    "causes are cut",
    lines.map(({ cause }) => cause.length)
  )
})
