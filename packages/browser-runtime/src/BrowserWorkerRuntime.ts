/**
 * The runtime of a `WorkerPool` in a browser: workers are Web Workers.
 *
 * @since 0.1.0
 */
import * as WorkerRuntime from "@effect-mpire/core/WorkerRuntime"
import type * as Layer from "effect/Layer"
import { refuseMainModule } from "./internal/mainModule.ts"
import { isIsolated, open } from "./internal/open.ts"

/**
 * Options of Web Workers.
 *
 * @category options
 * @since 0.1.0
 */
export interface BrowserOptions {
  /**
   * Starts a worker of the program's worker file. Bundlers find a worker file by the very text
   * `new Worker(new URL("./worker.ts", import.meta.url), { type: "module" })`.
   *
   * @see `BrowserWorkerEntry.serve` for a worker file
   */
  readonly spawn: () => Worker
}

/**
 * Workers in Web Workers of this page.
 *
 * **When to use**
 *
 * Use for work that would make the page wait.
 *
 * **Details**
 *
 * On a page that is cross-origin isolated (`crossOriginIsolated`) workers share memory with the page, and all is as on
 * threads. Elsewhere a worker tells of its items by messages, and three things are weaker. An item that computes does not
 * learn from `worker.interrupted` that its result is unwanted. Items are taken back from a worker for another call when
 * the worker next reads a message. And when a worker is lost, all items of its chunk count as started, which is why a
 * chunk is no longer than about 2 milliseconds, unless the call is a `run`, has a `timeout`, gives Exits or has `retries`:
 * then each start is told.
 *
 * An error that nothing catches ends the worker, as it does on threads. The browser takes 2 seconds to end a worker that
 * computes without a pause; the call does not wait for that, but the slot's next worker does.
 *
 * **Gotchas**
 *
 * `Portable.inline` needs a page whose Content-Security-Policy allows `unsafe-eval`. A worker that exhausts its memory
 * takes the page with it.
 *
 * @example
 * ```ts
 * import { Portable, WorkerPool } from "@effect-mpire/core"
 * import { BrowserWorkerRuntime } from "@effect-mpire/browser-runtime"
 * import * as Effect from "effect/Effect"
 *
 * const layer = BrowserWorkerRuntime.layer({
 *   spawn: () => new Worker(new URL("./worker.ts", import.meta.url), { type: "module" })
 * })
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* WorkerPool.make({ size: 2 })
 *   return yield* pool.map([1, 2, 3], Portable.inline((n: number) => n * n))
 * }).pipe(Effect.scoped, Effect.provide(layer))
 *
 * Effect.isEffect(program) // => true
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: BrowserOptions): Layer.Layer<WorkerRuntime.WorkerRuntime> =>
  WorkerRuntime.layerChannel({
    name: "web workers",
    // programs in JavaScript can leave them out
    open: (_, controls) => open(options?.spawn, controls),
    refuse: refuseMainModule,
    sharesNumbers: isIsolated()
  })
