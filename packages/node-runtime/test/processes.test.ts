import { Portable, WorkerPool, WorkerPoolError } from "@effect-mpire/core"
import type { Closed } from "@effect-mpire/core/Channel"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { existsSync, readdirSync, realpathSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import * as processes from "../src/internal/processes.ts"
import { eventually, isRunning, runFixture, runNode, startFixture, reasonOf } from "./support.ts"

const tasks = Portable.module<typeof import("./fixtures/process.tasks.ts")>(
  new URL("./fixtures/process.tasks.ts", import.meta.url)
)
const nested = Portable.module<typeof import("./fixtures/nested.tasks.ts")>(
  new URL("./fixtures/nested.tasks.ts", import.meta.url)
)

const onProcesses = Effect.provide(NodeWorkerRuntime.layerProcesses())

const lost = (exit: Exit.Exit<unknown, unknown>): WorkerPoolError.WorkerLost => {
  const reason = reasonOf(exit)
  assert.strictEqual(reason._tag, "WorkerLost")
  return reason as WorkerPoolError.WorkerLost
}

const pidsOf = (lines: ReadonlyArray<string>) => lines.map((line) => Number(line.split(" ")[1]))

describe("NodeWorkerRuntime.layerProcesses", () => {
  it.live("runs every worker in a process of its own", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      yield* pool.start
      const where = yield* pool.map([0, 1, 2, 3], tasks.where, { dispatch: "ordered", chunkSize: 1 })
      assert.deepStrictEqual(
        where.map(({ id }) => id),
        [0, 1, 0, 1]
      )
      assert.isTrue(where.every((one) => one.isMainThread && one.pid !== process.pid && one.generation === 1))
      assert.strictEqual(new Set(where.map(({ pid }) => pid)).size, 2)
    }).pipe(onProcesses)
  )

  it.live("passes env, cwd and execArgv through, and shows a task nothing of its own arguments", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      assert.deepStrictEqual(yield* pool.run(tasks.seen, undefined), {
        greeting: "hello",
        inherited: false,
        cwd: realpathSync(tmpdir()),
        execArgv: ["--no-warnings"],
        argv: 2
      })
    }).pipe(
      Effect.provide(
        NodeWorkerRuntime.layerProcesses({ env: { GREETING: "hello" }, cwd: tmpdir(), execArgv: ["--no-warnings"] })
      )
    )
  )

  it.live("inherits the environment and the directory by default", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const seen = yield* pool.run(tasks.seen, undefined)
      assert.isTrue(seen.inherited)
      assert.strictEqual(seen.cwd, process.cwd())
    }).pipe(Effect.provide(NodeWorkerRuntime.layerProcesses()))
  )

  it("inherits neither the text of a main program nor the inspector", () => {
    const inherited = [
      "--no-warnings",
      "-e",
      "1 + 1",
      "--inspect=9230",
      "--import",
      "./a.ts",
      "-p",
      "--conditions",
      "b"
    ]
    assert.deepStrictEqual(processes.withoutProgram(inherited), [
      "--no-warnings",
      "--import",
      "./a.ts",
      "--conditions",
      "b"
    ])
    assert.deepStrictEqual(processes.withoutProgram(["--eval=1", "--inspect-port", "0", "--inspect-brk"]), [])
  })

  it.live("works in a program that is text", () =>
    Effect.gen(function* () {
      const program = `
        import { Portable, WorkerPool } from "@effect-mpire/core"
        import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
        import * as Effect from "effect/Effect"
        const pool = Effect.flatMap(WorkerPool.make({ size: 1 }), (pool) => pool.map([2], Portable.inline((n) => n * n)))
        const runtime = Effect.provide(NodeWorkerRuntime.layerProcesses())
        console.log(await Effect.runPromise(pool.pipe(Effect.scoped, runtime)))
      `
      const { stdout } = yield* runNode(["--input-type=module", "-e", program])
      assert.strictEqual(stdout, "[ 4 ]\n")
    })
  )

  it.live("F3 fails at once when there is no such directory or entry", () =>
    Effect.gen(function* () {
      const run = Effect.flatMap(WorkerPool.make({ size: 2 }), (pool) => pool.map([1, 2, 3], tasks.square))
      const failed = (options: NodeWorkerRuntime.ProcessOptions) =>
        Effect.map(Effect.exit(Effect.provide(run, NodeWorkerRuntime.layerProcesses(options))), reasonOf)
      const entry = yield* failed({ entry: new URL("file:///nowhere/entry.js") })
      assert.strictEqual(entry._tag, "StartFailed")
      const directory = yield* failed({ cwd: "/no/such/directory" })
      assert.strictEqual(directory._tag, "StartFailed")
      assert.include(directory.message, "There is no directory /no/such/directory")
    })
  )

  it.live("S1 brings large results as they are", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2 })
      const results = yield* pool.map(
        Array.from({ length: 100 }, (_, n) => n),
        tasks.big
      )
      assert.strictEqual(results.length, 100)
      assert.isTrue(results.every((bytes, n) => bytes.length === 1_000_000 && bytes[0] === n && bytes[999_999] === n))
    }).pipe(onProcesses)
  )

  it.live("F4 marks what only threads could share, in and out, and its neighbours are unharmed", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const inputs = yield* pool.mapExit(["a", new SharedArrayBuffer(1), () => 1, "b"], tasks.echo, { chunkSize: 4 })
      const outputs = yield* pool.mapExit([0, 1, 2, 3], tasks.shareIfOdd, { chunkSize: 4 })
      const told = (exits: ReadonlyArray<Exit.Exit<unknown, unknown>>) =>
        exits.map((exit) => {
          if (Exit.isSuccess(exit)) return exit.value
          const reason = reasonOf(exit)
          return reason._tag === "NotSerializable" ? [reason.direction, reason.index] : reason._tag
        })
      assert.deepStrictEqual(told(inputs), ["a", ["input", 1], ["input", 2], "b"])
      assert.deepStrictEqual(told(outputs), [0, ["output", 1], 2, ["output", 3]])
      assert.strictEqual((yield* pool.stats).lost, 0)
    }).pipe(onProcesses)
  )

  it.live("does not take what a task sends to its parent for its own messages", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      yield* pool.map(["one", "two"], tasks.sendOwn)
      assert.strictEqual(yield* pool.run(tasks.square, 3), 9)
    }).pipe(onProcesses)
  )

  it.live("makes pools of processes in threads, and pools of threads in processes", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const onThread = yield* Effect.provide(
        Effect.flatMap(WorkerPool.make({ size: 1 }), (pool) => pool.run(nested.nested, "processes")),
        NodeWorkerRuntime.layerThreads()
      )
      assert.strictEqual(onThread.pid, process.pid)
      assert.isTrue(onThread.inner.every((one) => one.pid !== process.pid && one.isMainThread))
      const [threads, processes] = yield* pool.map(["threads", "processes"] as const, nested.nested)
      assert.notStrictEqual(threads!.pid, process.pid)
      assert.isTrue(threads!.inner.every((one) => one.pid === threads!.pid && !one.isMainThread))
      assert.isTrue(processes!.inner.every((one) => one.pid !== processes!.pid && one.isMainThread))
    }).pipe(onProcesses)
  )
})

