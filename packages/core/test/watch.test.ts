/** How a watch judges time that it could not look in, by timers and a clock of the test's own. */
import { assert, describe, it } from "@effect/vitest"
import { RemoteStart } from "../src/internal/remote/remoteStart.ts"
import { Watch } from "../src/internal/remote/watch.ts"
import type { StartOptions } from "../src/WorkerRuntime.ts"
import { heldTimers } from "./utils/realTime.ts"

describe("Watch", () => {
  const time = heldTimers()

  /** A watch that looks every 100 milliseconds; and when it has looked, by its own time. */
  const looking = () => {
    const looks: Array<number> = []
    const watch = new Watch(() => {
      looks.push(watch.now() - began)
      return 100
    })
    const began = watch.now()
    watch.within(100)
    return { looks, watch }
  }

  it("T2 C4 T4 its time goes on with real time while it looks when it is to", async () => {
    const { looks, watch } = looking()
    await time.pass(500)
    assert.deepStrictEqual(looks, [100, 200, 300, 400, 500])
    watch.stop()
    assert.strictEqual(time.waiting, 0)
  })

  for (const late of [101, 1000, 60_000]) {
    it(`T2 C4 T4 a look that is ${late} ms late is put off, and that time does not count`, async () => {
      const { looks, watch } = looking()
      await time.pass(200)
      // this thread computes, or the process is stopped
      time.clock.now += 100 + late
      await time.pass(0)
      assert.deepStrictEqual(looks, [100, 200])
      await time.pass(200)
      assert.deepStrictEqual(looks, [100, 200, 400, 500])
      watch.stop()
    })
  }

  it("T2 C4 T4 one that is a little late is none the less made", async () => {
    const { looks, watch } = looking()
    time.clock.now += 199
    await time.pass(0)
    assert.deepStrictEqual(looks, [199])
    watch.stop()
  })

  it("T2 C4 T4 one after another is made however late all of them are: a machine that is always busy hides nothing", async () => {
    const { looks, watch } = looking()
    for (let n = 0; n < 10; n++) {
      time.clock.now += 300
      await time.pass(0)
    }
    assert.deepStrictEqual(looks, [200, 400, 600, 800, 1000])
    watch.stop()
  })
})

describe("RemoteStart", () => {
  const time = heldTimers()

  it("T4 a worker has `startTimeout` to start, without the time in which this thread could not hear of it", async () => {
    const causes: Array<Error> = []
    const options = { startTimeout: 1000, worker: { id: 0, generation: 1 } } as StartOptions
    const start = new RemoteStart(options, (cause) => void causes.push(cause))
    time.clock.now += 1500
    await time.pass(0)
    assert.deepStrictEqual(causes, [])
    await time.pass(100)
    assert.deepStrictEqual(
      causes.map(({ message }) => message),
      ["It was not ready within 1000 milliseconds"]
    )
    const timely = new RemoteStart(options, (cause) => void causes.push(cause))
    time.clock.now += 1500
    await time.pass(50)
    timely.ready()
    await time.pass(5000)
    assert.strictEqual(causes.length, 1)
    start.stopWatching()
    assert.strictEqual(time.waiting, 0)
  })
})
