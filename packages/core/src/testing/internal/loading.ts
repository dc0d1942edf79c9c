/** F3, T4: modules that cannot be loaded, or not in time, while many wait for them. */
import * as Effect from "effect/Effect"
import * as Portable from "../../Portable.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import { promptly, startLimit, usable } from "./aftermath.ts"
import * as assert from "./assert.ts"
import type { Accident, Case, Need } from "./case.ts"
import { harmful, plain } from "./case.ts"

interface Unloadable {
  readonly task: (n: number) => number
  readonly open: () => number
}

/** In base64, because Bun takes what follows a dot in a text for the extension of a file, and does not run it. */
const script = (text: string) => Portable.module<Unloadable>(`data:text/javascript;base64,${btoa(text)}`)

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
    module: script("throw new Error('the module throws')"),
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
    module: script("export const task ="),
    message: undefined,
    name: "fails 100 runs at once whose module is no JavaScript; no worker is started again and again",
    needs: ["dataUrls"],
    accident: {
      what: "A syntax error in the task's module, and 100 tasks wait.",
      elsewhere: "piscina, tinypool: the first task is rejected, all others and all later ones hang for ever."
    }
  },
  {
    module: script("export const another = 1"),
    message: `no export "task"`,
    name: "fails 100 runs at once whose module has no such export; no worker is started again and again",
    needs: ["dataUrls"],
    accident: {
      what: "The task's module has no such export, and 100 tasks wait.",
      elsewhere: "Not tried."
    }
  },
  {
    module: script("process.exit(7)"),
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

/** Checks that calls fail whose task's or init's module never finishes loading, and that the worker is killed. */
const isGivenUp = Effect.fnUntraced(function* (module: Portable.Module<Unloadable>) {
  const startTimeout = yield* startLimit
  const hurried = { size: 1, keepAlive: true, startTimeout } as const
  const asTask = Effect.gen(function* () {
    const pool = yield* WorkerPool.make(hurried)
    yield* pool.run(plain.square, 1)
    const waiting = Effect.forEach([1, 2, 3, 4], (n) => Effect.exit(pool.run(module.task, n)), {
      concurrency: "unbounded"
    })
    for (const exit of yield* promptly(waiting, startTimeout)) {
      const { cause } = yield* assert.exitFailsWith(exit, "StartFailed")
      yield* assert.includes((yield* assert.isError(cause)).message, "did not load within", "message")
    }
    yield* usable(pool)
    yield* assert.equal((yield* pool.stats).killed, 1, "killed workers")
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

const delays: ReadonlyArray<Case> = [
  {
    rule: "T4",
    name: "fails what waits for a module that does not end loading, and replaces its worker",
    needs: ["killing", "dataUrls"],
    accident: {
      what: "A top-level `await` that never settles in the task's, or the init's, module.",
      elsewhere: "piscina, tinypool, poolifier: no timeouts."
    },
    effect: isGivenUp(script("export const task = await new Promise(() => {})"))
  },
  {
    rule: "T4",
    name: "fails what waits for a module that computes without end, and replaces its worker",
    needs: ["killing", "dataUrls"],
    accident: {
      what: "`for (;;)` while the task's, or the init's, module loads.",
      elsewhere: "piscina, tinypool, poolifier: no timeouts."
    },
    effect: isGivenUp(script("for (;;);"))
  }
]

export const cases: ReadonlyArray<Case> = [...failures, ...delays]
