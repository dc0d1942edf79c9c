// Pools from options, from an Effect of options, and as services.
// @effect-diagnostics floatingEffect:off missingEffectContext:off
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { describe, expect, test } from "tstyche"
import * as Portable from "../../src/Portable.ts"
import * as WorkerPool from "../../src/WorkerPool.ts"
import type { WorkerPoolError } from "../../src/WorkerPoolError.ts"
import type { WorkerRuntime } from "../../src/WorkerRuntime.ts"
import type { Engine } from "./hooks.tasks.ts"
import type { Db } from "./services.tasks.ts"

const hooks = Portable.module<typeof import("./hooks.tasks.ts")>(new URL("./hooks.tasks.ts", import.meta.url))
const services = Portable.module<typeof import("./services.tasks.ts")>(new URL("./services.tasks.ts", import.meta.url))

class Sizes extends Context.Service<Sizes, { readonly small: number }>()("test/Sizes") {}

const fromConfig = Effect.gen(function* () {
  return { size: yield* Config.Int("SIZE"), init: hooks.open, exit: hooks.close }
})

const fromService = Effect.map(Sizes, ({ small }) => ({ size: small, init: hooks.open }))

type Needs = Scope.Scope | WorkerRuntime

describe("make", () => {
  test("from options", () => {
    expect(WorkerPool.make()).type.toBe<Effect.Effect<WorkerPool.WorkerPool, WorkerPoolError, Needs>>()
    expect(WorkerPool.make({ init: hooks.open, exit: hooks.close })).type.toBe<
      Effect.Effect<WorkerPool.WorkerPool<Engine, string>, WorkerPoolError, Needs>
    >()
    expect(WorkerPool.make({ init: services.openDb, services: services.dbLayer })).type.toBe<
      Effect.Effect<WorkerPool.WorkerPool<string, unknown, Db>, WorkerPoolError, Needs>
    >()
  })

  test("from an Effect of options, whose errors and requirements are added", () => {
    expect(WorkerPool.make(fromConfig)).type.toBe<
      Effect.Effect<WorkerPool.WorkerPool<Engine, string>, Config.ConfigError | WorkerPoolError, Needs>
    >()
    expect(WorkerPool.make(fromService)).type.toBe<
      Effect.Effect<WorkerPool.WorkerPool<Engine>, WorkerPoolError, Needs | Sizes>
    >()
    expect(WorkerPool.make(Effect.succeed({ size: 1 }))).type.toBe<
      Effect.Effect<WorkerPool.WorkerPool, WorkerPoolError, Needs>
    >()
  })

  test("literals of an Effect of options keep their types", () => {
    expect(WorkerPool.make).type.toBeCallableWith(Effect.succeed({ dispatch: "ordered", keepAlive: "1 minute" }))
    expect(WorkerPool.make).type.toBeCallableWith(
      Effect.map(Config.Int("SIZE"), (size) => ({ size, dispatch: "ordered", timeout: "1 second" }))
    )
    // @ts-expect-error Type '"random"' is not assignable to type
    WorkerPool.make(Effect.succeed({ dispatch: "random" }))
    // @ts-expect-error Type 'string' is not assignable to type 'number'
    WorkerPool.make(Effect.map(Config.String("SIZE"), (size) => ({ size })))
  })

  test("where an Effect of anything is expected", () => {
    expect(
      Effect.all([WorkerPool.make(), WorkerPool.make({ init: hooks.open }), WorkerPool.make(fromService)])
    ).type.toBe<
      Effect.Effect<
        [WorkerPool.WorkerPool, WorkerPool.WorkerPool<Engine>, WorkerPool.WorkerPool<Engine>],
        WorkerPoolError,
        Needs | Sizes
      >
    >()
  })

  test("in a generator", () => {
    const program = Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ init: hooks.open })
      return yield* pool.map([1, 2], hooks.withName)
    })
    expect(program).type.toBe<Effect.Effect<Array<string>, WorkerPoolError, Needs>>()
    expect(Effect.scoped(program)).type.toBe<Effect.Effect<Array<string>, WorkerPoolError, WorkerRuntime>>()
  })
})

class Plain extends WorkerPool.Service<Plain>()("test/Plain") {}

class Sized extends WorkerPool.Service<Sized>()("test/Sized", { size: 4, keepAlive: true, lifespan: 1000 }) {}

class Engines extends WorkerPool.Service<Engines>()("test/Engines", { init: hooks.open, exit: hooks.close }) {}

class FromConfig extends WorkerPool.Service<FromConfig>()("test/FromConfig", fromConfig) {}

class FromService extends WorkerPool.Service<FromService>()(
  "test/FromService",
  Effect.andThen(Effect.scope, fromService)
) {}

