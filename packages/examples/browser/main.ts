import * as BrowserWorkerRuntime from "@effect-mpire/browser-runtime/BrowserWorkerRuntime"
import { Portable, WorkerPool } from "@effect-mpire/core"
import { Effect, Stream } from "effect"
import type { modules } from "./worker.ts"

const { mandelbrot } = Portable.modules<typeof modules>()

const canvas = document.querySelector("canvas")!
const output = document.querySelector("output")!
const { height, width } = canvas

const draw = (y: number, steps: Uint16Array): void => {
  const image = new ImageData(width, 1)
  steps.forEach((n, x) => image.data.set([n / 4, n, n * 4, 255], x * 4))
  canvas.getContext("2d")!.putImageData(image, 0, y)
}

const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make()
  const rows = Array.from({ length: height }, (_, y) => ({ y, width, height }))
  let total = 0
  // each row is drawn as soon as it has been computed, while the page stays usable
  yield* pool.streamUnorderedExit(rows, mandelbrot.steps).pipe(
    Stream.runForEach(({ exit, index }) =>
      Effect.map(exit, (steps) => {
        total += steps.reduce((sum, n) => sum + n)
        draw(index, steps)
      })
    )
  )
  output.textContent = `${height} rows, ${total} steps`
}).pipe(Effect.scoped)

const layer = BrowserWorkerRuntime.layer({
  spawn: () => new Worker(new URL("./worker.ts", import.meta.url), { type: "module" })
})

void program.pipe(Effect.provide(layer), Effect.runPromise)
