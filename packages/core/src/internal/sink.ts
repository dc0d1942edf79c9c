/**
 * Where a call's results go. Pure: what is delivered when, and in which order.
 */

/** What a call sees of its sink. */
export interface Sink {
  /** Takes a result; returns how many results were delivered by that. */
  put(index: number, value: unknown): number
}

/** An array in input order; every result is delivered as it arrives. */
export class Ordered implements Sink {
  readonly results: Array<unknown> = []

  put(index: number, value: unknown): number {
    const { results } = this
    // an array that is left with gaps, and then filled, is slow to fill
    while (results.length < index) results.push(undefined)
    if (index === results.length) results.push(value)
    else results[index] = value
    return 1
  }
}

/** An array in completion order; every result is delivered as it arrives. */
export class Unordered implements Sink {
  readonly results: Array<unknown> = []

  put(_index: number, value: unknown): number {
    this.results.push(value)
    return 1
  }
}

/** Nothing is kept. */
export class Dropped implements Sink {
  put(): number {
    return 1
  }
}

/** Results that a consumer takes: a result is delivered when the consumer comes back for more. */
export interface Taken extends Sink {
  /** Takes up to `max` results, in order. */
  take(max: number): Array<unknown>
  /** Whether there is a result to take. */
  ready(): boolean
}

/** Results to be taken in completion order. */
export class TakenUnordered implements Taken {
  private results: Array<unknown> = []

  put(_index: number, value: unknown): number {
    this.results.push(value)
    return 0
  }

  take(max: number): Array<unknown> {
    const taken = this.results.slice(0, max)
    this.results = this.results.slice(max)
    return taken
  }

  ready(): boolean {
    return this.results.length > 0
  }
}

/** Results to be taken in input order: those that came early are held back. */
export class TakenOrdered implements Taken {
  private readonly held = new Map<number, unknown>()
  private next = 0

  put(index: number, value: unknown): number {
    this.held.set(index, value)
    return 0
  }

  take(max: number): Array<unknown> {
    const taken: Array<unknown> = []
    while (taken.length < max && this.ready()) {
      taken.push(this.held.get(this.next))
      this.held.delete(this.next)
      this.next++
    }
    return taken
  }

  ready(): boolean {
    return this.held.has(this.next)
  }
}