class Finders extends WorkerPool.Service<Finders>()("test/Finders", {
  services: services.dbLayer,
  init: services.openDb,
  exit: services.closeDb
}) {}

describe("Service", () => {
  test("has a layer", () => {
    expect(Plain.layer).type.toBe<Layer.Layer<Plain, WorkerPoolError, WorkerRuntime>>()
    expect(Sized.layer).type.toBe<Layer.Layer<Sized, WorkerPoolError, WorkerRuntime>>()
    expect(Engines.layer).type.toBe<Layer.Layer<Engines, WorkerPoolError, WorkerRuntime>>()
    expect(Finders.layer).type.toBe<Layer.Layer<Finders, WorkerPoolError, WorkerRuntime>>()
  })

  test("whose errors and requirements are added; the layer is the options' Scope", () => {
    expect(FromConfig.layer).type.toBe<Layer.Layer<FromConfig, Config.ConfigError | WorkerPoolError, WorkerRuntime>>()
    expect(FromService.layer).type.toBe<Layer.Layer<FromService, WorkerPoolError, WorkerRuntime | Sizes>>()
  })

  test("gives the typed pool", () => {
    const engines = Effect.gen(function* () {
      return yield* Engines
    })
    expect(engines).type.toBe<Effect.Effect<WorkerPool.WorkerPool<Engine, string>, never, Engines>>()
    const finders = Effect.gen(function* () {
      return yield* Finders
    })
    expect(finders).type.toBe<Effect.Effect<WorkerPool.WorkerPool<string, number, Db>, never, Finders>>()
    const program = Effect.gen(function* () {
      const pool = yield* Engines
      return yield* pool.map([1], hooks.withEngine)
    })
    expect(program).type.toBe<Effect.Effect<Array<number>, WorkerPoolError, Engines>>()
    expect(Effect.provide(program, Engines.layer)).type.toBe<
      Effect.Effect<Array<number>, WorkerPoolError, WorkerRuntime>
    >()
  })

  test("has a literal key", () => {
    expect(Engines.key).type.toBe<"test/Engines">()
  })

  test("is a service of its own", () => {
    const finders = Effect.gen(function* () {
      return yield* Finders
    })
    expect(Effect.provide(finders, Engines.layer)).type.toBe<
      Effect.Effect<WorkerPool.WorkerPool<string, number, Db>, WorkerPoolError, Finders | WorkerRuntime>
    >()
  })

  test("layerWith replaces options", () => {
    expect(Sized.layerWith({ size: 1, keepAlive: false })).type.toBe<typeof Sized.layer>()
    expect(Engines.layerWith({ init: hooks.openValue, exit: hooks.closeOnce })).type.toBe<typeof Engines.layer>()
    expect(FromConfig.layerWith({ size: 1 })).type.toBe<typeof FromConfig.layer>()
    expect(FromService.layerWith({})).type.toBe<typeof FromService.layer>()
    expect(Finders.layerWith).type.toBeCallableWith({ init: services.openDbOf })
  })

  test("layerWith refuses what does not fit the pool", () => {
    // @ts-expect-error Type '{ count: number; }' is not assignable to type
    Engines.layerWith({ init: hooks.openCounter })
    // @ts-expect-error Type 'number' is not assignable to type
    Engines.layerWith({ exit: hooks.closeAny })
    // @ts-expect-error Property 'count' is missing in type 'Engine' but required in type
    Engines.layerWith({ exit: hooks.closeCounter })
    // @ts-expect-error Type 'Engine' is not assignable to type
    Plain.layerWith({ init: hooks.openValue })
    // @ts-expect-error Type 'Effect<string, never, Db>' is not assignable to type
    Engines.layerWith({ exit: services.openDb })
    // @ts-expect-error Type 'string' is not assignable to type 'number'
    Engines.layerWith({ size: "4" })
    // @ts-expect-error Object literal may only specify known properties, but 'sizes' does not exist in type
    Engines.layerWith({ sizes: 4 })
  })

  test("refuses what make refuses", () => {
    // @ts-expect-error "this hook is neither an Effect nor a function of a worker with the state": Engine
    WorkerPool.Service()("test/A", { init: hooks.open, exit: hooks.closeCounter })
    // @ts-expect-error required in type '{ readonly "the pool's services do not provide": Db; }'
    WorkerPool.Service()("test/B", { init: services.openDb })
    // @ts-expect-error Type '"random"' is not assignable to type
    WorkerPool.Service()("test/C", { dispatch: "random" })
  })
})

test("isWorkerPool", () => {
  const u: unknown = undefined
  if (WorkerPool.isWorkerPool(u)) {
    expect(u).type.toBe<WorkerPool.WorkerPool<any, any, any>>()
  }
})
