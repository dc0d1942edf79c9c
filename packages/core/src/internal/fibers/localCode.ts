/**
 * Finds tasks, hooks and services by their addresses for a worker in this process, and keeps what it has found.
 */
import * as Effect from "effect/Effect"
import type { WorkerIdentity } from "../../WorkerPoolError.ts"
import type * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Code, StartOptions } from "../../WorkerRuntime.ts"
import * as errors from "../common/errors.ts"
import * as portable from "../task/portable.ts"
import * as resolver from "../task/resolver.ts"
import * as crossing from "../wire/crossing.ts"
import { warned } from "./clockWarning.ts"
import type { LocalModules } from "./localModules.ts"
import { sleepInSteps } from "./steps.ts"

type Failure = WorkerPoolError.WorkerPoolError

/** What is at an address. What is found can be any value, which is not looked at here: it may be a Proxy that throws. */
export type Located =
  | { readonly _tag: "Found"; readonly value: unknown }
  /** It is still being loaded; the Effect waits for it. */
  | { readonly _tag: "Loading"; readonly effect: Effect.Effect<unknown, Failure> }
  /** Nothing was found, and why. */
  | { readonly _tag: "NotFound"; readonly error: Failure }

/** What is known of an address, with the Promise of what is being loaded. */
type Known =
  | Exclude<Located, { readonly _tag: "Loading" }>
  | { readonly _tag: "Promised"; readonly value: Promise<unknown> }

export class LocalCode {
  private readonly worker: WorkerIdentity
  private readonly startTimeout: number | undefined
  private readonly clone: boolean
  private readonly modules: LocalModules
  /** By address object, so that a bound value can be collected together with the portable that binds it. */
  private readonly known = new WeakMap<portable.Address, Known>()

  constructor(
    { startTimeout, worker }: Pick<StartOptions, "startTimeout" | "worker">,
    clone: boolean,
    modules: LocalModules
  ) {
    this.worker = worker
    this.startTimeout = startTimeout
    this.clone = clone
    this.modules = modules
  }

  find(code: Code): Located {
    const known = this.findAt(portable.definition(code).address)
    return known._tag === "Promised" ? { _tag: "Loading", effect: this.await(known.value, code) } : known
  }

  /** What is at the code's address; fails with `StartFailed` (F3). */
  load(code: Code): Effect.Effect<unknown, Failure> {
    return Effect.suspend(() => {
      const located = this.find(code)
      switch (located._tag) {
        case "Found":
          return Effect.succeed(located.value)
        case "Loading":
          return located.effect
        case "NotFound":
          return Effect.fail(located.error)
      }
    })
  }

  /** Waits for a module for at most `startTimeout`: one with a top-level await may never be loaded (T4). */
  private await(value: Promise<unknown>, code: Code): Effect.Effect<unknown, Failure> {
    const { startTimeout } = this
    const awaited = warned(
      Effect.tryPromise({ try: () => value, catch: (cause) => this.startFailed(cause) }),
      portable.moduleOf(code)
    )
    if (startTimeout === undefined) return awaited
    const error = new Error(`It did not load within ${startTimeout} milliseconds`)
    const failed = Effect.suspend(() => Effect.fail(errors.startFailed(this.worker, error, code)))
    return Effect.raceFirst(awaited, Effect.andThen(sleepInSteps(startTimeout), failed))
  }

  /** What a module throws is its own, even a WorkerPoolError. */
  private startFailed(cause: unknown): Failure {
    return errors.startFailed(this.worker, cause)
  }

  private findAt(address: portable.Address): Known {
    if (address._tag === "Closure") return { _tag: "Found", value: address.value }
    const before = this.known.get(address)
    if (before !== undefined) return before
    const known = this.search(address)
    if (known._tag === "NotFound") return known
    // a Promise is kept as well: until it settles, all must get the same code, with the same clone of a bound value
    this.known.set(address, known)
    if (known._tag === "Promised") {
      known.value.then(
        (value) => this.known.set(address, { _tag: "Found", value }),
        () => this.known.delete(address)
      )
    }
    return known
  }

  private search(address: portable.Remote): Known {
    try {
      switch (address._tag) {
        case "Export":
          return known(this.modules.find(address))
        case "Inline":
          return known(resolver.resolveInline(address))
        case "Bound":
          return this.bind(address)
      }
    } catch (cause) {
      return { _tag: "NotFound", error: this.startFailed(cause) }
    }
  }

  private bind(address: portable.Bound): Known {
    const { target, value } = address
    let cloned = value
    try {
      if (this.clone) cloned = crossing.cloneBound(address)
    } catch (error) {
      return { _tag: "NotFound", error: error as Failure }
    }
    const found = this.findAt(target)
    switch (found._tag) {
      case "Found":
        return { _tag: "Found", value: resolver.bindFirst(found.value, cloned) }
      case "Promised":
        return { _tag: "Promised", value: found.value.then((target) => resolver.bindFirst(target, cloned)) }
      case "NotFound":
        return found
    }
  }
}

const known = (value: unknown): Known =>
  value instanceof Promise ? { _tag: "Promised", value } : { _tag: "Found", value }
