/** F1, F2: workers that vanish while they run items, or while they are idle. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as Portable from "../../Portable.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import * as schemas from "../suite.schemas.ts"
import { promptly, usable } from "./aftermath.ts"
import * as assert from "./assert.ts"
import { ample, type Case, harmful, journaled, plain } from "./case.ts"

const numbers = (length: number): ReadonlyArray<number> => Array.from({ length }, (_, n) => n)

type Outcomes = ReadonlyArray<Exit.Exit<number, WorkerPoolError>>

/** Checks that each item returned itself, except those in `lost`, each of which alone was in hand when it was lost. */
const onlyLost = Effect.fnUntraced(function* (exits: Outcomes, lost: ReadonlyArray<number>) {
  for (const [index, exit] of exits.entries()) {
    if (!lost.includes(index)) yield* assert.equal<unknown>(exit, Exit.succeed(index), `outcome of item ${index}`)
    else {
      const { cause, exitCode, indices, signal } = yield* assert.exitFailsWith(exit, "WorkerLost")
      yield* assert.equal(indices, [index], "items in hand")
      yield* assert.isTrue(
        [cause, exitCode, signal].some((why) => why !== undefined),
        "a reason"
      )
    }
  }
})

/** Maps ten items in chunks of five, of which item 2 ends its worker; checks that only that one is lost. */
const losesOne = Effect.fnUntraced(function* (task: Portable.Portable<(n: number) => number | Promise<number>>) {
  const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
  const exits = yield* promptly(pool.mapExit(numbers(10), task, { chunkSize: 5 }))
  yield* onlyLost(exits, [2])
  yield* assert.equal((yield* pool.stats).lost, 1, "lost workers")
  yield* usable(pool)
})

/** Has a worker vanish once it is idle, and checks that the next call gets another. */
const losesIdle = Effect.fnUntraced(function* (task: Portable.Portable<(milliseconds: number) => number>) {
  const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
  yield* assert.equal(yield* pool.run(task, 10), 10)
  yield* promptly(assert.eventually(Effect.map(pool.stats, ({ live, lost }) => live === 0 && lost === 1)))
  yield* assert.equal(yield* promptly(pool.map([0], plain.where)), [{ id: 0, generation: 2 }])
  yield* usable(pool)
  yield* assert.equal((yield* pool.stats).lost, 1, "lost workers")
})

