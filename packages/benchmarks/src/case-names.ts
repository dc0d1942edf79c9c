/** The cases by their names: apart from the cases themselves, so that options can be checked before anything is loaded. */
export const caseNames = {
  P1: "many tiny items",
  P2: "items of 10 ms",
  P3: "single runs",
  P4: "items of very different cost",
  P5: "the first result of a new pool",
  P6: "memory of an endless stream",
  P7: "an array, slice by slice",
  P8: "fibers against Effect.forEach",
  P9: "a run beside a busy map",
  numerical: "MPIRE's benchmark 1: numerical computation",
  stateful: "MPIRE's benchmark 2: stateful computation",
  initialization: "MPIRE's benchmark 3: expensive initialization"
} as const

export type CaseName = keyof typeof caseNames

export const isCaseName = (name: string): name is CaseName => Object.hasOwn(caseNames, name)
