/**
 * What MPIRE's three benchmarks share: 1, 2 and 4 workers against the serial loop, the start and the stop of the pool
 * within the time, as there; and, where it says "kept", of a pool that had been started and is kept.
 */
import { type Contender, type Measurement, type Role, timed } from "../case.ts"

export const sizesOf = (quick: boolean): ReadonlyArray<number> => (quick ? [2] : [1, 2, 4])

/** How many workers the pools have that are kept. */
export const keptSize = 2

/** A pool that does the job, made and closed in the time. */
export const startedWithin = <A>(options: {
  readonly name: string
  readonly role: Role
  readonly remark?: string | undefined
  readonly size: number
  readonly job: (size: number) => Promise<A>
  readonly check: (result: A) => void
}): Contender => ({
  name: `${options.name}, ${options.size} ${options.size === 1 ? "worker" : "workers"}`,
  role: options.role,
  remark: options.remark,
  open: async () => timed({ work: () => options.job(options.size), check: options.check })
})

export const serial = <A>(work: () => A, check: (result: A) => void): Contender => ({
  name: "serial",
  role: "baseline",
  open: async () => timed({ work, check })
})

/** The rest of a measurement. */
export const speedUp = (repetitions: number) =>
  ({
    unit: "ms",
    compare: "speed-up",
    warmUps: 0,
    // they take long
    repetitions: Math.min(repetitions, 3),
    targets: []
  }) satisfies Partial<Measurement>
