/** F3, T4: modules that cannot be loaded, or not in time, while many wait for them. */
import * as Effect from "effect/Effect"
import * as Portable from "../../Portable.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import { promptly, startLimit, usable } from "./aftermath.ts"
import * as assert from "./assert.ts"
import type { Accident, Case, Need } from "./case.ts"
import { harmful, moduleOf, plain } from "./case.ts"

interface Unloadable {
  readonly task: (n: number) => number
  readonly open: () => number
}

/** Modules that fail, with part of what their failure says, and what the cases are called. */
const failing: ReadonlyArray<{
  readonly module: Portable.Module<Unloadable>
  readonly message: string | undefined
  readonly name: string
  readonly needs?: ReadonlyArray<Need>
  readonly accident: Accident
}> = [
  {
    module: Portable.module<Unloadable>(new URL("./missing.tasks.ts", import.meta.url)),
    message: "missing.tasks",
    name: "fails 100 runs at once whose module is missing; no worker is started again and again",
    accident: {
      what: "The task's module does not exist, and 100 tasks wait.",
      elsewhere:
        "piscina, tinypool: the first task is rejected, all others and all later ones hang for ever. workerpool: the " +
        "first n tasks are rejected, later ones hang."
    }
  },
  {
    module: moduleOf<Unloadable>("throw new Error('the module throws')"),
    message: "the module throws",
    name: "fails 100 runs at once whose module throws; no worker is started again and again",
    needs: ["dataUrls"],
    accident: {
      what: "The task's module throws while it loads, and 100 tasks wait.",
      elsewhere:
        "poolifier: starts workers without end (168 in 5 seconds), the tasks hang. piscina, tinypool: the first task is " +
        "rejected, all others and all later ones hang for ever. workerpool: later tasks hang."
    }
  },
  {
    module: moduleOf<Unloadable>("export const task ="),
    message: undefined,
    name: "fails 100 runs at once whose module is no JavaScript; no worker is started again and again",
    needs: ["dataUrls"],
    accident: {
      what: "A syntax error in the task's module, and 100 tasks wait.",
      elsewhere: "piscina, tinypool: the first task is rejected, all others and all later ones hang for ever."
    }
  },
  {
    module: moduleOf<Unloadable>("export const another = 1"),
    message: `no export "task"`,
    name: "fails 100 runs at once whose module has no such export; no worker is started again and again",
    needs: ["dataUrls"],
    accident: {
      what: "The task's module has no such export, and 100 tasks wait.",
      elsewhere: "Not tried."
    }
  },
  {
    module: moduleOf<Unloadable>("process.exit(7)"),
    // a browser's worker has no exit code
    message: "process" in globalThis ? "It ended the worker, with exit code 7" : "It has closed itself",
    name: "fails 100 runs whose module ends its worker; no worker is started again and again",
    needs: ["vanishing", "dataUrls"],
    accident: {
      what: "The task's module calls `process.exit()` while it loads, and 100 tasks wait.",
      elsewhere: "poolifier: a module that fails at its top level makes it start workers without end, the tasks hang."
    }
  }
]

const failures: ReadonlyArray<Case> = failing.map(({ accident, message, module, name, needs = [] }) => ({
  rule: "F3",
  name,
  needs,
  accident,
  effect: Effect.gen(function* () {
    const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
    const runs = Effect.forEach(
      Array.from({ length: 100 }, (_, n) => n),
      (n) => Effect.exit(pool.run(module.task, n)),
      { concurrency: "unbounded" }
    )
    const both = Effect.all([runs, pool.run(plain.square, 4)], { concurrency: "unbounded" })
    const [exits, another] = yield* promptly(both)
    yield* assert.equal(another, 16, "a task of another module")
    for (const exit of exits) {
      const reason = yield* assert.exitFailsWith(exit, "StartFailed")
      yield* assert.isError(reason.cause)
      if (message !== undefined) yield* assert.includes(reason.message, message, "message")
    }
    yield* assert.failsWith(promptly(pool.map([1, 2, 3], module.task)), "StartFailed")
    yield* usable(pool)
    const { generation } = yield* pool.run(plain.where, undefined)
    yield* assert.isTrue(generation <= 5, "at most five workers in a slot", generation)
  })
}))

/**
 * Checks that calls fail whose task's or init's module never finishes loading, and that the worker is killed; one whose module
 * blocks it, which had run another task before, gets a second worker, since that task may have left behind what keeps it. A busy
 * machine may seem to block it, too.
 */
