/** The results, as they are written to the JSON file and drawn from it. */
import type { Role, Sample, Target } from "./case.ts"
import type { Environment } from "./environment.ts"
import type { Summary } from "./statistics.ts"

/** Figures are `null` in JSON when there were no samples. */
export interface ContenderResult extends Summary {
  readonly name: string
  readonly role: Role
  readonly remark?: string | undefined
  /** One per repetition, in their order. */
  readonly samples: ReadonlyArray<number>
  /** Medians of what else was seen, by name with unit. */
  readonly details: Readonly<Record<string, number>>
  /** The median, over the repetitions, of its sample divided by the baseline's of the same repetition. */
  readonly ratio?: number | undefined
  /** Why it has failed: an error, a wrong result, no end. */
  readonly failed?: string | undefined
}

export interface TargetResult extends Pick<Target, "description" | "limit" | "bound"> {
  readonly measured?: number | undefined
  readonly holds: boolean
}

export interface MeasurementResult {
  readonly id: string
  readonly title: string
  readonly method: string
  readonly unit: string
  readonly compare: "ratio" | "speed-up" | "nothing"
  /** The name of the contender that the others are compared with. */
  readonly baseline?: string | undefined
  readonly contenders: ReadonlyArray<ContenderResult>
  readonly targets: ReadonlyArray<TargetResult>
}

export interface CaseResult {
  readonly id: string
  readonly title: string
  readonly seconds: number
  /** The machine's load over the last minute when the case ended: about 2 or 3 when nobody else worked on it. */
  readonly load: number
  /** Why the case did not come to its end. */
  readonly failed?: string | undefined
  readonly measurements: ReadonlyArray<MeasurementResult>
}

export interface Results {
  readonly version: 1
  readonly date: string
  readonly mode: "full" | "quick"
  readonly repetitions: number
  readonly seconds: number
  readonly environment: Environment
  readonly cases: ReadonlyArray<CaseResult>
}

/** What a case's process tells of its work while it goes on, so that little is lost when it has to be killed. */
export type Progress =
  | { readonly _tag: "Began"; readonly measurement: string; readonly contender: string }
  | {
      readonly _tag: "Sampled"
      readonly measurement: string
      readonly contender: string
      readonly repetition: number
      readonly sample: Sample
    }
  | { readonly _tag: "Failed"; readonly measurement: string; readonly contender: string; readonly message: string }
