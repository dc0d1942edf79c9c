import { died, type ExitLike } from "../task/shapes.ts"
import type { EffectRunner, Interrupt } from "./effectRunner.ts"

/** Loads Effect into a worker, when there is an Effect to run and not before: a plain task does not pay for it. */
export class EffectLoader {
  /** Set once Effect has been loaded. */
  runner: EffectRunner | undefined = undefined

  /** Calls `start` once Effect has been loaded; `done` gets a defect when it cannot be. */
  run(start: (runner: EffectRunner) => Interrupt, done: (exit: ExitLike) => void): Interrupt {
    if (this.runner !== undefined) return start(this.runner)
    let interrupted = false
    let interrupt: Interrupt = () => {
      interrupted = true
    }
    import("./effectRunner.ts")
      .then(({ EffectRunner }) => {
        this.runner ??= new EffectRunner()
        interrupt = start(this.runner)
        if (interrupted) interrupt()
      })
      .catch((defect) => done(died(defect)))
    return () => interrupt()
  }
}
