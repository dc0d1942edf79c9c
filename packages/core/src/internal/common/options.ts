/**
 * What all options have in common that are checked (C8): JavaScript lets anything be given for them, and in their place.
 */
import * as WorkerPoolError from "../../WorkerPoolError.ts"

/** Whether it can have options at all: a number of workers, say, is given in their place. */
export const areOptions = (input: unknown): boolean =>
  typeof input === "object" && input !== null && !Array.isArray(input)

/** The error for an option out of its range. */
export const invalidOption = (option: string, value: unknown, expected: string): WorkerPoolError.WorkerPoolError =>
  WorkerPoolError.make(new WorkerPoolError.InvalidOptions({ option, value, expected }))

/** The error for what is given in the place of options. */
export const noOptions = (input: unknown): WorkerPoolError.WorkerPoolError =>
  invalidOption("options", input, "an object")
