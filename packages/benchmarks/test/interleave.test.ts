import { assert, describe, it } from "@effect/vitest"
import { contender, measure, measurement, scripted } from "./support.ts"

describe("interleave", () => {
  it("measures by turns, each repetition beginning with another contender, warm-ups not counted", async () => {
    const order: Array<string> = []
    const named = (name: string) =>
      contender(name, "peer", (time) => {
        order.push(`${name}${time}`)
        return { value: time }
      })
    const { result } = await measure(measurement([named("a"), named("b"), named("c")], { warmUps: 1, repetitions: 2 }))
    assert.deepStrictEqual(order, ["a0", "b0", "c0", "b1", "c1", "a1", "c2", "a2", "b2"])
    assert.deepStrictEqual(
      result.contenders.map(({ samples }) => samples),
      [
        [1, 2],
        [1, 2],
        [1, 2]
      ]
    )
  })

  it("a wrong result, an error at the start and no end are told by name, and the rest goes on", async () => {
    const wrong = contender("wrong", "peer", (time) => {
      if (time === 1) throw new Error("wrong result: 3 for 2 * 2")
      return { value: 1 }
    })
    const broken = { ...scripted("broken", "peer", []), open: () => Promise.reject(new Error("no such module")) }
    const endless = contender("endless", "peer", () => new Promise(() => {}))
    const stuck = contender(
      "stuck",
      "peer",
      () => ({ value: 1 }),
      () => new Promise(() => {})
    )
    const fine = scripted("fine", "peer", [1, 2, 3])
    const { result } = await measure(measurement([wrong, broken, endless, fine, stuck]), 0.05)
    assert.deepStrictEqual(
      result.contenders.map(({ failed, name, samples }) => [name, failed, samples.length]),
      [
        ["wrong", "wrong result: 3 for 2 * 2", 1],
        ["broken", "no such module", 0],
        ["endless", "a repetition took longer than 0.05 s", 0],
        ["fine", undefined, 3],
        ["stuck", "closing took longer than 0.05 s", 3]
      ]
    )
  })

  it("closes every contender that was opened", async () => {
    const closed: Array<string> = []
    const named = (name: string) =>
      contender(
        name,
        "peer",
        () => ({ value: 1 }),
        async () => {
          closed.push(name)
        }
      )
    await measure(measurement([named("a"), named("b")]))
    assert.deepStrictEqual(closed, ["a", "b"])
  })
})
