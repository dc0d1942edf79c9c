import { assert, describe, it } from "@effect/vitest"
import { type Hooks, Layers, type Met } from "../src/layers.ts"
import type { Fate } from "../src/plain.tasks.ts"
import type { Hook, Operation } from "../src/script.ts"

const hook = (fate?: Fate): Hook => ({ module: "plain", millis: 0, fate })

const call = (number: number, init?: Hook, exit?: Hook): Operation => ({
  number,
  kind: "map",
  place: 0,
  interruptAfter: undefined,
  call: {
    items: [],
    source: "array",
    module: "plain",
    salt: undefined,
    options: {},
    init,
    exit,
    take: undefined,
    consumes: 0
  },
  size: 1,
  keepAlive: true
})

const numbers = (hooks: Hooks): ReadonlyArray<number> => [...hooks.keys()]

const met = ({ exits, inits }: Met) => ({ inits: numbers(inits), exits: numbers(exits) })

describe("whose hooks a call may keep", () => {
  it("L6 a call that begins alone keeps its own alone", () => {
    const layers = new Layers(true)
    const first = layers.begin(call(1, hook("fails"), hook("fails")), true, true)
    assert.deepStrictEqual(met(first), { inits: [1], exits: [1] })
    first.end()
    const second = layers.begin(call(2), true, true)
    assert.deepStrictEqual(met(second), { inits: [], exits: [] })
  })

  it("L6 a run keeps those that are current, also when their call is over", () => {
    const layers = new Layers(true)
    const first = layers.begin(call(1, hook("fails")), true, true)
    assert.deepStrictEqual(met(layers.begin(call(2), false, true)), { inits: [1], exits: [] })
    first.end()
    assert.deepStrictEqual(met(layers.begin(call(3), false, true)), { inits: [1], exits: [] })
    layers.begin(call(4), true, true).end()
    assert.deepStrictEqual(met(layers.begin(call(5), false, true)), { inits: [], exits: [] })
  })

  it("L6 an init covers those below it while its call runs, an exit does not once it is over", () => {
    const layers = new Layers(true)
    layers.begin(call(1, hook("fails"), hook("fails")), true, true)
    const second = layers.begin(call(2, hook(), hook()), true, true)
    assert.deepStrictEqual(met(second), { inits: [], exits: [1] })
    assert.deepStrictEqual(met(layers.begin(call(3), true, true)), { inits: [], exits: [1] })
    second.end()
    assert.deepStrictEqual(met(layers.begin(call(4), true, true)), { inits: [1], exits: [1] })
  })

  it("L10 who was admitted before keeps what was current then, who waits at the gate may keep what comes", () => {
    const layers = new Layers(true)
    const admitted = layers.begin(call(1), false, true)
    const waiting = layers.begin(call(2), false, false)
    layers.begin(call(3, hook("never"), hook("never")), true, true)
    assert.deepStrictEqual(met(admitted), { inits: [], exits: [3] })
    assert.deepStrictEqual(met(waiting), { inits: [3], exits: [3] })
  })
})
