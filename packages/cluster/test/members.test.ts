import { assert, describe, it } from "@effect/vitest"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as Runner from "effect/cluster/Runner"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import { PersistenceError } from "effect/cluster/ClusterError"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as address from "../src/internal/members/address.ts"
import * as dns from "../src/internal/members/dns.ts"
import * as Members from "../src/Members.ts"
import { integer, runs } from "../../core/test/support.ts"
import { isRefused, recordedLog } from "./support.ts"

const hostsOf = (members: ReadonlyArray<Members.Member>) => members.map(({ host }) => host)

/** Follows a `Members`: the lists that it has given so far. */
const follow = Effect.fnUntraced(function* (members: Members.Members) {
  const lists: Array<ReadonlyArray<Members.Member>> = []
  yield* Effect.forkScoped(Stream.runForEach(members.changes, (list) => Effect.sync(() => lists.push(list))))
  return lists
})

describe("addresses", () => {
  it.each([
    ["localhost:7433", "localhost", 7433],
    ["10.0.0.1:1", "10.0.0.1", 1],
    ["[::1]:7433", "::1", 7433],
    ["[fe80::1%eth0]:65535", "fe80::1%eth0", 65_535],
    ["runner-0.runners.batch.svc.cluster.local.:7433", "runner-0.runners.batch.svc.cluster.local.", 7433],
    ["under_score:80", "under_score", 80]
  ])("%s is one", (text, host, port) => {
    assert.deepStrictEqual(address.parse(text), { host, port })
    assert.strictEqual(address.format({ host, port }), text)
  })

  it.each([
    ...["", ":", "host", "host:", ":7433", "host:0", "host:65536", "host:-1", "host:1e3", "host:99999999", "host: 80"],
    ...["::1:7433", "::1", "[::1]", "[::1]:", "[::1]:0", "[host]:80", "[10.0.0.1]:80", "[]:80", "[::g]:80", "[::1]80"],
    ...[
      "http://host:80",
      "user@host:80",
      "host/path:80",
      "ho st:80",
      "-host:80",
      "host-:80",
      "a..b:80",
      ".:80",
      "h\n:80"
    ],
    ...["256.1.1.1:80", "1.2.3:80", "10.0.0.1.:80", "7433:7433", `${"a".repeat(64)}:80`, `${"a.".repeat(127)}b:80`]
  ])("%j is none", (text) => {
    assert.isUndefined(address.parse(text))
  })

  it.prop(
    "what has been written is read as what it was",
    { words: Arbitrary.all([integer(0, 65_535), integer(0, 65_535)]), port: integer(1, 65_535) },
    ({ port, words }) => {
      const [one, other] = words.map((word) => word.toString(16))
      for (const host of [
        `2001:db8::${one}:${other}`,
        `10.1.${words[0] % 256}.${words[1] % 256}`,
        `h${one}.x${other}`
      ]) {
        assert.deepStrictEqual(address.parse(address.format({ host, port })), { host, port })
      }
    },
    runs(100)
  )
})

describe("fromList", () => {
  it.effect("K9 gives texts and objects, each address once, with the labels of all", () =>
    Effect.gen(function* () {
      const members = yield* Members.fromList([
        "b:7433",
        { host: "a", port: 7433 },
        { host: "b", port: 7433, labels: ["gpu", "large"] },
        { host: "b", port: 7433, labels: ["gpu"] },
        "[::1]:1"
      ])
      assert.isTrue(Members.isMembers(members))
      assert.deepStrictEqual(yield* Stream.runCollect(members.changes), [
        [
          { host: "::1", port: 1, labels: [] },
          { host: "a", port: 7433, labels: [] },
          { host: "b", port: 7433, labels: ["gpu", "large"] }
        ]
      ])
      yield* members.lookAgain
    })
  )

  it.effect.each<unknown>([
    ...["host", "::1:7433", "", 7433, null, undefined, {}],
    ...[{ host: "[::1]", port: 1 }, { host: "a" }, { host: "a", port: "1" }, { host: "a", port: 1.5 }],
    ...[
      { host: "a", port: 1, labels: "gpu" },
      { host: "a", port: 1, labels: [""] },
      { host: "a", port: 1, labels: null }
    ]
  ])("C8 refuses the entry %j and names its place", (entry) => {
    const { host, port } = Object(entry) as { readonly host?: unknown; readonly port?: unknown }
    const shown = typeof host === "string" && typeof port === "number" ? `${host}:${port}` : entry
    return isRefused(Members.fromList(["a:1", entry as string]), "members[1]", shown)
  })

  it.effect.each<unknown>([[], "a:1", undefined, null, {}])("C8 refuses %j for a list", (list) =>
    isRefused(Members.fromList(list as ReadonlyArray<string>), "members", list)
  )
})

