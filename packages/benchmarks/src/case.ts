/**
 * What a benchmark is made of: a case has measurements, a measurement has contenders that do the same work, and targets
 * that compare them.
 */
import type { MeasurementResult } from "./results.ts"

export interface Sample {
  /** In the unit of the measurement. */
  readonly value: number
  /** What else was seen, by name with unit. */
  readonly details?: Readonly<Record<string, number>> | undefined
}

/** A contender that is ready. */
export interface Sampler {
  /** Does the work once, checks the result, and throws when it is wrong. */
  readonly sample: () => Promise<Sample>
  readonly close: () => Promise<void>
}

/** `ours` and `information` are of this repository, and targets are for the first of `ours`; with several baselines the one with the least median counts. */
export type Role = "ours" | "baseline" | "peer" | "information"

export interface Contender {
  readonly name: string
  readonly role: Role
  /** How it does the work, where that is not plain. */
  readonly remark?: string | undefined
  readonly open: () => Promise<Sampler>
}

export interface Target {
  readonly description: string
  readonly limit: "at most" | "at least"
  readonly bound: number
  /** What is held against the bound; `undefined` when a contender that it needs has failed. */
  readonly measure: (result: MeasurementResult) => number | undefined
}

export interface Measurement {
  readonly id: string
  readonly title: string
  /** What is measured, and how. */
  readonly method: string
  readonly unit: string
  /** Whether contenders are compared by how many times as fast as the baseline they are, or by what they take of its time. */
  readonly compare: "ratio" | "speed-up" | "nothing"
  readonly warmUps: number
  readonly repetitions: number
  readonly contenders: ReadonlyArray<Contender>
  readonly targets: ReadonlyArray<Target>
}

export interface Settings {
  readonly quick: boolean
  readonly repetitions: number
}

export interface Case {
  /** Seconds after which its process is killed. */
  readonly timeLimit: number
  readonly measurements: (settings: Settings) => ReadonlyArray<Measurement>
}

/** A sampler of work that takes milliseconds: the time of `work` is measured, `check` throws when its result is wrong. */
export const timed = <A>(options: {
  readonly work: () => Promise<A> | A
  readonly check: (result: A) => void
  /** Milliseconds to the value: a division by the number of items, for one. Default: as they are. */
  readonly toValue?: ((millis: number) => number) | undefined
  readonly close?: (() => Promise<void>) | undefined
}): Sampler => ({
  sample: async () => {
    const start = performance.now()
    const result = await options.work()
    const millis = performance.now() - start
    options.check(result)
    return { value: options.toValue === undefined ? millis : options.toValue(millis) }
  },
  close: options.close ?? (async () => {})
})