const isGivenUp = Effect.fnUntraced(function* (module: Portable.Module<Unloadable>, kills: ReadonlyArray<number>) {
  const startTimeout = yield* startLimit
  const hurried = { size: 1, keepAlive: true, startTimeout } as const
  const asTask = Effect.gen(function* () {
    const pool = yield* WorkerPool.make(hurried)
    yield* pool.run(plain.square, 1)
    const waiting = Effect.forEach([1, 2, 3, 4], (n) => Effect.exit(pool.run(module.task, n)), {
      concurrency: "unbounded"
    })
    for (const exit of yield* promptly(waiting, 2 * startTimeout)) {
      const { cause } = yield* assert.exitFailsWith(exit, "StartFailed")
      yield* assert.includes((yield* assert.isError(cause)).message, "did not load within", "message")
    }
    yield* usable(pool)
    const { killed } = yield* pool.stats
    yield* assert.isTrue(kills.includes(killed), "killed workers", killed)
  })
  const asInit = Effect.gen(function* () {
    const pool = yield* WorkerPool.make({ ...hurried, init: harmful.openNumber })
    const failing = pool.map([1], plain.square, { init: module.open })
    yield* assert.failsWith(promptly(failing, startTimeout), "StartFailed")
    yield* promptly(pool.map([1], plain.square))
    yield* usable(pool)
    yield* assert.equal((yield* pool.stats).killed, 1, "killed workers")
  })
  yield* Effect.all([asTask, asInit], { concurrency: 2 })
})

interface Slow {
  readonly give: (n: number) => number
  readonly compute: (milliseconds: number) => number
}

/** A module that takes so long to load, in milliseconds. */
const slow = (millis: number) =>
  moduleOf<Slow>(`
    await new Promise((resolve) => setTimeout(resolve, ${millis}))
    export const give = (n) => n
    export const compute = (milliseconds) => {
      for (const end = performance.now() + milliseconds; performance.now() < end; );
      return milliseconds
    }`)

const delays: ReadonlyArray<Case> = [
  {
    rule: "T4",
    name: "fails what waits for a module that does not end loading, and replaces its worker",
    needs: ["killing", "dataUrls"],
    accident: {
      what: "A top-level `await` that never settles in the task's, or the init's, module.",
      elsewhere: "piscina, tinypool, poolifier: no timeouts."
    },
    effect: isGivenUp(moduleOf<Unloadable>("export const task = await new Promise(() => {})"), [1, 2])
  },
  {
    rule: "T4",
    name: "fails what waits for a module that computes without end, and replaces its worker",
    needs: ["killing", "dataUrls"],
    accident: {
      what: "`for (;;)` while the task's, or the init's, module loads.",
      elsewhere: "piscina, tinypool, poolifier: no timeouts."
    },
    effect: isGivenUp(moduleOf<Unloadable>("for (;;);"), [2])
  },
  {
    rule: "T4",
    name: "does not blame a module for what a task left behind, which keeps its worker while the module loads",
    needs: ["killing", "dataUrls"],
    effect: Effect.gen(function* () {
      const startTimeout = yield* startLimit
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, startTimeout })
      yield* assert.equal(yield* pool.run(Portable.bind(harmful.loopAfter, 50), 1), 1)
      yield* assert.equal(yield* promptly(pool.map([1, 2, 3], slow(200).give), startTimeout), [1, 2, 3])
      yield* assert.equal((yield* pool.stats).killed, 1, "killed workers")
      yield* usable(pool)
    })
  },
  {
    rule: "T4",
    name: "waits for a module for as long as another item of its worker computes",
    needs: ["killing", "dataUrls"],
    effect: Effect.gen(function* () {
      const startTimeout = yield* startLimit
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, startTimeout, tasksPerWorker: 2 })
      // both chunks wait for the module; the first one's item begins as soon as it has been loaded
      const items = [1.5 * startTimeout, 1]
      const results = pool.map(items, slow(50).compute, { chunkSize: 1 })
      yield* assert.equal(yield* promptly(results, 2 * startTimeout), items)
      const { killed, lost } = yield* pool.stats
      yield* assert.equal({ killed, lost }, { killed: 0, lost: 0 }, "stats")
      yield* usable(pool)
    })
  }
]

export const cases: ReadonlyArray<Case> = [...failures, ...delays]
