/** How often chunks are looked at, by timers and a clock of the test's own. */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { ChunkWatch, type Overdue, type Watched } from "../src/internal/remote/chunkWatch.ts"
import { GrantedCell } from "../src/internal/remote/grantedCell.ts"
import { interval } from "../src/internal/remote/watch.ts"
import * as realTime from "../src/internal/task/realTime.ts"
import { Cell, phases } from "../src/internal/wire/control.ts"
import type { Chunk } from "../src/WorkerRuntime.ts"
import { sharedNumbers } from "./sharedNumbers.ts"
import { heldClock, macrotask } from "./utils/realTime.ts"

describe("ChunkWatch, of a worker that is far away", () => {
  const { setTimeout } = realTime.clock
  const clock = heldClock()
  let timers: Array<{ readonly delay: number; readonly due: number; readonly f: () => void }> = []

  beforeEach(() => {
    timers = []
    realTime.clock.setTimeout = (f, delay) => {
      timers.push({ delay, due: clock.now + delay, f })
      return undefined
    }
  })

  afterEach(() => {
    realTime.clock.setTimeout = setTimeout
  })

  /** Lets time pass until the next look, and returns how long that was. */
  const look = async (): Promise<number> => {
    const { delay, due, f } = timers.pop()!
    assert.deepStrictEqual(timers, [])
    clock.now = Math.max(clock.now, due)
    f()
    await macrotask()
    return delay
  }

  for (const killAfter of [0, 20, 1000, 60_000]) {
    for (const lag of [0, 5, 300]) {
      it(`C4 K13 waits to hear of an interrupted chunk without haste: ${killAfter} and ${lag} ms`, async () => {
        const control = sharedNumbers(4)
        const cell = new GrantedCell(control, 0, 0)
        cell.open(1)
        cell.granted = 1
        const watched: Watched = {
          chunk: { timeout: undefined, items: [1] } as unknown as Chunk,
          cell,
          stuck: undefined,
          interruptedAt: undefined,
          runningSince: undefined,
          seenStarted: 0
        }
        const found: Array<Overdue> = []
        const watch = new ChunkWatch(
          { killAfter, startTimeout: undefined },
          { chunks: () => [watched], abandoned: () => [], turns: () => 0, lag: () => lag },
          (overdue) => void found.push(overdue)
        )
        watch.interrupted(watched)
        assert.strictEqual(await look(), killAfter + lag)
        for (let n = 0; n < 10; n++) assert.strictEqual(await look(), interval(killAfter + lag))
        assert.deepStrictEqual(found, [])
        // it has begun, as is heard now
        const there = new Cell(control, 0, 0)
        there.take()
        there.enter(phases.loaded)
        there.claim(0)
        await look()
        assert.deepStrictEqual(
          found.map(({ what }) => what),
          ["interruption"]
        )
        assert.deepStrictEqual(timers, [])
      })
    }
  }
})
