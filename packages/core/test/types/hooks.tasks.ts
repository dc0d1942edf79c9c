// Hooks, and tasks with state
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { WorkerContext } from "../../src/WorkerContext.ts"

export class OpenError extends Data.TaggedError("OpenError") {}

export interface Engine {
  readonly name: string
  readonly run: (n: number) => number
}

declare const engine: Engine

const named = (name: string): Engine => ({ ...engine, name })

// init

export const open: Effect.Effect<Engine, OpenError, Scope.Scope> = Effect.acquireRelease(
  Effect.succeed(engine),
  () => Effect.void
)

export const openValue = () => engine

export const openPromise = async (worker: WorkerContext<void>) => named(`engine ${worker.id}`)

export const openEffect = (worker: WorkerContext) =>
  worker.id > 8 ? Effect.fail(new OpenError()) : Effect.succeed(engine)

export const openFaster = (): Engine & { readonly fast: true } => ({ ...engine, fast: true })

export const openCounter = () => ({ count: 0 })

export const openWith = (name: string, worker: WorkerContext) => Effect.succeed(named(name + worker.id))

export const openNothing = () => {}

export const openAny = (): any => engine

export const fromEngine = (worker: WorkerContext<Engine>) => worker.state

// exit

export const close = (worker: WorkerContext<Engine>) => worker.state.name

export const closePromise = async (worker: WorkerContext<Engine>) => worker.state.name

export const closeEffect = (worker: WorkerContext<Engine>) => Effect.succeed(worker.state.name)

export const closeAny = (worker: WorkerContext) => worker.generation

export const closeOnce = Effect.succeed("done")

export const closeCounter = (worker: WorkerContext<{ readonly count: number }>) => worker.state.count

export const closeWith = (note: { readonly text: string }, worker: WorkerContext<Engine>) =>
  `${note.text} ${worker.state.name}`

export const closeVoid = (worker: WorkerContext<void>) => Effect.succeed(worker.state)

// tasks

export const withEngine = (n: number, worker: WorkerContext<Engine>) => worker.state.run(n)

export const withName = (n: number, worker: WorkerContext<{ readonly name: string }>) =>
  Effect.succeed(`${worker.state.name} ${n}`)

export const withCounter = (n: number, worker: WorkerContext<{ count: number }>) => (worker.state.count += n)

export const withVoid = (n: number, worker: WorkerContext<void>) => n + worker.id

export const agnostic = (n: number, worker: WorkerContext) => n + worker.id

export const withTable = (table: ReadonlyMap<string, number>, word: string, worker: WorkerContext<Engine>) =>
  worker.state.run(table.get(word) ?? 0)

// neither

export const layer = Layer.empty
