/** Tasks and hooks that take and give values of `suite.values.ts`. Free of Effect. */
import type { WorkerContext } from "../WorkerContext.ts"
import { kindOf, print, toBuffer } from "./suite.values.ts"

/** What has arrived. */
export const look = (value: unknown): string => print(value)

/** What is bound. */
export const lookAtBound = (value: unknown, _: unknown): string => print(value)

/** How much memory there is behind bytes. */
export const memoryOf = (view: ArrayBufferView): number => view.buffer.byteLength

/** Bytes that are taken from a larger buffer, where the platform does so. */
export const giveBytes = (n: number): Uint8Array => toBuffer(`number ${n}`)

export const give = (name: string): unknown => kindOf(name).make()

export const throwWith = (name: string): never => {
  throw Object.assign(new Error("with data"), { data: kindOf(name).make() })
}

/** Values by the names of their kinds. */
type Values = Readonly<Record<string, unknown>>

export const open = (state: unknown): unknown => state

/** What is in a state of several values. */
export const lookInState = (name: string, worker: WorkerContext<Values>): string => print(worker.state[name])

/** What the state is. */
export const lookAtState = (_: unknown, worker: WorkerContext<unknown>): string => print(worker.state)

/** Returns a value of each kind. */
export const closeWithAll = (names: ReadonlyArray<string>): Values =>
  Object.fromEntries(names.map((name) => [name, kindOf(name).make()]))

/** Returns a value of a kind. */
export const closeWith = (name: string): unknown => kindOf(name).make()
