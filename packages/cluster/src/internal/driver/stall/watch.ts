/**
 * The main thread's end of what keeps its leases while it is blocked.
 */
import * as Effect from "effect/Effect"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import { clearInterval, setInterval } from "../../common/timers.ts"
import { format } from "../../members/address.ts"
import type { Runners, StallSettings } from "./settings.ts"

/** How often this thread says that it is not blocked, in milliseconds. */
const every = 25

export class StallWatch {
  private readonly settings: StallSettings
  private timer: ReturnType<typeof setInterval> | undefined = undefined
  private readonly warn: (why: string) => void
  private isImpossible = false
  private thread: Worker | undefined = undefined
  /** The runners with workers of this process, and how many each has. */
  private readonly held = new Map<string, { readonly runner: Runners[number]; count: number }>()

  /** `warn` is told, once, why leases are not kept, where they cannot be. */
  constructor(settings: Omit<StallSettings, "ticks">, warn: (why: string) => void) {
    this.warn = warn
    const ticks = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
    this.settings = { ...settings, ticks }
  }

  /** This process has one more worker there; call what is returned when that has ended. */
  hold(runner: Runners[number]): () => void {
    const name = format(runner)
    const held = this.held.get(name) ?? { runner, count: 0 }
    if (held.count++ === 0) {
      this.held.set(name, held)
      this.tell()
    }
    return () => {
      if (--held.count > 0) return
      this.held.delete(name)
      this.tell()
    }
  }

  readonly end: Effect.Effect<void> = Effect.promise(async () => {
    clearInterval(this.timer)
    await this.thread?.terminate()
  })

  private tell(): void {
    if (!this.isImpossible) this.thread ??= this.start()
    this.thread?.postMessage([...this.held.values()].map(({ runner }) => runner))
  }

  /** `undefined` where its file is missing, as in a bundle, or it cannot be told what it needs: workers run all the same. */
  private start(): Worker | undefined {
    const file = new URL(import.meta.url.endsWith(".ts") ? "./thread.ts" : "./thread.js", import.meta.url)
    const { ticks } = this.settings
    this.timer ??= setInterval(() => Atomics.add(ticks, 0, 1), every).unref()
    if (!existsSync(fileURLToPath(file))) return this.cannot(`${file.href} is missing, as in a bundle`)
    try {
      const thread = new Worker(file, { workerData: this.settings, name: "effect-mpire leases", execArgv: [] })
      thread.unref()
      thread.on("error", (error) => {
        this.thread = undefined
        this.cannot(error instanceof Error ? error.message : String(error))
      })
      return thread
    } catch {
      return this.cannot("another thread cannot be given a function, such as `tls.allow`")
    }
  }

  private cannot(why: string): undefined {
    this.isImpossible = true
    this.warn(`While this process's main thread is blocked, its workers on runners are lost after their lease: ${why}`)
  }
}
