/**
 * What tasks and hooks share in a worker: the ledger and the acts that need no Effect.
 */
import type { WorkerContext } from "@effect-mpire/core/WorkerContext"
import { appendFileSync, openSync, closeSync } from "node:fs"
import { type Answer, answer, events, type Item, type State } from "./item.ts"

/** One line, in one write: lines of many workers do not mix. */
const note = (ledger: string, ...fields: ReadonlyArray<string | number>): void =>
  appendFileSync(ledger, `${fields.join(" ")}\n`)

export const noteWorker = (
  ledger: string,
  event: string,
  worker: WorkerContext,
  ...fields: ReadonlyArray<string | number>
) => note(ledger, event, worker.id, worker.generation, ...fields)

export const begin = ({ act, index, operation }: Item, worker: WorkerContext<State>): void =>
  noteWorker(worker.state.ledger, events.begin, worker, operation, index, act)

export const end = ({ index, operation }: Item, worker: WorkerContext<State>): void =>
  noteWorker(worker.state.ledger, events.end, worker, operation, index)

/** Does what needs no waiting. */
export const act = (item: Item, worker: WorkerContext<State>, salt: number): Answer => {
  switch (item.act) {
    case "die":
      throw planned(item)
    case "throwUndefined":
      // oxlint-disable-next-line typescript/only-throw-error -- tasks may throw anything
      throw undefined
    case "uncloneable": {
      const uncloneable: any = { ...answer(item, salt), why: () => 0 }
      return uncloneable
    }
    case "spin": {
      const until = performance.now() + item.millis
      while (performance.now() < until && !worker.interrupted);
      return answer(item, salt)
    }
    case "loop":
      for (;;);
    case "exit":
      return process.exit(3)
    case "exitOnce":
      if (isFirst(item.mark!)) process.exit(4)
      return answer(item, salt)
    case "traps":
      return traps(item)
    case "thenGetter":
      return withThen({
        get() {
          throw planned(item)
        }
      })
    case "thenThrows":
      return withThen({
        value() {
          throw planned(item)
        }
      })
    case "thenTwice":
      return withThen({
        value(resolve: (answer: Answer | string) => void) {
          resolve(answer(item, salt))
          resolve("another answer")
          throw planned(item)
        }
      })
    case "never":
      return withThen({ value() {} })
    case "messageGetter":
      throw unreadable(item, "message")
    case "stackGetter":
      throw unreadable(item, "stack", "name", "cause")
    case "timer":
      setTimeout(() => {
        throw new Error("planned crash")
      }, item.millis)
      return answer(item, salt)
    case "ok":
    case "large":
    case "fail":
    case "badInput":
    case "wait":
    case "deaf":
    case "late":
    case "noEffect":
    case "revoked":
    case "getter":
      return answer(item, salt)
  }
}

const planned = ({ index, operation }: Item): Error => new Error(`planned ${operation} ${index}`)

/** What a task returns that says it returns an answer. */
const withThen = (then: PropertyDescriptor): Answer =>
  // oxlint-disable-next-line unicorn/no-thenable -- that is what it is for
  Object.defineProperty({}, "then", { ...then, enumerable: true }) as Answer

/** A Proxy some, or all, of whose traps throw. */
const traps = (item: Item): Answer => {
  const trap = (): never => {
    throw planned(item)
  }
  const all = { get: trap, getPrototypeOf: trap, ownKeys: trap, getOwnPropertyDescriptor: trap }
  const proxy: any = new Proxy({}, { has: trap, ...(item.index % 2 === 0 ? {} : all) })
  return proxy
}

/** An error with properties that throw when they are read. */
export const unreadable = (item: Pick<Item, "index" | "operation">, ...names: ReadonlyArray<string>): Error => {
  const error = new Error("unreadable")
  for (const name of names) {
    Object.defineProperty(error, name, {
      get() {
        throw new Error(`planned ${item.operation} ${item.index}`)
      }
    })
  }
  return error
}

/** Whether nobody has asked for this file yet. */
const isFirst = (path: string): boolean => {
  try {
    closeSync(openSync(path, "wx"))
    return true
  } catch {
    return false
  }
}
