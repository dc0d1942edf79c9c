/**
 * Objects that are kept so that V8 does not forget what their like look like. When a full garbage collection finds none of them,
 * as between two bursts of work, V8 drops their hidden class, and with it all code that it has compiled for them: the next
 * burst would begin with code that is several times slower.
 */
const kept: Array<object> = []

/** Keeps an object for ever. All that may change in its like has to have changed in it, or V8 would take it for constant. */
export const keepShape = (object: object): void => void kept.push(object)
