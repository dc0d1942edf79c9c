/**
 * What of the cluster waits, and where that is written: each is made by a program of its own (fixtures/idle.ts), which has to end
 * though nobody ends what it made (F5).
 */

/** The kinds, and what there is for them at the address that they are given. */
export const idleKinds = {
  "a local pool": "nothing",
  "a layer whose runner is away": "nothing",
  "a layer whose runner does not greet": "silence",
  "a layer whose runner does not shake hands": "silence",
  "a layer whose runner does not even connect": "no connection",
  "a layer whose runner is there": "a runner",
  "a layer whose runner is there, under a name with several addresses": "a runner",
  "a worker": "a runner",
  "a call that found no room": "a full runner",
  "a call that was interrupted as it waited for room": "a full runner",
  "members by DNS": "nothing",
  "members by a storage": "nothing",
  "a runner's entry in a storage": "nothing",
  "a question to a runner": "a runner",
  "a question to a runner that does not greet": "silence",
  "a runner that has ended": "nothing"
} as const

export type IdleKind = keyof typeof idleKinds
