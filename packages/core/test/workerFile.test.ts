/** F3, F7: modules that a worker file names. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Portable from "../src/Portable.ts"
import * as WorkerEntry from "../src/WorkerEntry.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import * as WorkerPoolError from "../src/WorkerPoolError.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"

const messageOf = (exit: Exit.Exit<unknown, unknown>): string => {
  assert(Exit.isFailure(exit))
  const error = Cause.squash(exit.cause)
  assert(WorkerPoolError.isWorkerPoolError(error))
  return error.message
}

let loads = 0

const loaded = async <A>(module: A): Promise<A> => {
  loads++
  return module
}

const file = WorkerEntry.modules({
  numbers: () => loaded({ square: (n: number) => n * n, addTo: (a: number, b: number) => a + b, pi: 3.14 }),
  texts: () => loaded({ length: (text: string) => text.length }),
  broken: (): Promise<{ readonly task: (n: number) => number }> => Promise.reject(new Error("no licence"))
})

const { broken, numbers, texts } = Portable.modules<typeof file>()

const on = <A, E>(
  program: (pool: WorkerPool.WorkerPool) => Effect.Effect<A, E>,
  options?: Parameters<typeof WorkerRuntime.layerFibers>[0]
) =>
  Effect.flatMap(WorkerPool.make({ size: 1 }), program).pipe(
    Effect.scoped,
    Effect.provide(WorkerRuntime.layerFibers(options))
  )

describe("a worker file", () => {
  it.effect("names modules, which are loaded when they are asked for", () =>
    on((pool) =>
      Effect.gen(function* () {
        const before = loads
        assert.deepStrictEqual(yield* pool.map([1, 2], numbers.square), [1, 4])
        assert.deepStrictEqual(yield* pool.map([1, 2], Portable.bind(numbers.addTo, 10)), [11, 12])
        assert.strictEqual(loads, before + 1)
        assert.deepStrictEqual(yield* pool.map(["one", "three"], texts.length), [3, 5])
        assert.strictEqual(loads, before + 2)
      })
    )
  )

  it.effect("has modules that are loaded with the runtime", () =>
    Effect.gen(function* () {
      const before = loads
      yield* on(() => Effect.sync(() => assert.strictEqual(loads, before + 1)), { modules: [numbers] })
    })
  )

  it.effect("gives `Portable.make` a name that bundlers do not change", () =>
    Effect.gen(function* () {
      const late = () => Promise.resolve({ half: Portable.make("late", "half", (n: number) => n / 2) })
      WorkerEntry.modules({ late })
      const { late: references } = Portable.modules<Portable.WorkerFile<{ late: typeof late }>>()
      // by its address, before anything has registered it
      assert.deepStrictEqual(yield* on((pool) => pool.map([4], references.half)), [2])
      const { half } = yield* Effect.promise(late)
      assert.deepStrictEqual(yield* on((pool) => pool.map([4], half)), [2])
    })
  )

  it.effect("F3 F7 fails what needs a module that it does not name, and says which it names", () =>
    on((pool) =>
      Effect.gen(function* () {
        const others = Portable.modules<Portable.WorkerFile<{ images: () => Promise<{ f: (n: number) => number }> }>>()
        const message = messageOf(yield* Effect.exit(pool.map([1], others.images.f)))
        assert.match(
          message,
          /could not load worker:images: The worker file names no module "images", but .*numbers, texts/
        )
      })
    )
  )

  it.effect("F7 tells what a module failed with, and which exports another has", () =>
    on((pool) =>
      Effect.gen(function* () {
        assert.match(
          messageOf(yield* Effect.exit(pool.map([1], broken.task))),
          /could not load worker:broken: no licence/
        )
        const missing = (numbers as unknown as typeof broken).task
        assert.match(
          messageOf(yield* Effect.exit(pool.map([1], missing))),
          /could not load worker:numbers: It has no export "task", but square, addTo, pi/
        )
      })
    )
  )

  it.effect("is loaded by `load` where nothing else has loaded it", () =>
    Effect.gen(function* () {
      const url: Array<string> = []
      const load = (of: string) => {
        url.push(of)
        WorkerEntry.modules({ fresh: () => Promise.resolve({ negate: (n: number) => -n }) })
        return Promise.resolve({})
      }
      type Fresh = Portable.WorkerFile<{ fresh: () => Promise<{ negate: (n: number) => number }> }>
      const { fresh } = Portable.modules<Fresh>()
      assert.deepStrictEqual(yield* on((pool) => pool.map([1], fresh.negate), { load }), [-1])
      assert.deepStrictEqual(url, ["worker:fresh"])
    })
  )

  it("C8 takes functions that import modules", () => {
    assert.throws(
      () => WorkerEntry.modules({ images: Promise.resolve({}) as never }),
      'The module "images" of a worker file must be a function that imports it: () => import("./x.ts")'
    )
  })
})
