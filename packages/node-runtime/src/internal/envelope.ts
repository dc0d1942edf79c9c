/**
 * What goes through the IPC channel of a process: the pool's messages, and the channel's own. Wrapped, so that what a task
 * sends by `process.send` is not taken for one of them.
 */

/** The places of what a child inherits besides its standard streams and the IPC channel. */
export const controlFd = 4
export const lifelineFd = 5

/** What the entry is told by its command line, as JSON. */
export interface Settings {
  readonly compileCache: boolean
  /** Whether there is a file of shared numbers. */
  readonly control: boolean
  readonly serialization: "advanced" | "json"
}

export type Envelope =
  | { readonly mpire: "Message"; readonly message: unknown }
  | { readonly mpire: "Uncaught"; readonly error: UncaughtError }

/** An error taken apart, or the text of another value that was thrown. */
export type UncaughtError =
  | {
      readonly name: string
      readonly message: string
      readonly stack: string | undefined
      readonly cause: UncaughtError | undefined
      readonly properties: Readonly<Record<string, unknown>>
    }
  | { readonly thrown: unknown }

export const isEnvelope = (u: unknown): u is Envelope => typeof u === "object" && u !== null && "mpire" in u

/** Takes an error apart, down to the tenth cause; `withProperties` leaves out what may not be cloneable when false. */
export const takeApart = (thrown: unknown, withProperties: boolean, depth = 0): UncaughtError => {
  if (!(thrown instanceof Error)) return { thrown: withProperties ? thrown : String(thrown) }
  const { cause, message, name, stack } = thrown
  const { cause: _, ...properties } = thrown as Error & Readonly<Record<string, unknown>>
  return {
    name,
    message,
    stack,
    cause: cause === undefined || depth === 10 ? undefined : takeApart(cause, withProperties, depth + 1),
    properties: withProperties ? properties : {}
  }
}

const classes = new Map(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((Class) => [Class.name, Class])
)

/** Puts an error together again. */
export const putTogether = (error: UncaughtError): unknown => {
  if ("thrown" in error) return error.thrown
  const { cause, message, name, properties, stack } = error
  const together = new (classes.get(name) ?? Error)(
    message,
    cause === undefined ? undefined : { cause: putTogether(cause) }
  )
  const hidden = (property: string, value: unknown) =>
    Object.defineProperty(together, property, { value, configurable: true, writable: true, enumerable: false })
  if (together.name !== name) hidden("name", name)
  hidden("stack", stack)
  return Object.assign(together, properties)
}
