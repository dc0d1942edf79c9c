/**
 * Tasks and hooks of `RuntimeSuite` that log, loaded in the workers of the runtime under test.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Headers from "effect/http/Headers"

/** The part of Node's `process` that every runtime offers whose workers can vanish. */
interface Process {
  readonly pid: number
  readonly exit: (code: number) => never
  readonly kill: (pid: number, signal: string) => void
}

const { process } = globalThis as unknown as { readonly process: Process }

/** Logs a line before its item ends, as hooks do. */
export const init: Effect.Effect<string> = Effect.as(Effect.log("init"), "state")
export const exit: Effect.Effect<void> = Effect.log("exit")

/** Logs a line on three levels, within a span and an annotation of its own. */
export const onLevels = (n: number): Effect.Effect<number> =>
  Effect.gen(function* () {
    yield* Effect.logDebug("debug", n)
    yield* Effect.log("info", n)
    yield* Effect.logError("error", n, Cause.fail(new RangeError(`cause ${n}`)))
    return n
  }).pipe(Effect.annotateLogs("item", n), Effect.withLogSpan("inner"))

/** Logs on the level that is current. */
export const onCurrentLevel = (n: number): Effect.Effect<number> => Effect.as(Effect.log("current"), n)

/** Replaces an annotation of its caller's, and logs. */
export const replacesAnnotation = (n: number): Effect.Effect<number> =>
  Effect.as(Effect.log("replaced"), n).pipe(Effect.annotateLogs("caller", "the task's own"))

/** Drops all annotations, and logs. */
export const dropsAnnotations = (n: number): Effect.Effect<number> =>
  Effect.as(Effect.log("dropped"), n).pipe(Effect.provideService(References.CurrentLogAnnotations, {}))

const circular = (): unknown => {
  const circle: Record<string, unknown> = { name: "circle" }
  circle["self"] = circle
  return circle
}

/** Things that cannot cross, or that nobody should see. */
const awkward: Readonly<Record<string, () => unknown>> = {
  function: () => (n: number) => n,
  symbol: () => Symbol("s"),
  circular,
  getter: () =>
    Object.defineProperty({}, "got", {
      enumerable: true,
      get: () => {
        throw new Error("the getter")
      }
    }),
  revoked: () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  },
  promise: () => new Promise(() => {}),
  redacted: () => Redacted.make("secret"),
  toJSON: () => ({
    toJSON: () => {
      throw new Error("toJSON")
    }
  }),
  weakMap: () => new WeakMap(),
  error: () => Object.assign(new Error("with a function"), { call: () => 1 }),
  large: () => "x".repeat(1_000_000),
  many: () => Array.from({ length: 100_000 }, (_, n) => n)
}

export const awkwardNames: ReadonlyArray<string> = Object.keys(awkward)

/** Logs something awkward, within parts of a line and as an annotation. */
export const logsAwkward = (name: string): Effect.Effect<string> =>
  Effect.suspend(() => {
    const value = awkward[name]!()
    return Effect.as(Effect.log(name, [value], { within: value }), name).pipe(Effect.annotateLogs("awkward", value))
  })

/** Logs so many lines of Info without a pause, and then one of Warn. */
export const logsMany = (lines: number): Effect.Effect<void> =>
  Effect.andThen(
    Effect.forEach(
      Array.from({ length: lines }, (_, n) => n),
      (n) => Effect.log("line", n),
      { discard: true }
    ),
    Effect.logWarning("last")
  )

/** Logs three lines, the last an Error with a long cause, and ends the worker. */
export const logsAndEnds = (how: "exit" | "kill"): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* Effect.log("first")
    yield* Effect.log("second")
    yield* Effect.logError("third", Cause.fail(new Error("y".repeat(1_000_000))))
    if (how === "exit") process.exit(7)
    process.kill(process.pid, "SIGKILL")
    // until the signal has arrived
    for (;;);
  })

/** Returns a result of so many megabytes. */
export const megabytes = (n: number): Uint8Array => new Uint8Array(n * 1_048_576)

/** Services with a logger of their own, which writes nothing. */
export const silent: Layer.Layer<never> = Logger.layer([Logger.make(() => {})])

/** Logs headers, one of which has a secret. */
export const header = (name: string): Effect.Effect<void> => Effect.log(Headers.fromInput({ [name]: "SECRET" }))
