/**
 * Whose hooks a call may keep, seen from outside: as exact as the order in which calls begin and end is known here. While
 * a call with hostile hooks runs, no other of the map family does but its company, which brings hooks of its own; so the
 * next one begins alone, and removes all layers (L6).
 */
import type { Call, Hook, Operation } from "./script.ts"

interface Layer {
  readonly operation: number
  readonly init: Hook | undefined
  readonly exit: Hook | undefined
  /** Whether its call is in progress, so that it surely is there. */
  isRunning: boolean
}

/** By operation: the hostile hooks that an operation may meet. */
export type Hooks = Map<number, Hook>

export interface Met {
  readonly inits: Hooks
  readonly exits: Hooks
  /** It keeps an `init` that is not its own, and it is not known which: that of any call that begins before it settles. */
  readonly isOpen: boolean
}

export class Layers {
  /** From the bottom to the top. */
  private layers: Array<Layer> = []
  private readonly watching = new Set<Met>()
  /** Calls of the map family in progress. */
  private running = 0
  private readonly isCertain: boolean

  /** `isCertain` says that the `init` of a call that runs is there: no `init` fails by plan, and takes its layer away. */
  constructor(isCertain: boolean) {
    this.isCertain = isCertain
  }

  /**
   * An operation has begun. `isAdmitted` says that the pool has admitted it already, `isFamily` that it is a call of the
   * map family. `end` is to be called when it has settled.
   */
  begin({ call, number }: Operation, isFamily: boolean, isAdmitted: boolean): Met & { readonly end: () => void } {
    const layer = isFamily ? this.push(number, call, isAdmitted) : undefined
    const hasInit = isFamily && call?.init !== undefined
    const met: Met = { inits: new Map(), exits: new Map(), isOpen: !isAdmitted && !hasInit }
    this.meet(met, layer)
    this.watching.add(met)
    return {
      ...met,
      end: () => {
        this.watching.delete(met)
        if (isFamily) this.running--
        if (layer !== undefined) layer.isRunning = false
      }
    }
  }

  private push(operation: number, call: Call | undefined, isAdmitted: boolean): Layer | undefined {
    // one that waits at the gate begins alone only later: until then the layers are there
    if (this.running === 0 && isAdmitted) this.layers = []
    this.running++
    if (call?.init === undefined && call?.exit === undefined) return undefined
    const layer = { operation, init: call.init, exit: call.exit, isRunning: true }
    this.layers.push(layer)
    for (const met of this.watching) {
      if (met.isOpen) keep(met.inits, operation, call.init)
      // the exit is that which is current when a worker is released
      keep(met.exits, operation, call.exit)
    }
    return layer
  }

  private meet({ exits, inits, isOpen }: Met, own: Layer | undefined): void {
    let isCovered = false
    for (const layer of this.layers.toReversed()) {
      const { exit, init, isRunning, operation } = layer
      if (!isCovered || isOpen) keep(inits, operation, init)
      keep(exits, operation, exit)
      if (init !== undefined && (layer === own || (isRunning && this.isCertain))) isCovered = true
    }
  }
}

const isHostile = ({ fate, unequal }: Hook): boolean => fate !== undefined || unequal !== undefined

const keep = (hooks: Hooks, operation: number, hook: Hook | undefined): void => {
  if (hook !== undefined && isHostile(hook)) hooks.set(operation, hook)
}
