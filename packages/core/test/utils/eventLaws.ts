/** O2: what holds for the events of any pool, if somebody listens from its beginning until its end, and misses none. */
import { assert } from "@effect/vitest"
import type { PoolEvent } from "../../src/PoolEvent.ts"

export const of = <Tag extends PoolEvent["_tag"]>(events: ReadonlyArray<PoolEvent>, tag: Tag) =>
  events.filter((event): event is Extract<PoolEvent, { readonly _tag: Tag }> => event._tag === tag)

const sorted = (numbers: ReadonlyArray<number>): ReadonlyArray<number> => numbers.toSorted((one, other) => one - other)

const assertChunks = (events: ReadonlyArray<PoolEvent>) => {
  const sent = new Map(of(events, "ChunkSent").map((event) => [event.chunk, event]))
  const done = of(events, "ChunkDone")
  assert.strictEqual(sent.size, of(events, "ChunkSent").length)
  assert.deepStrictEqual(sorted(done.map(({ chunk }) => chunk)), sorted([...sent.keys()]))
  for (const { call, chunk, failed, generation, interrupted, succeeded, time, worker } of done) {
    const from = sent.get(chunk)!
    assert.deepStrictEqual({ ...from, ...{ call, generation, worker } }, from)
    assert.isAtMost(from.time, time)
    assert.isAtMost(succeeded + failed + interrupted, from.items)
  }
}

const assertWorkers = (events: ReadonlyArray<PoolEvent>) => {
  const key = ({ generation, worker }: { readonly generation: number; readonly worker: number }) =>
    `${worker}.${generation}`
  const ends = [...of(events, "WorkerReleased"), ...of(events, "WorkerKilled"), ...of(events, "WorkerLost")]
  assert.deepStrictEqual(ends.map(key).toSorted(), of(events, "WorkerStarting").map(key).toSorted())
}

/** Asserts it; returns what became of all items. */
export const assertLaws = (events: ReadonlyArray<PoolEvent>) => {
  assert.deepStrictEqual(of(events, "Missed"), [])
  const times = events.map(({ time }) => time)
  assert.deepStrictEqual(times, sorted(times))
  assertChunks(events)
  assertWorkers(events)
  const started = of(events, "CallStarted").map(({ call }) => call)
  const ended = of(events, "CallEnded")
  assert.deepStrictEqual(sorted(ended.map(({ call }) => call)), sorted(started))
  assert.deepStrictEqual(
    sorted(started),
    started.map((_, n) => n + 1)
  )
  const sum = { succeeded: 0, failed: 0, interrupted: 0 }
  for (const call of ended) {
    const chunks = of(events, "ChunkDone").filter((event) => event.call === call.call)
    for (const outcome of ["succeeded", "failed", "interrupted"] as const) {
      assert.strictEqual(
        call[outcome],
        chunks.reduce((sum, chunk) => sum + chunk[outcome], 0)
      )
      sum[outcome] += call[outcome]
    }
    assert.strictEqual(call.chunks, chunks.length)
    const told = of(events, "ItemFailed").filter((event) => event.call === call.call)
    assert.strictEqual(told.length, Math.min(100, call.failed))
  }
  return sum
}
