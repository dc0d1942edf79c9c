import { WorkerRuntime } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { type HostileKind, hostileKinds, operation } from "../../src/hostile.ts"
import * as runtimes from "../../src/runtimes.ts"
import { soak } from "../../src/soak.ts"
import { program, summary } from "../support.ts"

/** Workers that never answer. */
const deaf = Layer.effect(
  WorkerRuntime.WorkerRuntime,
  Effect.map(WorkerRuntime.WorkerRuntime, (fibers) => ({
    name: "deaf",
    start: (options: WorkerRuntime.StartOptions) =>
      Effect.map(fibers.start(options), (worker): WorkerRuntime.Worker => {
        const { close, exit, init, interruptInit, kill } = worker
        return {
          init: init.bind(worker),
          interruptInit: interruptInit.bind(worker),
          exit: exit.bind(worker),
          close: close.bind(worker),
          kill,
          run: () => {},
          started: () => undefined,
          limitTo: (chunk) => chunk.items.length,
          interrupt: () => {}
        }
      })
  }))
).pipe(Layer.provide(WorkerRuntime.layerFibers()))

/** What items do that ordinary ones do not. */
const hostileActs = new Set([
  "traps",
  "thenGetter",
  "thenThrows",
  "thenTwice",
  "messageGetter",
  "stackGetter",
  "noEffect",
  "never",
  "late"
])

describe("a soak", () => {
  for (const [runtime, operations] of [
    ["threads", "120"],
    ["processes", "60"],
    ["fibers", "500"]
  ] as const) {
    it.live(`F5 F8 L1 L3 L8 L10 finds nothing wrong on ${runtime}, whatever users' code does`, () =>
      Effect.gen(function* () {
        const ended = yield* program(
          "main",
          "--runtime",
          runtime,
          "--seed",
          "1",
          "--operations",
          operations,
          "--patience",
          "30"
        )
        assert.strictEqual(ended.code, 0, ended.stderr + ended.stdout)
        const { acts, asked, hostile, operations: done, violations, workers } = summary(ended)
        assert.strictEqual(violations, 0)
        assert.isAbove(workers, 10)
        assert.isAbove(done.map + done.run, 20)
        assert.isAbove(Object.keys(hostile).length, runtime === "fibers" ? 20 : 10)
        assert.isAbove(Object.keys(asked).length, 1)
        // which of them depends on the seed, and on the others there are too few for any to be certain
        const met = Object.keys(acts).filter((act) => hostileActs.has(act))
        if (runtime === "fibers") assert.isAtLeast(met.length, 3)
      })
    )
  }

  const onFibers = (sabotage: ((line: string) => string) | undefined) =>
    soak({
      runtime: "fibers",
      seed: 1,
      operations: 300,
      seconds: Number.POSITIVE_INFINITY,
      from: 0,
      hostile: new Set(),
      log: () => {},
      sabotage
    }).pipe(Effect.provide(runtimes.layer("fibers")), Effect.provide(Logger.layer([])))

  it.live("finds nothing wrong on fibers, and everything wrong that it is shown", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* onFibers(undefined)).violations, [])
      const found = function* (sabotage: (line: string) => string) {
        return (yield* onFibers(sabotage)).violations.map(({ problem }) => problem).join("\n")
      }
      assert.include(yield* found((line) => line.replace(/^X .*\n/gm, "").replace(/^Y .*\n/gm, "")), "never released")
      assert.include(yield* found((line) => line.replace(/^(X .*\n)/gm, "$1$1")), "for the 2th time")
      assert.include(yield* found((line) => line.replace(/^E .*\n/gm, "")), "while ")
      assert.include(yield* found((line) => line.replace(/^(S .*\n)/gm, "$1$1")), "its start number 2")
    })
  )

  it.live("finds an operation that never ends, and says what its pool is at", () =>
    Effect.gen(function* () {
      const options = {
        runtime: "fibers",
        seed: 1,
        operations: 20,
        seconds: Number.POSITIVE_INFINITY,
        from: 0,
        hostile: new Set<HostileKind>(),
        patience: 300
      } as const
      const { violations } = yield* soak({ ...options, log: () => {} })
      const problems = violations.map(({ problem }) => problem).join("\n")
      assert.match(problems, /operation \d+ \((map|run).* hangs; the pool.*"busy":[1-9]/)
    }).pipe(Effect.provide(deaf), Effect.provide(Logger.layer([])))
  )

  const every = (seed: number, kinds: ReadonlyArray<HostileKind>) =>
    Array.from({ length: 2000 }, (_, number) => operation(seed, number, "threads", new Set(kinds)))

  it("has the same operations for the same seed", () => {
    const all = (seed: number) => every(seed, hostileKinds).map((operation) => JSON.stringify(operation))
    assert.deepStrictEqual(all(1), all(1))
    assert.notDeepEqual(all(1), all(2))
  })

  it("leaves out each kind of hostile code by itself, and the other operations as they are", () => {
    const all = every(1, hostileKinds)
    assert.strictEqual(new Set(all.map(({ hostile }) => hostile)).size, hostileKinds.length + 1)
    const without = every(
      1,
      hostileKinds.filter((kind) => kind !== "never")
    )
    for (const [number, operation] of all.entries()) {
      if (operation.hostile === "never") assert.isUndefined(without[number]!.hostile)
      else assert.deepStrictEqual(JSON.stringify(without[number]), JSON.stringify(operation))
    }
  })
})
