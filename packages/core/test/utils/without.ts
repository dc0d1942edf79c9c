import type { Need } from "../../src/testing/RuntimeSuite.ts"

/** What the cases of the conformance suite may need, and the runtimes here do not do. */
export const without = {
  fibers: ["killing", "vanishing", "signals"],
  threads: ["signals"],
  processes: ["transfer", "sharedMemory"],
  farAway: ["near"],
  elsewhere: ["dataUrls"],
  inThisThread: ["killing", "vanishing", "signals", "transfer", "sharedMemory"]
} as const satisfies Record<string, ReadonlyArray<Need>>
