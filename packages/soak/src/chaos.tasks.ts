/** What the workers of the chaos do. */
import type { WorkerContext } from "@effect-mpire/core"
import { appendFileSync } from "node:fs"
import { isMainThread } from "node:worker_threads"

export interface Input {
  readonly n: number
  /** The number of its map, so that no result can be another map's. */
  readonly map: number
  readonly millis: number
  /** Where one that is planted says that it has started, before it ends its process. */
  readonly planted?: string | undefined
}

export const resultOf = ({ map, n }: Input): string => `${map}: ${n * n}`

/** The worker itself: a task compares it with what it is given. */
export const open = ({ generation, id }: WorkerContext.WorkerContext): string => `${id} ${generation}`

export const work = (input: Input, worker: WorkerContext.WorkerContext<string>): string => {
  if (worker.state !== open(worker)) throw new Error(`The state of another worker: ${worker.state}`)
  if (input.planted !== undefined) abort(input.planted)
  const until = performance.now() + input.millis
  while (performance.now() < until);
  return resultOf(input)
}

/** The process that it runs in. */
export const where = (): number => process.pid

/** A thread cannot call `process.abort`, but what a native module does there comes to the same. */
const abort = (file: string): never => {
  appendFileSync(file, `${process.pid}\n`)
  if (isMainThread) process.abort()
  process.kill(process.pid, "SIGABRT")
  for (;;);
}