describe("a process that is lost", () => {
  it.live("F1 says with which uncaught error it ended, and takes nothing else with it", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const thrown = lost(yield* Effect.exit(pool.run(tasks.throwLater, "too late")))
      assert.deepInclude({ ...thrown }, { exitCode: 1, signal: undefined, indices: [0] })
      assert.instanceOf(thrown.cause, RangeError)
      const { cause, code, message, stack } = thrown.cause as RangeError & { readonly code?: unknown }
      assert.deepStrictEqual([message, code, (cause as Error).message], ["too late", "E_LATER", "inner"])
      assert.include(stack!, "process.tasks")
      assert.strictEqual(yield* pool.run(tasks.square, 3), 9)
    }).pipe(onProcesses)
  )

  it.live("F1 says so of a rejection, of what is no error, and of an error that cannot be cloned", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const causeOf = (task: Portable.Portable<(text: string) => Promise<never>>) =>
        Effect.map(Effect.exit(pool.run(task, "a text")), (exit) => lost(exit).cause)
      const rejected = yield* causeOf(tasks.rejectLater)
      assert.instanceOf(rejected, TypeError)
      assert.strictEqual(rejected.message, "a text")
      assert.strictEqual(yield* causeOf(tasks.throwTextLater), "a text")
      const uncloneable = (yield* causeOf(tasks.throwFunctionLater)) as Error
      assert.include(uncloneable.message, "could not be cloned")
      assert.strictEqual((uncloneable.cause as Error).message, "Error: a text")
    }).pipe(onProcesses)
  )

  it.live("F3 says which uncaught error ended it while it loaded a task's module", () =>
    Effect.gen(function* () {
      const source = `
        setTimeout(() => { throw Object.assign(new Error("while it loaded"), { code: "E_LOAD" }) })
        await new Promise(() => {})
      `
      const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`)
      const pool = yield* WorkerPool.make({ size: 1 })
      const { task } = Portable.module<{ readonly task: () => number }>(url)
      const reason = reasonOf(yield* Effect.exit(pool.run(task, undefined)))
      assert.strictEqual(reason._tag, "StartFailed")
      assert.deepInclude(reason.cause as object, { message: "while it loaded", code: "E_LOAD" })
    }).pipe(onProcesses)
  )

  it.live("F1 says with which exit code or signal, and takes nothing else with it", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const exited = lost(yield* Effect.exit(pool.run(tasks.exit, 3)))
      assert.deepInclude({ ...exited }, { exitCode: 3, signal: undefined, cause: undefined })
      for (const signal of ["SIGKILL", "SIGABRT"] as const) {
        const killed = lost(yield* Effect.exit(pool.run(tasks.die, signal)))
        assert.deepInclude({ ...killed }, { exitCode: undefined, signal, cause: undefined })
      }
      assert.deepStrictEqual(yield* pool.map([1, 2], tasks.square), [1, 4])
      assert.strictEqual((yield* pool.stats).lost, 3)
    }).pipe(onProcesses)
  )
})

describe("a process's life", () => {
  it.live("F5 SIGINT and SIGTERM do not end a worker", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const { pid } = yield* pool.run(tasks.where, undefined)
      for (const signal of ["SIGINT", "SIGTERM", "SIGINT"] as const) {
        process.kill(pid, signal)
        assert.strictEqual((yield* pool.run(tasks.where, undefined)).pid, pid)
      }
    }).pipe(onProcesses)
  )

  it.live("F5 a child ends when its parent dies, busy ones included", () =>
    Effect.gen(function* () {
      const { lines, program } = yield* startFixture("orphans.ts", 4)
      assert.deepStrictEqual(lines.map((line) => line.split(" ")[0]).toSorted(), ["idle", "init", "loading", "task"])
      const pids = pidsOf(lines)
      assert.isTrue(pids.every(isRunning))
      program.kill("SIGKILL")
      yield* eventually("no child runs", () => !pids.some(isRunning))
    }).pipe(Effect.scoped)
  )

  it.live("F5 a child ends when the thread that started it is terminated, busy ones included", () =>
    Effect.gen(function* () {
      const { lines, program } = yield* startFixture("orphans-of-thread.ts", 4)
      const pids = pidsOf(lines)
      assert.isTrue(pids.every(isRunning))
      program.stdin!.write("terminate\n")
      yield* eventually("no child runs", () => !pids.some(isRunning))
      assert.isTrue(isRunning(program.pid!))
    }).pipe(Effect.scoped)
  )

  it.live("F5 leaves no file descriptor, handle, listener or process", () =>
    Effect.gen(function* () {
      const { stdout } = yield* runFixture("leaves-nothing.ts")
      const { after, before, running, workers } = JSON.parse(stdout)
      assert.deepStrictEqual(after, before)
      assert.deepStrictEqual(running, [])
      assert.strictEqual(workers, 20)
    })
  )

  it.live("F5 what workers print arrives, and what the exit handler of one that something keeps running does", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runFixture("prints.ts")
      assert.strictEqual(code, 0)
      assert.strictEqual(stdout, "said in a worker\nsaid at exit\nsaid after the scope closed\n")
      assert.strictEqual(stderr, "said in a worker\n")
    })
  )

  it.live("F5 a program ends by itself after the scope has closed, whatever keeps its workers running", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runFixture("exits-by-itself.ts", "processes")
      assert.strictEqual(stderr, "")
      assert.strictEqual(code, 0)
      const lines = stdout.trim().split("\n")
      assert.include(lines, "said in a worker")
      assert.deepStrictEqual(JSON.parse(lines.at(-1)!), [])
    })
  )

  it.live("F5 an idle worker does not keep the program running", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* runFixture("never-closed.ts", "processes")
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(JSON.parse(stdout), [1, 4, 9])
    })
  )
})

describe.runIf(process.platform === "linux" && existsSync("/usr/bin/taskset"))("the option cpus", () => {
  const allowed = (cpus: ReadonlyArray<number | ReadonlyArray<number>>, size = 2) =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size, keepAlive: true })
      const items = Array.from({ length: size }, (_, n) => n)
      const workers = yield* pool.map(items, tasks.allowedCpus, { dispatch: "ordered", chunkSize: 1 })
      return workers.map(({ cpus }) => cpus)
    }).pipe(Effect.provide(NodeWorkerRuntime.layerProcesses({ cpus })), Effect.scoped)

  it.live("pins all workers to one entry, or each to its own", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* allowed([0]), ["0", "0"])
      if (availableParallelism() < 2) return
      assert.deepStrictEqual(yield* allowed([1, [0, 1]]), ["1", "0-1"])
    })
  )

  it.live("F3 fails with InvalidOptions for CPUs that there are not", () =>
    Effect.gen(function* () {
      const invalid: ReadonlyArray<readonly [ReadonlyArray<number | ReadonlyArray<number>>, string]> = [
        [[-1], "integers >= 0"],
        [[0.5], "integers >= 0"],
        [[[]], "integers >= 0"],
        [[], "one entry for all workers"],
        [[[0, 4_000]], "CPU 4000 is none (taskset: failed to set"]
      ]
      for (const [cpus, expected] of invalid) {
        const reason = reasonOf(yield* Effect.exit(allowed(cpus)))
        assert.deepInclude({ ...reason }, { _tag: "InvalidOptions", option: "cpus", value: cpus })
        assert.include(reason.message, expected)
      }
      const reason = reasonOf(yield* Effect.exit(allowed([0, 0], 3)))
      assert.include(reason.message, "slot 2 too")
    })
  )
})

describe("a channel to a process", () => {
  const entry = new URL("./fixtures/control.entry.ts", import.meta.url)

  const unexpected = (cause: unknown) => {
    throw cause
  }

  const open = Effect.fnUntraced(function* (options?: NodeWorkerRuntime.ProcessOptions) {
    const connection = yield* processes.open({ id: 0, generation: 1 }, 2, { entry, ...options })
    const received: Array<unknown> = []
    const closed: Array<Closed> = []
    connection.closed((why) => closed.push(why))
    return { connection, control: connection.control!, received, closed }
  })

  it.live("shares numbers, which can be read after the process's end, until the Scope closes", () =>
    Effect.gen(function* () {
      const control = yield* Effect.scoped(
        Effect.gen(function* () {
          const { closed, connection, control, received } = yield* open()
          connection.receive((message) => received.push(message), unexpected)
          assert.deepStrictEqual([control.get(0), control.get(1)], [0, 0])
          control.set(0, -42)
          connection.send("add")
          yield* eventually("added", () => received.length === 2)
          assert.deepStrictEqual(received, ["early", "added"])
          assert.strictEqual(control.get(1), -41)
          yield* connection.kill
          assert.deepStrictEqual(closed, [{ exitCode: undefined, signal: "SIGKILL" }])
          assert.strictEqual(control.get(1), -41)
          return control
        })
      )
      control.set(0, 1)
      assert.deepStrictEqual([control.get(0), control.get(1)], [0, 0])
    })
  )

  it.live("F1 brings all that was flushed, of a process that is killed while it never ends", () =>
    Effect.gen(function* () {
      const { connection, control, received } = yield* open()
      connection.receive((message) => received.push(message), unexpected)
      connection.send("flood")
      yield* eventually("flushed", () => control.get(1) === 1_000)
      yield* connection.kill
      assert.strictEqual(received.length, 1_001)
      assert.strictEqual((received.at(-1) as { readonly n: number }).n, 999)
    }).pipe(Effect.scoped)
  )

  it.live("F1 closes once, and only when the last message has been handed on", () =>
    Effect.gen(function* () {
      const { closed, connection, received } = yield* open()
      const receivedBefore: Array<number> = []
      connection.closed(() => receivedBefore.push(received.length))
      connection.receive((message) => received.push(message), unexpected)
      connection.send("exit after a long message")
      yield* eventually("closed", () => closed.length > 0)
      assert.deepStrictEqual(closed, [{ exitCode: 3, signal: undefined }])
      assert.deepStrictEqual(receivedBefore, [2])
      assert.strictEqual((received[1] as Uint8Array).length, 5_000_000)
      // nothing happens any more
      connection.send("add")
      yield* connection.kill
      assert.strictEqual(closed.length, 1)
    }).pipe(Effect.scoped)
  )

  /** Whether a process has closed all that it had open, as each of its threads does last. */
  const hasEnded = (pid: number) =>
    pid !== 0 && !isRunning(pid) && (process.platform !== "linux" || readdirSync(`/proc/${pid}/task`).length === 1)

  it.live(
    "F1 brings what a process sent last, also when it is sent something after its end and before that is read",
    () =>
      Effect.gen(function* () {
        const { closed, connection, control, received } = yield* open()
        connection.receive((message) => received.push(message), unexpected)
        yield* eventually("early", () => received.length === 1)
        connection.send("send and be killed")
        yield* Effect.sync(() => {
          const until = performance.now() + 10_000
          // whatever it sends stays unread until this returns
          while (!hasEnded(control.get(1)) && performance.now() < until);
          assert.isTrue(hasEnded(control.get(1)))
          for (let n = 0; n < 10; n++) connection.send("add")
        })
        yield* eventually("closed", () => closed.length > 0)
        assert.deepStrictEqual(received, ["early", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        assert.deepStrictEqual(closed, [{ exitCode: undefined, signal: "SIGKILL" }])
      }).pipe(Effect.scoped)
  )

  it.live("F4 throws what the serializer throws, and sends nothing then", () =>
    Effect.gen(function* () {
      const { connection, received } = yield* open()
      connection.receive((message) => received.push(message), unexpected)
      for (const value of [new SharedArrayBuffer(8), () => 1, Symbol("s"), { deep: [new Map([[1, () => 1]])] }]) {
        assert.throws(() => connection.check!(value), /could not be cloned/)
        assert.throws(() => connection.send(value), /could not be cloned/)
      }
      for (const value of [undefined, 1n, new Date(), new Error("x"), new Uint8Array(4)]) connection.check!(value)
      connection.send("add")
      yield* eventually("added", () => received.length === 2)
      yield* connection.kill
    }).pipe(Effect.scoped)
  )
})
