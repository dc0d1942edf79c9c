import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { integer, runs } from "../../core/test/support.ts"
import { ProtocolError } from "../src/internal/frames/frame.ts"
import { Beats } from "../src/internal/link/beats.ts"

describe("beats", () => {
  it("K5 hold from when the newest one that came back was sent, not from when the answer arrived", () => {
    const runner = new Beats(0)
    const driver = new Beats(0)
    driver.receive(Buffer.from(runner.next(100)), 150)
    assert.strictEqual(runner.heldSince, 0)
    runner.receive(Buffer.from(driver.next(160)), 5000)
    assert.strictEqual(runner.heldSince, 100)
  })

  it("K5 that arrive without having seen newer ones hold nothing: a driver that hears nothing is held no longer", () => {
    const runner = new Beats(0)
    const driver = new Beats(0)
    driver.receive(Buffer.from(runner.next(100)), 110)
    for (let at = 200; at < 10_000; at += 100) {
      // the runner's do not arrive any more, the driver's do
      runner.next(at)
      runner.receive(Buffer.from(driver.next(at)), at)
    }
    assert.strictEqual(runner.heldSince, 100)
  })

  it.prop(
    "K5 the lease of a runner never runs longer than what the driver has heard, whatever is delayed or lost",
    {
      steps: Arbitrary.array(
        Arbitrary.all({ down: integer(0, 400), up: integer(0, 400), lost: integer(0, 3), pause: integer(1, 100) }),
        { maxLength: 60 }
      )
    },
    ({ steps }) => {
      const runner = new Beats(0)
      const driver = new Beats(0)
      let at = 0
      let heard = 0
      let [downAt, upAt] = [0, 0]
      for (const { down, lost, pause, up } of steps) {
        at += pause
        const beat = Buffer.from(runner.next(at))
        if (lost === 1) continue
        // a stream keeps order
        downAt = Math.max(downAt, at + down)
        driver.receive(beat, downAt)
        heard = downAt
        const answer = Buffer.from(driver.next(downAt))
        if (lost === 2) continue
        upAt = Math.max(upAt, downAt + up)
        runner.receive(answer, upAt)
        assert.isAtMost(runner.heldSince, heard)
        assert.isAtMost(runner.heldSince, at)
      }
    },
    runs(200)
  )

  it("tell the least round trip, without the time that the other end took", () => {
    const runner = new Beats(0)
    const driver = new Beats(0)
    driver.receive(Buffer.from(runner.next(1000)), 1030)
    const sent = Buffer.from(driver.next(1030))
    runner.receive(sent, 1050)
    // the runner's next beat is due much later
    driver.receive(Buffer.from(runner.next(1550)), 1590)
    assert.closeTo(driver.roundTrip!, 60, 0.001)
  })

  it("F6 one of another length is a ProtocolError", () => {
    for (const length of [0, 8, 13]) assert.throws(() => new Beats(0).receive(Buffer.alloc(length), 0), ProtocolError)
  })
})
