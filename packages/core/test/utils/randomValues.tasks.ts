import { print } from "../../src/testing/suite.values.ts"
import { randomValue } from "./randomValues.ts"

/** Says what has arrived. */
export const look = (value: unknown): string => print(value)

/** Gives the value of a number. */
export const give = (seed: number): unknown => randomValue(seed, "sent").value
