// A FiberPool's tasks take their services from the caller, its hooks from where the pool is made.
// @effect-diagnostics floatingEffect:off missingEffectContext:off
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { describe, expect, test } from "tstyche"
import * as FiberPool from "../../src/FiberPool.ts"
import type { WorkerContext } from "../../src/WorkerContext.ts"
import type { Outcome } from "../../src/WorkerPool.ts"
import type { WorkerPoolError } from "../../src/WorkerPoolError.ts"
import { double } from "./made.tasks.ts"

class Db extends Context.Service<Db, { readonly find: (id: number) => Effect.Effect<string, NotFound> }>()("test/Db") {}

class Log extends Context.Service<Log, { readonly log: (text: string) => Effect.Effect<void> }>()("test/Log") {}

class NotFound extends Data.TaggedError("NotFound")<{ readonly id: number }> {}

class Forbidden extends Data.TaggedError("Forbidden")<{ readonly id: number }> {}

interface Source {
  readonly _: unique symbol
}

declare const stream: Stream.Stream<number, Cause.TimeoutError, Source>
declare const fibers: FiberPool.FiberPool
declare const counters: FiberPool.FiberPool<{ count: number }, number>

const items = [1, 2, 3]

const find = (id: number) => Effect.flatMap(Db, (db) => db.find(id))

const scoped = Effect.fn("scoped")(function* (id: number) {
  yield* Effect.addFinalizer(() => Effect.void)
  return yield* find(id)
})

const open = Effect.acquireRelease(
  Effect.map(Db, () => ({ count: 0 })),
  () => Effect.void
)

const close = (worker: WorkerContext<{ readonly count: number }>) =>
  Effect.gen(function* () {
    const { log } = yield* Log
    yield* log(String(worker.state.count))
    return worker.state.count
  })

