import { died, type ExitLike } from "../task/shapes.ts"
import type { EffectRunner, Interrupt } from "./effectRunner.ts"
import type { Observer } from "./observer.ts"
import type { Self } from "./servedHooks.ts"

/** Loads Effect into a worker when there is a first Effect to run: workers of plain tasks start faster without it. */
export class EffectLoader {
  /** Set once Effect has been loaded. */
  runner: EffectRunner | undefined = undefined
  private readonly self: Pick<Self, "id">
  private readonly observer: Observer

  constructor(self: Pick<Self, "id">, observer: Observer) {
    this.self = self
    this.observer = observer
  }

  /** Calls `start` once Effect is loaded, or `done` with a defect if it cannot be. Interrupting works before, too. */
  run(start: (runner: EffectRunner) => Interrupt, done: (exit: ExitLike) => void): Interrupt {
    if (this.runner !== undefined) return start(this.runner)
    let interrupted = false
    let interrupt: Interrupt = () => {
      interrupted = true
    }
    const load = async () => {
      try {
        const { EffectRunner } = await import("./effectRunner.ts")
        this.runner ??= new EffectRunner(this.self.id, this.observer)
        interrupt = start(this.runner)
        if (interrupted) interrupt()
      } catch (defect) {
        done(died(defect))
      }
    }
    void load()
    return () => interrupt()
  }
}
