/** Measurements to measure without workers. */
import type { Contender, Measurement, Role, Sample } from "../src/case.ts"
import { interleave } from "../src/interleave.ts"
import type { MeasurementResult, Progress } from "../src/results.ts"
import { summarizeMeasurement } from "../src/summary.ts"

export const contender = (
  name: string,
  role: Role,
  sample: (time: number) => Promise<Sample> | Sample,
  close: () => Promise<void> = async () => {}
): Contender => ({
  name,
  role,
  open: async () => {
    let time = 0
    return { sample: async () => sample(time++), close }
  }
})

/** Its samples are these. */
export const scripted = (name: string, role: Role, values: ReadonlyArray<number>): Contender =>
  contender(name, role, (time) => ({ value: values[time]! }))

export const measurement = (contenders: ReadonlyArray<Contender>, options?: Partial<Measurement>): Measurement => ({
  id: "test",
  title: "a test",
  method: "by hand",
  unit: "ms",
  compare: "ratio",
  warmUps: 0,
  repetitions: 3,
  contenders,
  targets: [],
  ...options
})

export const measure = async (
  of: Measurement,
  secondsEach?: number
): Promise<{ readonly progress: ReadonlyArray<Progress>; readonly result: MeasurementResult }> => {
  const progress: Array<Progress> = []
  await interleave(of, (event) => progress.push(event), { secondsEach })
  return { progress, result: summarizeMeasurement(of, progress) }
}
