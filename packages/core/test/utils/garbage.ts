/** What is still in memory once what nobody refers to has been collected. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { macrotask } from "./realTime.ts"

/**
 * How many of them are left, at most `enough` where it comes to that. What a WeakRef has been made of or asked for is kept until
 * the turn ends, and more of it by code that is compiled meanwhile.
 */
export const left = async (references: ReadonlyArray<WeakRef<object>>, enough: number): Promise<number> => {
  setFlagsFromString("--expose-gc")
  const collect: () => void = runInNewContext("gc")
  for (let tries = 1; ; tries++) {
    await macrotask()
    collect()
    await macrotask()
    const left = references.filter((reference) => reference.deref() !== undefined).length
    if (left <= enough || tries === 50) return left
  }
}