/** A DNS whose answers are set by the test, and which counts questions. */
const fakeDns = () => {
  const fake = {
    asked: 0,
    answer: Effect.succeed<ReadonlyArray<string>>([]) as Effect.Effect<ReadonlyArray<string>, string>,
    resolve: (() => Effect.suspend(() => (fake.asked++, fake.answer))) as dns.Resolve
  }
  return fake
}

describe("fromDns", () => {
  it.effect("K9 gives all addresses, asks every five seconds, and tells what has changed only", () =>
    Effect.gen(function* () {
      const fake = fakeDns()
      fake.answer = Effect.succeed(["10.0.0.2", "10.0.0.1", "fd00::1"])
      const members = yield* dns.fromDns({ name: "runners", port: 7433, labels: ["gpu"] }, fake.resolve)
      const lists = yield* follow(members)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(lists, [
        [
          { host: "10.0.0.1", port: 7433, labels: ["gpu"] },
          { host: "10.0.0.2", port: 7433, labels: ["gpu"] },
          { host: "fd00::1", port: 7433, labels: ["gpu"] }
        ].sort((one, other) => (address.format(one) < address.format(other) ? -1 : 1))
      ])
      // in another order it is the same list
      fake.answer = Effect.succeed(["fd00::1", "10.0.0.1", "10.0.0.2", "10.0.0.1"])
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual([fake.asked, lists.length], [2, 1])
      fake.answer = Effect.succeed(["10.0.0.1", "10.0.0.3"])
      yield* TestClock.adjust("4999 millis")
      assert.deepStrictEqual([fake.asked, lists.length], [2, 1])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(hostsOf(lists[1]!), ["10.0.0.1", "10.0.0.3"])
    })
  )

  it.effect("K9 asks again when no room was found, but not more than once a second", () =>
    Effect.gen(function* () {
      const fake = fakeDns()
      fake.answer = Effect.succeed(["10.0.0.1"])
      const members = yield* dns.fromDns({ name: "runners", port: 7433, every: "1 minute" }, fake.resolve)
      const lists = yield* follow(members)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(fake.asked, 1)
      fake.answer = Effect.succeed(["10.0.0.1", "10.0.0.2"])
      yield* members.lookAgain
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(hostsOf(lists[1]!), ["10.0.0.1", "10.0.0.2"])
      for (let n = 0; n < 50; n++) {
        yield* members.lookAgain
        yield* TestClock.adjust("200 millis")
      }
      // two before, and one for each of the ten seconds
      assert.isAtMost(fake.asked, 12)
      assert.isAtLeast(fake.asked, 11)
    })
  )

  /** Accident: DNS does not answer, or knows no runner any more. */
  it.effect("K9 a failed or empty answer keeps the last list, and is logged once for each cause", () =>
    Effect.gen(function* () {
      const fake = fakeDns()
      const log = recordedLog()
      fake.answer = Effect.fail("getaddrinfo ENOTFOUND runners")
      const members = yield* dns.fromDns({ name: "runners", port: 7433 }, fake.resolve)
      const lists = yield* Effect.provide(follow(members), log.layer)
      yield* TestClock.adjust("12 seconds")
      assert.deepStrictEqual(lists, [])
      fake.answer = Effect.succeed(["10.0.0.1"])
      yield* TestClock.adjust("5 seconds")
      for (const answer of [Effect.succeed([]), Effect.fail("getaddrinfo EAI_AGAIN runners"), Effect.succeed([])]) {
        fake.answer = answer
        yield* TestClock.adjust("30 seconds")
      }
      fake.answer = Effect.succeed(["10.0.0.1"])
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(lists.map(hostsOf), [["10.0.0.1"]])
      assert.deepStrictEqual(log.lines, [
        'Warn: DNS for "runners": getaddrinfo ENOTFOUND runners; no runner is known yet',
        'Info: DNS for "runners": answers again',
        'Warn: DNS for "runners": it has no address; the runners known so far are kept',
        'Warn: DNS for "runners": getaddrinfo EAI_AGAIN runners; the runners known so far are kept',
        'Warn: DNS for "runners": it has no address; the runners known so far are kept',
        'Info: DNS for "runners": answers again'
      ])
    })
  )

  it.effect("K9 each that follows has the whole list, and one that stops asks no more", () =>
    Effect.gen(function* () {
      const fake = fakeDns()
      fake.answer = Effect.succeed(["10.0.0.1"])
      const members = yield* dns.fromDns({ name: "runners", port: 7433 }, fake.resolve)
      const scope = yield* Scope.make()
      const first = yield* Scope.provide(follow(members), scope)
      yield* TestClock.adjust("20 seconds")
      const second = yield* Scope.provide(follow(members), scope)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual([first.map(hostsOf), second.map(hostsOf)], [[["10.0.0.1"]], [["10.0.0.1"]]])
      yield* Scope.close(scope, Exit.void)
      const before = fake.asked
      yield* members.lookAgain
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(fake.asked, before)
    })
  )

  it.effect.each<readonly [option: string, value: unknown]>([
    ...["", "a b", "http://a", "1.2.3", null, 5].map((value) => ["name", value] as const),
    ...[0, 65_536, 1.5, Number.NaN, "7433", undefined].map((value) => ["port", value] as const),
    ...[0, -1, "0 seconds", "infinity", Infinity, Number.NaN, "often", {}].map((value) => ["every", value] as const),
    ...["gpu", [""], [1]].map((value) => ["labels", value] as const)
  ])("C8 refuses %j as %j", ([option, value]) =>
    isRefused(Members.fromDns({ name: "runners", port: 7433, [option]: value }), option, value)
  )

  it.live("finds this machine by its name", () =>
    Effect.gen(function* () {
      const members = yield* Members.fromDns({ name: "localhost", port: 7433 })
      const [list] = yield* Stream.runCollect(Stream.take(members.changes, 1))
      assert.isNotEmpty(list)
      for (const { host } of list!) assert.include(["127.0.0.1", "::1"], host)
    })
  )

  it.live("says what the system's resolver says of a name that there is not", () =>
    Effect.gen(function* () {
      const why = yield* Effect.flip(dns.ofSystem("no-such-name.invalid"))
      assert.match(why, /no-such-name\.invalid/)
    })
  )
})

