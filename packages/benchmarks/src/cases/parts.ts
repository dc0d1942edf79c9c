/** What the cases share. */
import { type Contender, type Role, timed } from "../case.ts"
import * as ours from "../contenders/ours.ts"
import { peers } from "../contenders/peers.ts"
import { sibling } from "../sibling.ts"
import type { OpenOptions, PoolKind, TaskPool } from "../task-pool.ts"

/** The number of workers, and of the cores that the targets are set for. */
export const size = 2

export const plainTasks = sibling(import.meta.url, "../tasks/plain.tasks")

/** Throws when something is not as it should be. */
export const check = (holds: boolean, problem: string): void => {
  if (!holds) throw new Error(`wrong result: ${problem}`)
}

/** Throws when there are not as many results as items, or one of them is not the expected one. */
export const checkEach = (
  results: ReadonlyArray<unknown>,
  expected: (index: number) => unknown,
  count: number
): void => {
  check(results.length === count, `${results.length} results for ${count} items`)
  for (let i = 0; i < count; i++) {
    if (results[i] !== expected(i)) check(false, `item ${i} gave ${String(results[i])}, not ${String(expected(i))}`)
  }
}

interface Work<A> {
  /** Before the first time: code is compiled there, for one. */
  readonly prepare?: ((pool: TaskPool) => Promise<unknown>) | undefined
  readonly work: (pool: TaskPool) => Promise<A>
  readonly check: (result: A) => void
  readonly toValue?: ((millis: number) => number) | undefined
}

/** A pool that has been started and is kept, and is measured at some work. */
export const started = <A>(
  kind: PoolKind,
  role: Role,
  work: Work<A>,
  options?: Partial<OpenOptions> & { readonly remark?: string }
): Contender => ({
  name: kind.name,
  role,
  remark: options?.remark,
  open: async () => {
    const pool = await kind.open({ tasks: plainTasks, size, ours: { keepAlive: true }, ...options })
    await pool.start()
    await work.prepare?.(pool)
    return timed({ ...work, work: () => work.work(pool), close: pool.close })
  }
})

/** The pool of this repository, on threads and (for information) on processes, and the peers, all at the same work. */
export const pools = <A>(work: Work<A>, peerWork: Work<A> = work): ReadonlyArray<Contender> => [
  started(ours.threads, "ours", work),
  started(ours.processes, "information", work),
  ...peers.map((kind) => started(kind, "peer", peerWork))
]