describe("tasks", () => {
  test("their requirements come from the caller, but for the Scope", () => {
    type E = NotFound | WorkerPoolError
    type Exits = Array<Exit.Exit<string, E>>
    expect(fibers.map(items, find)).type.toBe<Effect.Effect<Array<string>, E, Db>>()
    expect(fibers.map(items, scoped)).type.toBe<Effect.Effect<Array<string>, E, Db>>()
    expect(fibers.mapUnordered(items, scoped)).type.toBe<Effect.Effect<Array<string>, E, Db>>()
    expect(fibers.mapExit(items, scoped)).type.toBe<Effect.Effect<Exits, WorkerPoolError, Db>>()
    expect(fibers.forEach(items, scoped)).type.toBe<Effect.Effect<void, E, Db>>()
    expect(fibers.stream(items, scoped)).type.toBe<Stream.Stream<string, E, Db>>()
    expect(fibers.streamUnordered(items, scoped)).type.toBe<Stream.Stream<string, E, Db>>()
    expect(fibers.streamExit(items, scoped)).type.toBe<Stream.Stream<Outcome<string, E>, WorkerPoolError, Db>>()
    expect(fibers.streamUnorderedExit(items, scoped)).type.toBe<
      Stream.Stream<Outcome<string, E>, WorkerPoolError, Db>
    >()
    expect(fibers.run(scoped, 1)).type.toBe<Effect.Effect<string, E, Db>>()
  })

  test("a Stream adds its errors and requirements", () => {
    type E = NotFound | Cause.TimeoutError | WorkerPoolError
    expect(fibers.map(stream, scoped)).type.toBe<Effect.Effect<Array<string>, E, Db | Source>>()
    expect(fibers.mapExit(stream, scoped)).type.toBe<
      Effect.Effect<
        Array<Exit.Exit<string, NotFound | WorkerPoolError>>,
        Cause.TimeoutError | WorkerPoolError,
        Db | Source
      >
    >()
    expect(fibers.forEach(stream, scoped)).type.toBe<Effect.Effect<void, E, Db | Source>>()
    expect(fibers.stream(stream, scoped)).type.toBe<Stream.Stream<string, E, Db | Source>>()
    expect(fibers.streamExit(stream, find)).type.toBe<
      Stream.Stream<Outcome<string, NotFound | WorkerPoolError>, Cause.TimeoutError | WorkerPoolError, Db | Source>
    >()
  })

  test("their parameters are typed by the items and the state", () => {
    fibers.map(items, (n, worker) => {
      expect(n).type.toBe<number>()
      expect(worker).type.toBe<WorkerContext<void>>()
      return Effect.void
    })
    counters.stream(stream, (n, worker) => {
      expect(n).type.toBe<number>()
      expect(worker.state).type.toBe<{ count: number }>()
      return Effect.void
    })
    counters.run((text, worker) => {
      expect(text).type.toBe<string>()
      expect(worker.state).type.toBe<{ count: number }>()
      return Effect.void
    }, "text")
    fibers.map([1, "a", null], (x) => {
      expect(x).type.toBe<string | number | null>()
      return Effect.void
    })
  })

  test("may return one of several Effects", () => {
    expect(fibers.map(items, (n) => (n > 1 ? Effect.succeed(n) : Effect.succeed("one")))).type.toBe<
      Effect.Effect<Array<number | string>, WorkerPoolError>
    >()
    const check = (id: number) => {
      if (id < 0) return Effect.fail(new NotFound({ id }))
      if (id === 0) return Effect.fail(new Forbidden({ id }))
      return find(id)
    }
    expect(fibers.map(items, check)).type.toBe<
      Effect.Effect<Array<string>, NotFound | Forbidden | WorkerPoolError, Db>
    >()
    expect(fibers.run(check, 1)).type.toBe<Effect.Effect<string, NotFound | Forbidden | WorkerPoolError, Db>>()
  })

  test("may return Effect data: nothing crosses", () => {
    expect(fibers.map(items, (n) => Effect.succeed(Option.some(n)))).type.toBe<
      Effect.Effect<Array<Option.Option<number>>, WorkerPoolError>
    >()
  })

  test("flow through generic code", () => {
    const both = <A, B, E, R>(inputs: ReadonlyArray<A>, task: (a: A) => Effect.Effect<B, E, R>) =>
      Effect.all([fibers.map(inputs, task), fibers.mapUnordered(inputs, task)])
    expect(both(items, find)).type.toBe<Effect.Effect<[Array<string>, Array<string>], NotFound | WorkerPoolError, Db>>()
  })

  test("return Effects only", () => {
    // @ts-expect-error Type 'number' is not assignable to type 'Effect<any, any, any>'
    fibers.map(items, (n) => n)
    // @ts-expect-error Type 'Promise<number>' is missing the following properties from type 'Effect<any, any, any>'
    fibers.map(items, async (n) => n)
    // @ts-expect-error Type 'number' is not assignable to type 'Effect<any, any, any>'
    fibers.map(items, double)
  })

  test("take the items and the pool's state", () => {
    expect(counters.map(items, (n: number, worker: WorkerContext) => Effect.succeed(n + worker.id))).type.toBe<
      Effect.Effect<Array<number>, WorkerPoolError>
    >()
    // @ts-expect-error Type 'string' is not assignable to type 'number'
    fibers.map(["a"], find)
    // @ts-expect-error Argument of type 'string' is not assignable to parameter of type 'number'
    fibers.run(find, "a")
    // @ts-expect-error Type 'void' is not assignable to type '{ readonly count: number; }'
    fibers.map(items, (_: number, worker: WorkerContext<{ readonly count: number }>) => Effect.succeed(worker.id))
    // @ts-expect-error Property 'name' does not exist on type '{ count: number; }'
    counters.map(items, (_, worker) => Effect.succeed(worker.state.name))
  })
})

