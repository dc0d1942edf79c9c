/**
 * Where the runner of a worker has the task modules that the pool names: asked for when one is told to the worker (K10).
 */
import * as Effect from "effect/Effect"
import * as errors from "../../ClusterError.ts"
import * as address from "../modules/address.ts"
import type { Describe } from "../modules/describe.ts"
import type * as words from "../link/words.ts"

type Answer = words.Located | words.NotLocated

type Why = errors.ModuleRefused | errors.ModuleNotFound | errors.ModuleMismatch

export class ModulesThere {
  private readonly say: (word: words.Locate) => void
  private readonly describe: Describe
  /** Those who wait for an answer, by the numbers of their questions. */
  private readonly waiting = new Map<number, (answer: Answer) => void>()
  private next = 0

  constructor(say: (word: words.Locate) => void, describe: Describe) {
    this.say = say
    this.describe = describe
  }

  /** The URL by which the worker loads the module of a URL of this machine. */
  readonly locate = (url: string): Effect.Effect<string, Why> =>
    Effect.flatMap(this.describe(url), (module) => {
      // a name is the same everywhere
      if (address.isOfWorkerFile(module.address)) return Effect.succeed(url)
      if (module.address.length > address.longest) return Effect.fail(address.refused(url, "its URL is too long"))
      return Effect.flatMap(this.ask(module), (answer) =>
        answer._tag === "Located" ? Effect.succeed(answer.url) : Effect.fail(errorOf(answer.why))
      )
    })

  /** What the runner answers. An answer to what nobody asks any more is dropped. */
  answered(answer: Answer): void {
    this.waiting.get(answer.number)?.(answer)
  }

  private ask({ address, sha256 }: Omit<words.Locate, "_tag" | "number">): Effect.Effect<Answer> {
    return Effect.callback((resume) => {
      const number = this.next++
      this.waiting.set(number, (answer) => {
        this.waiting.delete(number)
        resume(Effect.succeed(answer))
      })
      this.say({ _tag: "Locate", number, address, ...(sha256 === undefined ? {} : { sha256 }) })
      return Effect.sync(() => void this.waiting.delete(number))
    })
  }
}

const errorOf = (why: words.NotLocated["why"]): Why => {
  switch (why._tag) {
    case "ModuleRefused":
      return new errors.ModuleRefused(why)
    case "ModuleNotFound":
      return new errors.ModuleNotFound(why)
    case "ModuleMismatch":
      return new errors.ModuleMismatch({ address: why.address, here: why.here, there: why.there })
  }
}
