/* oxlint-disable unicorn/no-thenable -- thenables of users' own are what this is about */
/**
 * What users' code can do to those who call it, or look at what it returned.
 */
import * as Effect from "effect/Effect"

const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const boom = (what: string) => (): never => {
  throw new Error(what)
}

/** What has the key of an Exit from its prototype, as Exits do. */
const exitInName = (own: object): object => Object.assign(Object.create({ "~effect/Exit": true }), own)

/** An error of which one property cannot be read. */
export const unreadableError = (property: "message" | "stack" | "name" | "cause"): Error =>
  Object.defineProperty(new Error("unreadable"), property, {
    get: boom(`${property} cannot be read`),
    enumerable: true
  })

/** Values that throw when they are looked at. */
export const unreadable: Record<string, () => object> = {
  "a revoked Proxy": revoked,
  "a Proxy whose traps throw": () =>
    new Proxy(
      {},
      { has: boom("has"), get: boom("get"), getPrototypeOf: boom("getPrototypeOf"), ownKeys: boom("keys") }
    ),
  "a then getter that throws": () => Object.defineProperty({}, "then", { get: boom("then") }),
  "a then getter that throws the second time": () => {
    let reads = 0
    return Object.defineProperty({}, "then", { get: () => (reads++ === 0 ? () => {} : boom("then")()) })
  },
  "a then that throws": () => ({ then: boom("then") }),
  "an Effect in name only": () => Object.create({ "~effect/Effect": true }),
  "an Exit in name only": () => exitInName({ _tag: "Failure" }),
  "an Exit whose Cause is none": () => exitInName({ _tag: "Failure", cause: { reasons: [1] } })
}

/** What is no Effect, for a flatMap to return. */
const noEffects: Record<string, () => unknown> = {
  undefined: () => undefined,
  "a number": () => 5,
  "a Promise": () => Promise.resolve(1),
  "an object without toString": () => Object.create(null),
  "an object whose toString throws": () => ({ toString: boom("toString") }),
  "a revoked Proxy": revoked
}

const after = <A>(body: () => A): Effect.Effect<A> => Effect.andThen(Effect.yieldNow, Effect.sync(body))

/** Bodies of tasks and hooks that throw in one way or another; each is a defect of that task or hook. */
export const throwing: Record<string, () => unknown> = {
  "it throws": boom("task"),
  "it throws undefined": () => {
    // oxlint-disable-next-line typescript/only-throw-error -- users may
    throw undefined
  },
  "its Effect dies": () => Effect.die(new Error("defect")),
  "its Promise rejects": () => Promise.reject(new Error("rejected")),
  "its Effect fails with no Cause": () => Effect.failCause(undefined as never),
  ...Object.fromEntries(Object.entries(unreadable).map(([name, make]) => [`it returns ${name}`, make])),
  ...Object.fromEntries(
    Object.entries(noEffects).flatMap(([name, make]) => [
      [`its flatMap returns ${name}`, () => Effect.flatMap(Effect.void, make as () => never)],
      [
        `its later flatMap returns ${name}`,
        () =>
          Effect.flatMap(
            after(() => 0),
            make as () => never
          )
      ],
      [
        `its finalizer returns ${name}`,
        () => Effect.addFinalizer(() => Effect.flatMap(Effect.void, make as () => never))
      ]
    ])
  ),
  ...Object.fromEntries(
    (["message", "stack", "name", "cause"] as const).flatMap((property) => [
      [
        `it throws an error whose ${property} cannot be read`,
        () => {
          throw unreadableError(property)
        }
      ],
      [`its Effect fails with an error whose ${property} cannot be read`, () => Effect.fail(unreadableError(property))],
      [`its Promise rejects with one whose ${property} cannot be read`, () => Promise.reject(unreadableError(property))]
    ])
  )
}

/** Bodies of tasks and hooks that never end, whoever asks. */
export const endless: Record<string, () => unknown> = {
  "a Promise that ignores its signal": () => new Promise(() => {}),
  "a thenable that never settles": () => ({ then: () => {} }),
  "an uninterruptible Effect": () => Effect.uninterruptible(Effect.never),
  "a finalizer that never ends": () =>
    Effect.andThen(
      Effect.addFinalizer(() => Effect.never),
      Effect.never
    )
}
