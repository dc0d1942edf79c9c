/**
 * What the ways of knowing runners have in common: lists without doubles, in one order, and looking again and again, so that
 * a runner that joined is soon known (K9).
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type { Member, Members } from "../../Members.ts"
import { sleep } from "../common/pause.ts"
import * as address from "./address.ts"

export const TypeId = "~effect-mpire/cluster/Members"

/** What a list of members is made of. */
export interface Parts {
  readonly changes: Stream.Stream<ReadonlyArray<Member>>
  readonly lookAgain?: Effect.Effect<void> | undefined
}

export const make = ({ changes, lookAgain = Effect.void }: Parts): Members => ({ [TypeId]: TypeId, changes, lookAgain })

/**
 * The list without doubles, ordered by address, so that two lists with the same members are the same list. An address that
 * is named twice has the labels of both.
 */
export const tidy = (members: Iterable<Member>): ReadonlyArray<Member> => {
  const found = new Map<string, Member>()
  for (const { host, labels, port } of members) {
    const key = address.format({ host, port })
    const others = found.get(key)?.labels ?? []
    found.set(key, { host, port, labels: [...new Set([...others, ...labels])].sort() })
  }
  return [...found.entries()].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, member]) => member)
}

/** The same for two tidy lists exactly if their members are the same. */
const keyOf = (members: ReadonlyArray<Member>): string => JSON.stringify(members)

/** Who is there, as somewhere else says it. */
export interface Source<R> {
  /** Of what the log says that it could not be read, such as `DNS for "runners"`. */
  readonly name: string
  /** How long to wait between two looks. */
  readonly every: Duration.Duration
  /** The members now, or why they are not known, in words. */
  readonly look: Effect.Effect<ReadonlyArray<Member>, string, R>
}

/**
 * A worker that finds no room asks for another look, and asks again 200 ms later: more often than this nobody is asked.
 */
const leastPause = Duration.seconds(1)

/** Looks now, every so often, and when asked to; a look that fails changes nothing. */
export const looking = Effect.fnUntraced(function* <R>({ every, look, name }: Source<R>) {
  const context = yield* Effect.context<R>()
  const asked = yield* PubSub.sliding<void>(1)
  const pause = Duration.min(every, leastPause)
  const rest = Duration.subtract(every, pause)

  const changes = Effect.gen(function* () {
    const asking = yield* PubSub.subscribe(asked)
    let isFirst = true
    let known: string | undefined
    let complaint: string | undefined

    const failed = (why: string) => {
      // every look of an outage would say the same
      if (why === complaint) return Effect.void
      complaint = why
      const kept = known === undefined ? "no runner is known yet" : "the runners known so far are kept"
      return Effect.logWarning(`${name}: ${why}; ${kept}`)
    }

    const next: Effect.Effect<ReadonlyArray<Member>> = Effect.gen(function* () {
      while (true) {
        if (!isFirst) {
          yield* sleep(pause)
          yield* Effect.raceFirst(sleep(rest), PubSub.take(asking))
        }
        isFirst = false
        const members = yield* Effect.match(Effect.provideContext(look, context), {
          onFailure: (why) => why,
          onSuccess: tidy
        })
        if (typeof members === "string") {
          yield* failed(members)
          continue
        }
        if (complaint !== undefined) yield* Effect.logInfo(`${name}: answers again`)
        complaint = undefined
        const key = keyOf(members)
        if (key === known) continue
        known = key
        return members
      }
    })
    return Stream.fromEffectRepeat(next)
  })

  return make({ changes: Stream.unwrap(changes), lookAgain: Effect.asVoid(PubSub.publish(asked, undefined)) })
})
