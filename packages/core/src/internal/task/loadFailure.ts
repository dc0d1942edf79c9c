/**
 * That a module could not be loaded (F7): an error that says which one, with what was thrown as its cause. It crosses from a
 * worker as other errors do, with its own property. Free of Effect.
 */

const Module = "~effect-mpire/module"

export interface LoadFailure extends Error {
  readonly [Module]: string
}

/** An error without a stack: where the library noticed it tells users nothing. */
export const told = (message: string, options?: ErrorOptions): Error => {
  const error = new Error(message, options)
  return Object.defineProperty(error, "stack", { value: `Error: ${message}`, configurable: true, writable: true })
}

export const make = (url: string, cause: unknown): LoadFailure =>
  Object.assign(told(`${url} could not be loaded`, { cause }), { [Module]: url })

/** Whether an error is one of these; looks at it, which may throw if it is a user's. */
export const is = (error: unknown): error is LoadFailure =>
  error instanceof Error && typeof (error as Partial<LoadFailure>)[Module] === "string"

/** The URL of the module. */
export const moduleOf = (failure: LoadFailure): string => failure[Module]
