import { PoolEvent } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as Loss from "../src/cluster/loss.ts"

const at = (time: number, worker: number) => ({ pool: "p", time, worker, generation: 1 })

const sent = (time: number, worker: number, index: number) =>
  PoolEvent.ChunkSent.make({ ...at(time, worker), call: 1, chunk: time, index, items: 1, queued: false })

describe("what events say of the loss of a runner", () => {
  it("nothing, when no worker was lost", () => {
    assert.isUndefined(Loss.of([sent(1, 0, 0), sent(2, 1, 1)]))
  })

  it("how many workers went, when the first was given up, and which items were sent again, each counted once", () => {
    const events = [
      sent(1, 0, 0),
      sent(2, 1, 1),
      sent(3, 2, 2),
      PoolEvent.WorkerLost.make(at(4, 1)),
      PoolEvent.WorkerLost.make(at(5, 2)),
      sent(6, 0, 1),
      sent(7, 0, 2),
      // by another loss
      sent(8, 0, 2)
    ]
    assert.deepStrictEqual(Loss.of(events), { workers: 2, noticedAt: 4, sentAgain: 2 })
  })

  it("not which items were sent again for another reason", () => {
    const lost = PoolEvent.WorkerLost.make(at(5, 1))
    // an idle worker took it over from a busy one, before that was lost or after
    assert.include(Loss.of([sent(1, 1, 0), sent(2, 0, 0), lost]), { workers: 1, sentAgain: 0 })
    assert.include(Loss.of([sent(1, 0, 0), lost, sent(6, 2, 0)]), { workers: 1, sentAgain: 0 })
    // it was sent to the worker that came after the one that was lost
    const next = { ...sent(6, 1, 0), generation: 2 }
    assert.include(Loss.of([lost, next, sent(7, 0, 0)]), { workers: 1, sentAgain: 0 })
    // it was taken over first and lost then
    assert.include(Loss.of([sent(1, 0, 0), sent(2, 1, 0), lost, sent(6, 0, 0)]), { workers: 1, sentAgain: 1 })
  })
})