const runner = { host: "10.0.0.1", port: 7433, labels: ["large", "gpu"], slots: 8 }

describe("fromRunnerStorage", () => {
  it.effect("K9 a runner that enters itself is found with its labels, and is gone when its scope closes", () =>
    Effect.gen(function* () {
      const members = yield* Members.fromRunnerStorage()
      const lists = yield* follow(members)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(lists, [[]])
      const scope = yield* Scope.make()
      yield* Scope.provide(Members.register(runner), scope)
      yield* Scope.provide(Members.register({ ...runner, host: "fd00::2", labels: [] }), scope)
      yield* members.lookAgain
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(lists[1], [
        { host: "10.0.0.1", port: 7433, labels: ["gpu", "large"] },
        { host: "fd00::2", port: 7433, labels: [] }
      ])
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(lists[2], [])
    }).pipe(Effect.provide(RunnerStorage.layerMemory))
  )

  it.effect("K9 others' runners are not ours, and what others think of ours does not matter", () =>
    Effect.gen(function* () {
      const storage = yield* RunnerStorage.RunnerStorage
      const others = [["default"], ["effect-mpire-2"], ["effect-mpire/gpu"], []]
      for (const [n, groups] of others.entries()) {
        yield* storage.register(Runner.make({ address: RunnerAddress.make(`other${n}`, 1), groups, weight: 1 }), true)
      }
      yield* Members.register(runner)
      yield* Members.register({ ...runner, host: "elsewhere", prefix: "batch" })
      yield* storage.setRunnerHealth(RunnerAddress.make("10.0.0.1", 7433), false)
      for (const [prefix, host] of [
        [undefined, "10.0.0.1"],
        ["batch", "elsewhere"]
      ] as const) {
        const members = yield* Members.fromRunnerStorage({ prefix })
        const [list] = yield* Stream.runCollect(Stream.take(members.changes, 1))
        assert.deepStrictEqual(list, [{ host, port: 7433, labels: ["gpu", "large"] }])
      }
    }).pipe(Effect.provide(RunnerStorage.layerMemory))
  )

  /** A storage that fails while `broken` is set, and drops everything when told. */
  const fragile = Effect.gen(function* () {
    const storage = yield* RunnerStorage.makeMemory
    const state = { broken: false, entered: 0 }
    const unlessBroken = <A>(effect: Effect.Effect<A, PersistenceError>) =>
      Effect.suspend(() =>
        state.broken ? Effect.fail(new PersistenceError({ cause: new Error("connection refused") })) : effect
      )
    return {
      state,
      storage: RunnerStorage.RunnerStorage.of({
        ...storage,
        getRunners: unlessBroken(storage.getRunners),
        register: (runner, healthy) =>
          Effect.suspend(() => (state.entered++, unlessBroken(storage.register(runner, healthy)))),
        unregister: (address) => unlessBroken(storage.unregister(address))
      })
    }
  })

  /** Accident: the database with the runners fails. */
  it.effect("K9 a storage that fails keeps the list; a runner that was dropped meanwhile comes back", () =>
    Effect.gen(function* () {
      const { state, storage } = yield* fragile
      const log = recordedLog()
      const provided = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.provide(Effect.provideService(effect, RunnerStorage.RunnerStorage, storage), log.layer)
      const scope = yield* Scope.make()
      yield* provided(Scope.provide(Members.register(runner), scope))
      const lists = yield* provided(Effect.flatMap(Members.fromRunnerStorage(), follow))
      yield* TestClock.adjust("1 seconds")
      state.broken = true
      yield* TestClock.adjust("25 seconds")
      assert.deepStrictEqual(lists.map(hostsOf), [["10.0.0.1"]])
      assert.strictEqual(state.entered, 3)
      assert.deepStrictEqual(log.lines, [
        "Warn: RunnerStorage: connection refused; the runners known so far are kept",
        "Warn: RunnerStorage: connection refused",
        "Warn: RunnerStorage: connection refused"
      ])
      state.broken = false
      yield* storage.unregister(RunnerAddress.make("10.0.0.1", 7433))
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(hostsOf(lists.at(-1)!), ["10.0.0.1"])
      yield* Scope.close(scope, Exit.void)
      const entered = state.entered
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([hostsOf(lists.at(-1)!), state.entered], [[], entered])
    })
  )

  it.effect("K9 the first entry must succeed, and a storage that hangs does not hold up the runner's end", () =>
    Effect.gen(function* () {
      const { state, storage } = yield* fragile
      state.broken = true
      const error = yield* Effect.flip(
        Effect.provideService(Effect.scoped(Members.register(runner)), RunnerStorage.RunnerStorage, storage)
      )
      assert.strictEqual(error._tag, "PersistenceError")
      state.broken = false
      const hanging = { ...storage, unregister: () => Effect.never }
      const scope = yield* Scope.make()
      yield* Effect.provideService(
        Scope.provide(Members.register(runner), scope),
        RunnerStorage.RunnerStorage,
        RunnerStorage.RunnerStorage.of(hanging)
      )
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(closing)
    })
  )

  it.effect.each<readonly [option: string, value: unknown]>([
    ...["", "0.0.0.0", "::", "a b", null].map((value) => ["host", value] as const),
    ...[0, "1"].map((value) => ["port", value] as const),
    ...[0, 1.5, "8"].map((value) => ["slots", value] as const),
    ...["gpu", [""]].map((value) => ["labels", value] as const),
    ...["", 5].map((value) => ["prefix", value] as const),
    ...[0, "never"].map((value) => ["heartbeat", value] as const)
  ])("C8 register refuses %j as %j", ([option, value]) =>
    isRefused(Effect.scoped(Members.register({ ...runner, [option]: value })), option, value).pipe(
      Effect.provide(RunnerStorage.layerMemory)
    )
  )

  it.effect.each<readonly [option: string, value: unknown]>([
    ["prefix", ""],
    ["every", 0]
  ])("C8 fromRunnerStorage refuses %j as %j", ([option, value]) =>
    isRefused(Members.fromRunnerStorage({ [option]: value }), option, value).pipe(
      Effect.provide(RunnerStorage.layerMemory)
    )
  )
})
