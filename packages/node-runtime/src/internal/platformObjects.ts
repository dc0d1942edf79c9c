/**
 * Objects of the platform's own classes, where it makes plain objects of them instead of throwing, as Deno does (S3).
 */

// tasks can replace these in their process
const { getPrototypeOf, hasOwn, prototype: plain } = Object
const clone = structuredClone
const globals = globalThis as unknown as Readonly<Record<string, unknown>>

/** Classes of objects that can be moved, and so cannot be cloned: whether they are is up to the port. */
const movable = new Set(["MessagePort", "ReadableStream", "WritableStream", "TransformStream"])

/** Prototypes of objects that arrive as structured clone has them. */
const known = new WeakSet<object>()

/** The name of the platform's class that an object is of, or whose class extends one. */
const classOf = (prototype: object | null): string | undefined => {
  // programs extend it for its methods alone, and Node makes a plain object of such an object too
  if (prototype === null || prototype === plain || prototype === EventTarget.prototype) return undefined
  const { constructor } = prototype
  const isGlobal =
    hasOwn(prototype, "constructor") && typeof constructor === "function" && globals[constructor.name] === constructor
  return isGlobal ? constructor.name : classOf(getPrototypeOf(prototype))
}

/** Whether structured clone throws for it, or makes a plain object of it. */
const isLost = (object: object): boolean => {
  try {
    return getPrototypeOf(clone(object)) === plain
  } catch {
    return true
  }
}

/** Throws for an object that would arrive as a plain one. One object of each class is tried. */
export const inspect = (object: object): void => {
  const prototype: object = getPrototypeOf(object)
  if (known.has(prototype) || object instanceof Error) return
  const name = classOf(prototype)
  if (name !== undefined && !movable.has(name) && isLost(object)) {
    throw new TypeError(`An object of the class ${name} cannot cross to another thread or process`)
  }
  known.add(prototype)
}
