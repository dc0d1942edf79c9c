/** A change to the code that keeps a rule, after which a test that cites the rule must fail. */
export interface Mutation {
  readonly rule: string
  /** Relative to `packages`, as `tests` are. */
  readonly file: string
  /** Occurs once in the file, at most three lines from a comment that cites the rule. */
  readonly find: string
  readonly replace: string
  readonly tests: ReadonlyArray<string>
}

export const mutations: ReadonlyArray<Mutation> = [
  {
    // a worker is released with the hooks that it was acquired with
    rule: "L6",
    file: "core/src/internal/slot/slot.ts",
    find: "retirement.hooks ?? this.options.hooks()",
    replace: "retirement.hooks ?? tenant.hooks",
    tests: ["core/test/hooks.test.ts"]
  },
  {
    // a chunk exceeds what is left of the worker's lifespan by an item
    rule: "L8",
    file: "core/src/internal/call/call.ts",
    find: "Math.min(limit, this.turnLength) : limit",
    replace: "Math.min(limit, this.turnLength) : limit + 1",
    tests: ["core/test/lifespan.test.ts"]
  },
  {
    // nothing is taken back for a call that waits and has nothing yet
    rule: "C1",
    file: "core/src/internal/slot/inFlight.ts",
    find: "chunk.takeBack(least === 0 || isLate ? least : Math.max(turnLength, least))",
    replace: "",
    tests: ["core/test/sharing.test.ts"]
  },
  {
    // an item too many is pulled from the source
    rule: "C3",
    file: "core/src/internal/call/call.ts",
    find: "wanted > most",
    replace: "wanted > most + 1",
    tests: ["core/test/backpressure.test.ts"]
  },
  {
    // what had not started is taken for what had
    rule: "F2",
    file: "core/src/internal/call/resends.ts",
    find: "const started = unreported.filter((position) => position < hand.started)",
    replace: "const started = unreported.filter((position) => position <= hand.started)",
    tests: ["core/test/resends.test.ts"]
  },
  {
    // a runner that was there after it had been given up is not lost when it ends
    rule: "K4",
    file: "core/src/internal/call/isolation.ts",
    find: " && answered < known.losses",
    replace: "",
    tests: ["core/test/runnerLosses.test.ts"]
  },
  {
    // calls that a live worker could serve fail with the worker that did not come
    rule: "L10",
    file: "core/src/internal/slot/slotFailures.ts",
    find: "if (!hasLive) refusals",
    replace: "refusals",
    tests: ["core/test/failures.test.ts"]
  },
  {
    // what is hidden from loggers crosses
    rule: "O3",
    file: "core/src/internal/wire/carried.ts",
    find: "return this.shown(redacted(value))",
    replace: "return this.shown(value)",
    tests: ["core/test/shownSame.test.ts"]
  },
  {
    // fields of an error cross though its toJSON hides them
    rule: "O3",
    file: "core/src/internal/wire/carried.ts",
    find: "...(json === undefined ? this.properties(error) : [])",
    replace: "...this.properties(error)",
    tests: ["core/test/shownSame.test.ts"]
  }
]
