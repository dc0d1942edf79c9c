/**
 * What is gathered of the updates of a series until it is told: sums of what can be summed, and the values of the rest (O3).
 * What a metric of Effect's makes nothing of is left out.
 */
import type { Change, Kind } from "../wire/series.ts"
import type { Origin } from "./origin.ts"

/** What has been done to a series for one caller. */
export abstract class Gathered {
  readonly origin: Origin

  constructor(origin: Origin) {
    this.origin = origin
  }

  /** Takes what its metric was updated with, whatever that is. */
  abstract update(input: any): void

  /** Only a gauge makes a difference. */
  modify(input: any): void {
    this.update(input)
  }

  abstract get change(): Change
}

export const make = (kind: Kind, origin: Origin): Gathered => {
  switch (kind.type) {
    case "Counter":
      return new CounterGathered(origin, kind.bigint, kind.incremental)
    case "Gauge":
      return new GaugeGathered(origin, kind.bigint)
    case "Frequency":
      return new FrequencyGathered(origin)
    case "Histogram":
      return new HistogramGathered(origin)
    case "Summary":
      return new SummaryGathered(origin)
  }
}

class CounterGathered extends Gathered {
  private readonly incremental: boolean
  private by: any

  constructor(origin: Origin, bigint: boolean, incremental: boolean) {
    super(origin)
    this.incremental = incremental
    this.by = bigint ? 0n : 0
  }

  update(input: any): void {
    if (typeof input === typeof this.by && (!this.incremental || input >= 0)) this.by += input
  }

  get change(): Change {
    return { _tag: "Add", by: this.by }
  }
}

class GaugeGathered extends Gathered {
  private isSet = false
  /** What it has been set to, with what was added since; or what has been added to what it was before. */
  private amount: any

  constructor(origin: Origin, bigint: boolean) {
    super(origin)
    this.amount = bigint ? 0n : 0
  }

  update(input: any): void {
    if (typeof input !== typeof this.amount) return
    this.isSet = true
    this.amount = input
  }

  override modify(input: any): void {
    if (typeof input === typeof this.amount) this.amount += input
  }

  get change(): Change {
    return this.isSet ? { _tag: "Set", to: this.amount } : { _tag: "Add", by: this.amount }
  }
}

class FrequencyGathered extends Gathered {
  private readonly counts = new Map<string, number>()

  update(word: any): void {
    if (typeof word === "string") this.counts.set(word, (this.counts.get(word) ?? 0) + 1)
  }

  get change(): Change {
    return { _tag: "Count", words: [...this.counts] }
  }
}

class HistogramGathered extends Gathered {
  private readonly values: Array<number> = []

  update(value: any): void {
    if (typeof value === "number") this.values.push(value)
  }

  get change(): Change {
    return { _tag: "Observe", values: this.values }
  }
}

class SummaryGathered extends Gathered {
  private readonly values: Array<number> = []
  private readonly times: Array<number> = []

  update([value, time]: any): void {
    if (typeof value !== "number" || typeof time !== "number") return
    this.values.push(value)
    this.times.push(time)
  }

  get change(): Change {
    return { _tag: "Observe", values: this.values, times: this.times }
  }
}
