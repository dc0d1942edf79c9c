/**
 * Where a call's items come from, and what hostile sources do while they are pulled.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Item } from "./item.ts"
import type { Call } from "./script.ts"
import { unreadable } from "./worker.ts"

export const sourceFailed = { _tag: "SourceFailed" } as const

/** What a hostile source can do from where it is, and what it says of itself. */
export class Reach {
  /** How often it was pulled. */
  pulls = 0
  /** How often it was told that no more is wanted. */
  returns = 0
  /** How often it was pulled after that. */
  late = 0
  /** Whether it has interrupted its caller. */
  hasInterrupted = false
  /** Interrupts the fiber that made the call. */
  interrupt: () => void = () => {}
  /** Does what the operation asks for at a pull. */
  ask: (pull: number) => void = () => {}
}

/** The source of a call; `inputs` are its items as the pool gets them. */
export const source = (
  call: Call,
  inputs: ReadonlyArray<unknown>,
  reach: Reach
): Iterable<unknown> | Stream.Stream<unknown, unknown> => {
  const all = Stream.fromIterable(inputs)
  switch (call.source) {
    case "array":
      return inputs
    case "generator":
      return generate(inputs, false)
    case "throwingGenerator":
      return generate(inputs, true)
    case "stream":
      return all
    case "slowStream":
      return Stream.mapEffect(Stream.fromIterable(inputs.keys()), (index) =>
        index % 4 === 0 ? Effect.as(Effect.sleep(1), inputs[index]) : Effect.succeed(inputs[index])
      )
    case "failingStream":
      return Stream.concat(all, Stream.fail(sourceFailed))
    case "silent":
      return Stream.concat(all, Stream.never)
    case "callsBack":
      return generateAsking(inputs, reach)
    case "noIterator":
      return {
        [Symbol.iterator]: () => {
          throw new Error("planned source")
        }
      }
    case "throwsUnreadably":
      return iterable(inputs, reach, () => {
        throw unreadable({ operation: -1, index: -1 }, "message", "stack", "name", "cause")
      })
    case "throwsUndefined":
      return iterable(inputs, reach, () => {
        // oxlint-disable-next-line typescript/only-throw-error -- sources may throw anything
        throw undefined
      })
    case "badResult":
      return iterable(inputs, reach, () => ({
        get done(): true {
          throw new Error("planned source")
        },
        value: undefined
      }))
    case "returnThrows":
      return iterable(inputs, reach, end, () => {
        throw new Error("planned return")
      })
    case "interrupts":
      return iterable(interrupting(inputs, call.at ?? 0, reach), reach, end)
    case "promisesMore":
      return Object.assign(iterable(inputs, reach, end), { length: inputs.length * 2 + 3 })
    case "promisesLess":
      return Object.assign(iterable(inputs, reach, end), { length: Math.floor(inputs.length / 2) })
    case "endless":
      return iterable(endless(call.items), reach, end)
  }
}

function* generate(inputs: ReadonlyArray<unknown>, throws: boolean) {
  yield* inputs
  if (throws) throw new Error("planned source")
}

/** It calls the pool from inside a generator, which cannot be pulled again meanwhile. */
function* generateAsking(inputs: ReadonlyArray<unknown>, reach: Reach) {
  for (const [index, input] of inputs.entries()) {
    reach.ask(index)
    yield input
  }
}

function* interrupting(inputs: ReadonlyArray<unknown>, at: number, reach: Reach) {
  for (const [index, input] of inputs.entries()) {
    if (index === at) {
      reach.hasInterrupted = true
      reach.interrupt()
    }
    yield input
  }
}

function* endless(items: ReadonlyArray<Item>) {
  for (let index = 0; ; index++) yield items[index] ?? later(items, index)
}

/** An item of an endless source after those that the operation says. */
export const later = (items: ReadonlyArray<Item>, index: number): Item => ({
  operation: items[0]!.operation,
  index,
  act: "ok",
  style: "plain",
  millis: 0
})

const end = (): IteratorResult<unknown> => ({ done: true, value: undefined })

/** An iterable that counts what it is asked for; `ended` is called when there are no more inputs, `returned` after counting. */
const iterable = (
  inputs: Iterable<unknown>,
  reach: Reach,
  ended: () => IteratorResult<unknown>,
  returned: () => void = () => {}
): Iterable<unknown> => ({
  [Symbol.iterator]: () => {
    const iterator = inputs[Symbol.iterator]()
    return {
      next: () => {
        reach.pulls++
        if (reach.returns > 0) reach.late++
        const result = iterator.next()
        return result.done === true ? ended() : result
      },
      return: () => {
        reach.returns++
        returned()
        return { done: true, value: undefined }
      }
    }
  }
})
