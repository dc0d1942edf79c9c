import { died, type ExitLike } from "../task/shapes.ts"
import type { EffectRunner, Interrupt } from "./effectRunner.ts"

/** Loads Effect into a worker when there is an Effect to run, and not before. */
export class EffectLoader {
  /** Once it has been needed. */
  runner: EffectRunner | undefined = undefined

  /** Runs something with the Effect runner; `done` hears of it when that cannot be loaded. */
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
