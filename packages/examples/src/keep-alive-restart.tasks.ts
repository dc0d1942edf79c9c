import type { WorkerContext } from "@effect-mpire/core/WorkerContext"

export interface Rates {
  readonly [currency: string]: number
}

/** Becomes the state of a worker; the rates are bound by the main thread. */
export const useRates = (rates: Rates): Rates => rates

export const toEuros = (
  price: { readonly amount: number; readonly currency: string },
  worker: WorkerContext<Rates>
): number => price.amount * (worker.state[price.currency] ?? Number.NaN)
