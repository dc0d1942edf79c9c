/**
 * Tasks and hooks of `RuntimeSuite` whose Effects fail with what throws when it is looked at, or with an error of the
 * pool's own class.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as WorkerPoolError from "../WorkerPoolError.ts"
import { type HostileError, type HostileValue, makeError, makeValue } from "./suite.hostile.tasks.ts"

/** Succeeds with a value that may be hostile. */
export const succeedWith = (how: HostileValue): Effect.Effect<unknown> => Effect.sync(() => makeValue(how))

/** Fails with a hostile error. */
export const failWith = (how: HostileError): Effect.Effect<string, unknown> =>
  how === "" ? Effect.succeed("fine") : Effect.suspend(() => Effect.fail(makeError(how)))

/** Dies with a hostile error. */
export const dieWith = (how: HostileError): Effect.Effect<string> =>
  how === "" ? Effect.succeed("fine") : Effect.suspend(() => Effect.die(makeError(how)))

/** The reasons that the pool alone gives. */
export type Own = "Terminated" | "PoolClosed"

const own = (tag: Own): WorkerPoolError.WorkerPoolError =>
  WorkerPoolError.make(tag === "Terminated" ? new WorkerPoolError.Terminated({}) : new WorkerPoolError.PoolClosed({}))

/** A hook that fails with an error of the pool's own class. */
export const openOwn = (tag: Own): Effect.Effect<string, WorkerPoolError.WorkerPoolError> => Effect.fail(own(tag))

/** A hook that fails with an error of the pool's own class. */
export const closeOwn = (tag: Own): Effect.Effect<string, WorkerPoolError.WorkerPoolError> => Effect.fail(own(tag))

/** A task that fails with an error of the pool's own class. */
export const failOwn = (tag: Own | ""): Effect.Effect<string, WorkerPoolError.WorkerPoolError> =>
  tag === "" ? Effect.succeed("fine") : Effect.fail(own(tag))

/** A task that throws an error of the pool's own class. */
export const throwOwn = (tag: Own | ""): string => {
  if (tag !== "") throw own(tag)
  return "fine"
}