const inTasks: ReadonlyArray<Case> = [
  {
    rule: "F1",
    name: "fails the item that ended its worker with WorkerLost; its neighbours complete",
    needs: ["vanishing"],
    accident: {
      what: "A task calls `process.exit()`.",
      elsewhere:
        "poolifier: the task hangs for ever. tinypool: on threads the task and the pool hang for ever. " +
        "threads.js: the task and the pool hang for ever. Effect's rpc pool: all requests in flight fail, " +
        "those on healthy workers too. jest-worker: the request is sent again, and is an error after 4 " +
        "attempts. MPIRE (`os._exit`): the map fails, 1 time in 3 it hangs."
    },
    effect: losesOne(Portable.bind(harmful.exitAt, 2))
  },
  {
    rule: "F1",
    name: "fails only the run that ended the worker",
    needs: ["vanishing"],
    accident: {
      what: "A `run` calls `process.exit()` while others wait for the same worker.",
      elsewhere:
        "poolifier: the task hangs for ever. Effect's rpc pool: all requests in flight fail. MPIRE: the job fails, the " +
        "others go on, but `stop_and_join` then hangs for ever."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const run = (n: number) => Effect.exit(pool.run(Portable.bind(harmful.exitAt, 4), n))
      const exits = yield* promptly(Effect.forEach(numbers(20), run, { concurrency: "unbounded" }))
      yield* assert.equal(
        exits.map(Exit.isSuccess),
        numbers(20).map((n) => n !== 4)
      )
      yield* assert.exitFailsWith(exits[4], "WorkerLost")
      yield* usable(pool)
      yield* promptly(pool.stop)
      yield* usable(pool)
    })
  },
  {
    rule: "F1",
    name: "fails the item during which something threw where nothing catches it; its neighbours complete",
    needs: ["vanishing"],
    accident: {
      what: "An uncaught exception while a task runs: a timer or an event listener of it throws.",
      elsewhere: "poolifier: the error handler is called, the task hangs."
    },
    effect: losesOne(Portable.bind(harmful.throwOutsideAt, 2))
  },
  {
    rule: "F1",
    name: "fails the item during which a rejection was not handled; its neighbours complete",
    needs: ["vanishing"],
    accident: {
      what: "An unhandled rejection while a task runs.",
      elsewhere: "poolifier: as after any uncaught error, the task hangs."
    },
    effect: losesOne(Portable.bind(harmful.rejectOutsideAt, 2))
  },
  {
    rule: "F1",
    name: "says which uncaught error ended the worker, with the `_tag` of its class, or with the errors of an AggregateError",
    needs: ["vanishing"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const tagged = yield* assert.failsWith(promptly(pool.run(harmful.throwOutside, "tagged")), "WorkerLost")
      const { _tag, message } = tagged.cause as Error & { readonly _tag?: unknown }
      yield* assert.equal([_tag, message], ["Tagged", "thrown outside"], "the error's _tag and message")
      const aggregate = yield* assert.failsWith(promptly(pool.run(harmful.throwOutside, "aggregate")), "WorkerLost")
      const { errors } = aggregate.cause as Partial<AggregateError>
      yield* assert.equal(
        errors?.map((error: Error) => error.message),
        ["one of them"],
        "the errors' messages"
      )
      yield* usable(pool)
    })
  },
  {
    rule: "F1",
    name: "fails the item whose process was killed with WorkerLost, which names the signal; its neighbours complete",
    needs: ["signals"],
    accident: {
      what: "The process of a worker gets SIGKILL while a task runs: the kernel is out of memory.",
      elsewhere:
        "jest-worker: hung (jest#13183), now an error. threads.js: the task and the pool hang for ever. " +
        "MPIRE: the map fails, 1 time in 3 it hangs."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      const task = Portable.bind(Portable.bind(harmful.signalAt, "SIGKILL"), 2)
      const exits = yield* promptly(pool.mapExit(numbers(10), task, { chunkSize: 5 }))
      yield* onlyLost(exits, [2])
      const { signal } = yield* assert.exitFailsWith(exits[2], "WorkerLost")
      yield* assert.equal(signal, "SIGKILL", "signal")
      yield* usable(pool)
    })
  },
  {
    rule: "F2",
    name: "fails a map with WorkerLost and the item in hand, and stops after it without hanging",
    needs: ["vanishing"],
    accident: {
      what: "A pool is stopped after a worker has crashed.",
      elsewhere: "MPIRE: `stop_and_join` hangs for ever after a worker has died in `apply`."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      const map = pool.map(numbers(10), Portable.bind(harmful.exitAt, 2), { timeout: 60_000 })
      const { indices } = yield* assert.failsWith(promptly(map), "WorkerLost")
      yield* assert.equal(indices, [2], "items in hand")
      yield* promptly(pool.stop)
      yield* usable(pool)
      yield* promptly(pool.stop)
      yield* assert.equal((yield* pool.stats).live, 0, "live workers")
      yield* usable(pool)
    })
  },
  {
    rule: "F2",
    name: "with retries: finds the item that ends every worker, fails it alone, and all others succeed",
    needs: ["vanishing"],
    accident: {
      what: "One input of many ends every worker that gets it.",
      elsewhere:
        "piscina, tinypool, workerpool, poolifier: no task is sent again. jest-worker: it is sent again, and " +
        "is an error after 4 attempts. MPIRE: the whole map fails."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true, onWorkerLost: { retries: 2 } })
      const exits = yield* promptly(pool.mapExit(numbers(40), Portable.bind(harmful.exitAt, 13), { chunkSize: 10 }))
      yield* onlyLost(exits, [13])
      // one each time that the item was tried
      yield* assert.equal((yield* pool.stats).lost, 3, "lost workers")
      yield* usable(pool)
    })
  },
  {
    rule: "F2",
    name: "with retries: completes a map of which an item ended its worker once",
    needs: ["vanishing"],
    accident: {
      what: "A worker crashes once, for a reason that does not come back.",
      elsewhere:
        "piscina, tinypool, workerpool, poolifier: no task is sent again. MPIRE: the whole map fails; retries are wished " +
        "for (#138)."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, onWorkerLost: { retries: 1 } })
      const map = pool.map(numbers(40), Portable.bind(harmful.exitAtFirst, 13), { chunkSize: 10 })
      yield* assert.equal(yield* promptly(map), [...numbers(40)])
      yield* assert.equal((yield* pool.stats).lost, 1, "lost workers")
      yield* usable(pool)
    })
  },
  {
    rule: "F2",
    name: "goes on with new workers, one for each item, though some crash",
    needs: ["vanishing"],
    accident: {
      what: "Workers crash in a pool whose workers live for one task each.",
      elsewhere: "MPIRE: on threads a lifespan hangs at the second end of a worker even without crashes."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, lifespan: 1, onWorkerLost: { retries: 1 } })
      const exits = yield* promptly(pool.mapExit(numbers(8), Portable.bind(harmful.exitAt, 5)))
      yield* onlyLost(exits, [5])
      const { live, lost } = yield* pool.stats
      yield* assert.equal({ live, lost }, { live: 0, lost: 2 }, "workers")
      yield* usable(pool)
    })
  }
]