describe("make", () => {
  test("hooks decide the state, the exit results and what is required", () => {
    expect(FiberPool.make()).type.toBe<Effect.Effect<FiberPool.FiberPool, WorkerPoolError, Scope.Scope>>()
    expect(FiberPool.make({ size: 2 })).type.toBe<Effect.Effect<FiberPool.FiberPool, WorkerPoolError, Scope.Scope>>()
    expect(FiberPool.make({ init: open, exit: close })).type.toBe<
      Effect.Effect<FiberPool.FiberPool<{ count: number }, number>, WorkerPoolError, Db | Log | Scope.Scope>
    >()
    expect(FiberPool.make({ init: open })).type.toBe<
      Effect.Effect<FiberPool.FiberPool<{ count: number }>, WorkerPoolError, Db | Scope.Scope>
    >()
    expect(FiberPool.make({ init: (worker) => Effect.succeed(worker.id) })).type.toBe<
      Effect.Effect<FiberPool.FiberPool<number>, WorkerPoolError, Scope.Scope>
    >()
  })

  test("an exit that is a closure sees the state", () => {
    expect(
      FiberPool.make({
        init: open,
        exit: (worker) => Effect.succeed(`${worker.state.count}`)
      })
    ).type.toBe<Effect.Effect<FiberPool.FiberPool<{ count: number }, string>, WorkerPoolError, Db | Scope.Scope>>()
    expect(
      FiberPool.make({
        init: (worker) => Effect.succeed(worker.id),
        exit: (worker) => Effect.succeed([worker.state])
      })
    ).type.toBe<Effect.Effect<FiberPool.FiberPool<number, Array<number>>, WorkerPoolError, Scope.Scope>>()
  })

  test("without init the state is void, whatever exit takes", () => {
    expect(FiberPool.make({ exit: () => Effect.succeed(1) })).type.toBe<
      Effect.Effect<FiberPool.FiberPool<void, number>, WorkerPoolError, Scope.Scope>
    >()
    expect(FiberPool.make({ exit: (worker: WorkerContext) => Effect.succeed(worker.id) })).type.toBe<
      Effect.Effect<FiberPool.FiberPool<void, number>, WorkerPoolError, Scope.Scope>
    >()
    // @ts-expect-error Type 'void' is not assignable to type '{ readonly count: number; }'
    FiberPool.make({ exit: close })
  })

  test("an exit with another state is refused", () => {
    // @ts-expect-error Type 'string' is not assignable to type '{ readonly count: number; }'
    FiberPool.make({ init: Effect.succeed("state"), exit: close })
  })

  test("hooks return Effects only", () => {
    // @ts-expect-error Type 'number' is not assignable to type 'Effect<
    FiberPool.make({ init: () => 1 })
    // @ts-expect-error Type 'Promise<number>' is missing the following properties from type 'Effect<
    FiberPool.make({ exit: async () => 1 })
  })

  test("where an Effect of anything is expected", () => {
    expect(Effect.all([FiberPool.make(), FiberPool.make({ init: open, exit: close })])).type.toBe<
      Effect.Effect<
        [FiberPool.FiberPool, FiberPool.FiberPool<{ count: number }, number>],
        WorkerPoolError,
        Db | Log | Scope.Scope
      >
    >()
  })

  test("from an Effect of options, whose errors and requirements are added", () => {
    const options = Effect.map(find(1), (row) => ({ size: row.length, init: open, exit: close }))
    expect(FiberPool.make(options)).type.toBe<
      Effect.Effect<FiberPool.FiberPool<{ count: number }, number>, NotFound | WorkerPoolError, Db | Log | Scope.Scope>
    >()
  })
})

describe("hooks of a call", () => {
  const init = Effect.acquireRelease(Effect.succeed({ count: 1 }), () => Effect.void)

  test("need only a Scope", () => {
    expect(counters.map(items, find, { init, exit: (worker) => Effect.succeed(worker.state.count) })).type.toBe<
      Effect.Effect<Array<string>, NotFound | WorkerPoolError, Db>
    >()
    // @ts-expect-error Type 'Db' is missing the following properties from type 'Scope'
    counters.map(items, find, { init: open })
    // @ts-expect-error Type 'Log' is missing the following properties from type 'Scope'
    counters.map(items, find, { exit: close })
    // @ts-expect-error is not assignable to type 'Effect<unknown, any, Scope>'
    fibers.map(items, find, { exit: () => Effect.asVoid(Log) })
  })

  test("agree with the pool's state and exit results", () => {
    // @ts-expect-error is not assignable to type
    counters.map(items, find, { init: Effect.succeed("state") })
    // @ts-expect-error is not assignable to type
    counters.map(items, find, { exit: () => Effect.succeed("done") })
    // @ts-expect-error Property 'name' does not exist on type '{ count: number; }'
    counters.map(items, find, { exit: (worker) => Effect.succeed(worker.state.name) })
  })
})

test("isFiberPool", () => {
  const u: unknown = undefined
  if (FiberPool.isFiberPool(u)) {
    expect(u).type.toBe<FiberPool.FiberPool<any, any>>()
  }
})
