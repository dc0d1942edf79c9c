/**
 * Objects that are kept so that V8 keeps their hidden classes. When a full garbage collection finds no object of one, as between
 * two bursts of work, V8 drops it, and with it all code that it has compiled for such objects: the next burst would begin with
 * code that is several times slower.
 */
const kept: Array<object> = []

/** Keeps an object for ever. All that may change in its like has to have changed in it, or V8 would take it for constant. */
export const keepHiddenClass = (object: object): void => void kept.push(object)