const moved: ReadonlyArray<Case> = [
  {
    rule: "S2",
    name: "with retries: fails items whose inputs have moved to the lost worker, and sends none of them empty",
    needs: ["transfer", "vanishing"],
    accident: {
      what: "A worker crashes that has been given buffers by moving them.",
      elsewhere: "piscina, tinypool, workerpool, poolifier: no task is sent again."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, onWorkerLost: { retries: 3 } })
      // loads the tasks' module first, so that the items start as soon as they arrive
      yield* pool.run(schemas.countBytes, new Uint8Array(1))
      const items = [16, 32, 16, 16].map((length) => new Uint8Array(length))
      const exits = yield* promptly(pool.mapExit(items, schemas.countBytesOrExit, { chunkSize: 4 }))
      yield* assert.equal<unknown>(exits[0], Exit.succeed(16))
      for (const exit of exits.slice(1)) yield* assert.exitFailsWith(exit, "WorkerLost")
      yield* assert.equal((yield* pool.stats).lost, 1, "lost workers")
      yield* usable(pool)
    })
  }
]

const whileIdle: ReadonlyArray<Case> = [
  {
    rule: "F1",
    name: "answers call after call though each leaves behind what ends its worker",
    needs: ["vanishing"],
    accident: {
      what: "A worker exits just after it has answered.",
      elsewhere: "piscina: the next task fails. workerpool: a crash while idle makes the next task fail."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, onWorkerLost: { retries: 3 } })
      for (const n of [1, 2, 3]) {
        yield* assert.equal(yield* promptly(pool.run(harmful.exitAfter, 0)), 0)
        yield* assert.equal(yield* promptly(pool.run(plain.square, n)), n * n)
      }
      yield* usable(pool)
    })
  },
  {
    rule: "F1",
    name: "gives the next call another worker after one vanished while it was idle",
    needs: ["vanishing"],
    accident: {
      what: "`process.exit()` in an idle worker.",
      elsewhere: "workerpool: the next task fails. MPIRE (SIGKILL): the next map hangs for ever."
    },
    effect: losesIdle(harmful.exitAfter)
  },
  {
    rule: "F1",
    name: "gives the next call another worker after something threw in one that was idle",
    needs: ["vanishing"],
    accident: {
      what: "An uncaught exception in an idle worker.",
      elsewhere: "workerpool: the next task fails."
    },
    effect: losesIdle(harmful.throwAfter)
  },
  {
    rule: "F1",
    name: "gives the next call another worker after an idle one was killed",
    needs: ["signals"],
    accident: {
      what: "The process of an idle worker gets SIGKILL.",
      elsewhere: "MPIRE: the next map hangs for ever."
    },
    effect: losesIdle(Portable.bind(harmful.signalAfter, "SIGKILL"))
  },
  {
    rule: "F5",
    name: "keeps a worker whose process is told to terminate: the pool decides",
    needs: ["signals"],
    accident: {
      what: "SIGTERM to the whole process group: a container stops, or somebody uses `kill`.",
      elsewhere: "MPIRE: after SIGTERM to an idle worker the pool is broken, every later map raises KeyError."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      for (const signal of ["SIGTERM", "SIGINT"]) {
        yield* pool.run(Portable.bind(harmful.signalAfter, signal), 0)
        yield* pool.run(plain.note, signal)
      }
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
      yield* promptly(pool.stop)
      yield* assert.equal(yield* pool.exitResults, [["SIGTERM", "SIGINT"]], "exit results")
      yield* usable(pool)
    })
  },
  {
    rule: "C5",
    name: "costs no worker that its clients end many streams early",
    accident: {
      what: "Clients disconnect in the middle of many streams.",
      elsewhere:
        "Effect: a worker was shut down when a stream was interrupted (#4576). piscina, tinypool: an aborted task ends its worker."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true, killAfter: ample })
      yield* pool.start
      const first = Stream.runCollect(Stream.take(pool.stream(numbers(1000), plain.square, { chunkSize: 2 }), 3))
      const all = yield* promptly(Effect.forEach(numbers(30), () => first, { concurrency: "unbounded" }))
      for (const one of all) yield* assert.equal<unknown>(one, [0, 1, 4])
      const { killed, live, lost } = yield* pool.stats
      yield* assert.equal({ killed, live, lost }, { killed: 0, live: 2, lost: 0 }, "workers")
      yield* assert.equal((yield* pool.run(plain.where, undefined)).generation, 1, "generation")
      yield* usable(pool)
    })
  }
]

export const cases: ReadonlyArray<Case> = [...inTasks, ...moved, ...whileIdle]
