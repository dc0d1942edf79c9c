// Tasks that callers use wrongly, or that no pool can use as they are
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export class Db extends Context.Service<Db, { readonly find: (id: number) => string }>()("test/mistakes/Db") {}

export const dbLayer = Layer.succeed(Db, { find: String })

export const square = (n: number) => n * n

export const add = (a: number, b: number) => a + b

export const rotate = (image: ReadonlyArray<number>, degrees: number, options: { readonly crop: boolean }) =>
  options.crop ? image.length : degrees

export const addAll = (...numbers: Array<number>) => numbers.length

export const identity = <A>(a: A) => a

export const later = async <A>(a: A) => a

export const inEffect = <A>(a: A) => Effect.succeed(a)

export const firstOf = <A>(as: ReadonlyArray<A>) => as[0]

export const lengthOf = <A>(as: ReadonlyArray<A>) => as.length

export const named = <A extends { readonly name: string }>(a: A) => a

export const ofNumbers = identity<number>

export const parse = (text: string): unknown => JSON.parse(text)

export const anything = (value: unknown): unknown => value

export class Account {
  readonly balance: number

  constructor(balance: number) {
    this.balance = balance
  }

  doubled(): Account {
    return new Account(this.balance * 2)
  }
}

export class Fields {
  readonly name = "fields"
}

export const account = (n: number) => new Account(n)

export const accountPromise = async (n: number) => new Account(n)

export const accountEffect = (n: number) => Effect.succeed(new Account(n))

export const maybeAccount = (n: number) => (n > 0 ? new Account(n) : undefined)

export const accounts = (n: number) => [new Account(n)]

export const accountPair = (n: number): readonly [number, Account] => [n, new Account(n)]

export const accountsByName = (n: number) => new Map([["first", new Account(n)]])

export const inObject = (n: number) => ({ n, account: new Account(n) })

export const withMethod = (n: number) => ({ n, next: () => n + 1 })

export const url = (path: string) => new URL(path, "https://example.com")

export const numbersOneByOne = function* (n: number) {
  yield n
}

export const closeAccount = () => new Account(1)

export const fields = () => new Fields()

export const iterable = (n: number): Iterable<number> => [n]

export interface Settings {
  readonly name: string
  readonly print?: () => void
}

export const settings = (name: string): Settings => ({ name })

export const buffers = (n: number) => ({
  bytes: new Uint8Array(n),
  at: new Date(n),
  pattern: /a/,
  seen: new Set([n]),
  failure: new TypeError("no"),
  rows: [[n]]
})

export type Json = string | number | boolean | null | ReadonlyArray<Json> | { readonly [key: string]: Json }

export const json = (text: string): Json => JSON.parse(text) as Json

export interface Tree {
  readonly left?: Tree
  readonly children: ReadonlyArray<Tree>
}

export const tree = (_: number): Tree => ({ children: [] })

declare const brand: unique symbol

export const branded = (n: number) => n as number & { readonly [brand]: "Positive" }
