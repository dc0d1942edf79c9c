import type { WorkerContext } from "@effect-mpire/core/WorkerContext"

/** A library that never lets go of what it has seen. */
export const openLeakyLibrary = () => ({ leaked: new Array<string>() })

export const shout = (word: string, worker: WorkerContext<{ readonly leaked: Array<string> }>): string => {
  const shouted = `${word.toUpperCase()}!`
  worker.state.leaked.push(shouted)
  return shouted
}

export const measureLeak = (worker: WorkerContext<{ readonly leaked: Array<string> }>) => ({
  worker: `${worker.id}.${worker.generation}`,
  leaked: worker.state.leaked.length
})
