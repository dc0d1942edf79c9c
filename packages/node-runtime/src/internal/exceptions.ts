/**
 * DOMExceptions, which V8's serializer makes plain errors or objects of. They are listed beside the message that they are in,
 * and made again at their places at the other end, with what structured clone keeps of them (S3).
 */

/** Tells of a DOMException; `at` is the exception itself, or what has arrived in its place. */
type Listed = readonly [at: object, name: string, message: string, stack: string | undefined]

/** A message with the DOMExceptions in it. */
export interface WithExceptions {
  readonly message: unknown
  readonly exceptions: ReadonlyArray<Listed>
}

// tasks can replace it
const Exception = DOMException

export const isException = (object: unknown): object is DOMException => object instanceof Exception

/** Lists the DOMExceptions in a message. Throws what getters throw. */
export const list = (message: unknown): WithExceptions => {
  const exceptions: Array<Listed> = []
  const met = new Set<unknown>([message])
  // what is added meanwhile is met too
  for (const value of met) {
    if (isException(value)) exceptions.push([value, value.name, value.message, value.stack])
    else for (const part of partsOf(value)) if (typeof part === "object") met.add(part)
  }
  return { message, exceptions }
}

/** The message that has arrived, with a DOMException in the place of each that was listed. */
export const restore = ({ exceptions, message }: WithExceptions): unknown => {
  const made = new Map<unknown, DOMException>()
  for (const [at, name, text, stack] of exceptions) {
    const exception = new Exception(text, name)
    Object.defineProperty(exception, "stack", { value: stack, configurable: true, writable: true })
    made.set(at, exception)
  }
  const replaced = (value: unknown) => made.get(value) ?? value
  const met = new Set<unknown>([message])
  for (const value of met) {
    const parts = partsOf(value).filter((part) => typeof part === "object")
    if (parts.some((part) => made.has(part))) replaceParts(value as object, replaced)
    for (const part of parts) if (!made.has(part)) met.add(part)
  }
  return message
}

const partsOf = (value: unknown): ReadonlyArray<unknown> => {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return []
  if (value instanceof Map) return [...value.keys(), ...value.values()]
  if (value instanceof Set) return [...value]
  return keysOf(value).map((key) => (value as Readonly<Record<string, unknown>>)[key])
}

/** The cause of an error is hidden. */
const keysOf = (object: object): ReadonlyArray<string> =>
  object instanceof Error && Object.hasOwn(object, "cause") ? [...Object.keys(object), "cause"] : Object.keys(object)

const replaceParts = (object: object, replaced: (value: unknown) => unknown): void => {
  if (object instanceof Map) {
    const entries = [...object]
    object.clear()
    for (const [key, value] of entries) object.set(replaced(key), replaced(value))
  } else if (object instanceof Set) {
    const members = [...object]
    object.clear()
    for (const member of members) object.add(replaced(member))
  } else {
    const properties = object as Record<string, unknown>
    for (const key of keysOf(object)) Object.defineProperty(object, key, { value: replaced(properties[key]) })
  }
}
