import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"

/** What the run loop of Effect 4.1 is, as far as this file needs to know. */
interface Loop {
  runLoop(effect: unknown): unknown
  readonly _stack: ReadonlyArray<unknown>
}

/**
 * Has a fiber die properly of what is no Effect (F8), which a task can have it run: `flatMap` believes its function.
 * Effect's run loop ends the whole fiber then, past all finalizers and handlers; and where the value cannot even be
 * printed for the message, such as a revoked Proxy, it throws at whoever has resumed the fiber, which then never ends.
 * Here such a value is a defect like any other, from the fiber's next operation but one on.
 */
export const contain = (fiber: Fiber.Fiber<unknown, unknown>): void => {
  const loop = fiber as unknown as Loop
  // oxlint-disable-next-line typescript/unbound-method -- it is called with the fiber, below
  const { runLoop } = loop
  // a later version of Effect may have another loop, and then does what it does with such a value
  if (typeof runLoop !== "function" || !Array.isArray(loop._stack)) return
  loop.runLoop = (effect) => {
    for (let current = effect; ;) {
      let outcome: unknown
      try {
        outcome = runLoop.call(fiber, current)
      } catch (defect) {
        outcome = Exit.die(defect)
      }
      // it yields a symbol; an Exit that leaves something on the stack has skipped it
      if (typeof outcome === "symbol" || loop._stack.length === 0) return outcome
      current = outcome
    }
  }
}
