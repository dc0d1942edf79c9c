/**
 * The program `effect-mpire-runner`: a runner of this machine, and questions to one.
 */
import type * as ByteSize from "effect/ByteSize"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { RunnerDrains } from "../../ClusterError.ts"
import { library } from "../link/versions.ts"
import * as Runner from "../../Runner.ts"

/** The variable of the environment that a key is looked for in where no flag says something else. */
const variable = "EFFECT_MPIRE_SECRET"

/** Where the key is: never the key, which would stand in the list of processes (K11). */
const security = {
  secretFile: Flag.String("secret-file").pipe(
    Flag.withDescription(`The file with the key. Default: the variable ${variable}, or else a file of this user's`),
    Flag.optional
  ),
  insecure: Flag.Boolean("insecure").pipe(
    Flag.withDescription("Without a key and without encryption, on this machine alone"),
    Flag.withDefault(false)
  )
} as const

const securityOf = Effect.fnUntraced(function* (flags: {
  readonly secretFile: Option.Option<string>
  readonly insecure: boolean
}) {
  if (flags.insecure) return { insecure: true }
  if (Option.isSome(flags.secretFile)) return { secret: { file: flags.secretFile.value } }
  const isSet = Option.isSome(yield* Config.option(Config.Redacted(variable)))
  return isSet ? { secret: { env: variable } } : {}
})

const list = (text: string): ReadonlyArray<string> => text.split(",").filter((label) => label !== "")

/** Only who asks for metrics waits until what serves them is loaded. */
const measured = (at: Option.Option<string>) =>
  Option.match(at, {
    onNone: () => Layer.empty,
    onSome: (at) =>
      Layer.unwrap(
        Effect.map(
          Effect.promise(() => import("./metrics.ts")),
          ({ layer }) => layer(at)
        )
      )
  })

const serve = Command.make(
  "effect-mpire-runner",
  {
    ...security,
    listen: Flag.String("listen").pipe(
      Flag.withDescription("Where to listen, as host:port"),
      Flag.withDefault("127.0.0.1:7433")
    ),
    slots: Flag.Int("slots").pipe(
      Flag.withDescription("How many workers to run at most. Default: one for each processor"),
      Flag.optional
    ),
    workers: Flag.Literals("workers", ["processes", "threads"]).pipe(Flag.withDefault("processes")),
    lease: Flag.String("lease").pipe(
      Flag.withDescription("After how long without a sign of life a driver's workers are killed"),
      Flag.withDefault("8 seconds")
    ),
    drainTimeout: Flag.String("drain-timeout").pipe(
      Flag.withDescription("How long workers may take to end at SIGTERM"),
      Flag.withDefault("30 seconds")
    ),
    minTenure: Flag.String("min-tenure").pipe(
      Flag.withDescription("How long a worker is left to its driver before it is asked back for another driver"),
      Flag.withDefault("10 seconds")
    ),
    labels: Flag.String("labels").pipe(
      Flag.withDescription("What drivers can choose runners by, with commas between"),
      Flag.withDefault("")
    ),
    deployment: Flag.String("deployment").pipe(
      Flag.withDescription("What is deployed here, such as a commit: drivers of another one are refused"),
      Flag.optional
    ),
    root: Flag.String("root").pipe(
      Flag.withDescription("The folder outside of which no task module is loaded. Default: the current one"),
      Flag.optional
    ),
    inline: Flag.Boolean("inline").pipe(
      Flag.withDescription("Run the sources of functions that drivers send; --no-inline runs modules alone"),
      Flag.withDefault(true)
    ),
    cache: Flag.String("cache").pipe(
      Flag.withDescription("How much of bound values and the like is kept for other workers"),
      Flag.withDefault("1 GB")
    ),
    metrics: Flag.String("metrics").pipe(
      Flag.withDescription(
        "Where to serve metrics to Prometheus, over HTTP without a key, at /metrics: host:port, or a port of this machine alone. Default: nowhere"
      ),
      Flag.optional
    ),
    allowMixed: Flag.Boolean("allow-mixed").pipe(
      Flag.withDescription("Accept drivers of another major version of Node.js"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({
    cache,
    deployment,
    drainTimeout,
    insecure,
    labels,
    lease,
    metrics,
    minTenure,
    root,
    secretFile,
    slots,
    ...flags
  }) {
    const layer = Runner.layer({
      ...flags,
      ...(yield* securityOf({ insecure, secretFile })),
      slots: Option.getOrUndefined(slots),
      root: Option.getOrUndefined(root),
      deployment: Option.getOrUndefined(deployment),
      labels: list(labels),
      // what is none is refused, by the option's name
      cache: cache as ByteSize.Input,
      lease: lease as `${number} seconds`,
      drainTimeout: drainTimeout as `${number} seconds`,
      minTenure: minTenure as `${number} seconds`
    })
    const listening = Layer.effectDiscard(
      Effect.flatMap(Runner.Runner, ({ host, id, port }) => Effect.logInfo(`Runner ${id} listens at ${host}:${port}`))
    )
    // the Scope closes at SIGTERM and SIGINT, which drains it (K8); its metrics are there until it has drained
    return yield* Layer.launch(listening.pipe(Layer.provide(layer), Layer.provide(measured(metrics))))
  })
).pipe(Command.withDescription("Runs workers on this machine for pools elsewhere, until SIGTERM"))

const address = Flag.String("address").pipe(
  Flag.withDescription("Where the runner listens"),
  Flag.withDefault("127.0.0.1:7433")
)

const status = Command.make(
  "status",
  { ...security, address },
  Effect.fnUntraced(function* ({ address, ...flags }) {
    const told = yield* Runner.statusOf({ address, ...(yield* securityOf(flags)) })
    yield* Console.log(JSON.stringify(told, null, 2))
  })
).pipe(Command.withDescription("Prints what a runner says of itself, as JSON"))

const drain = Command.make(
  "drain",
  { ...security, address },
  Effect.fnUntraced(function* ({ address, ...flags }) {
    yield* Runner.drainOf({ address, ...(yield* securityOf(flags)) })
    yield* Console.log(`The runner at ${address} has no worker left and takes no more`)
  })
).pipe(Command.withDescription("Has a runner refuse new workers, and waits until it has none left"))

const check = Command.make(
  "check",
  { ...security, address },
  Effect.fnUntraced(function* ({ address, ...flags }) {
    const { draining } = yield* Runner.statusOf({ address, ...(yield* securityOf(flags)) })
    if (draining) return yield* Effect.fail(new RunnerDrains({ runner: address }))
  })
).pipe(Command.withDescription("Ends with 0 if a runner takes workers, and with 1 if not: for probes"))

/** Runs the program with the arguments of this process. */
export const main = Command.run(serve.pipe(Command.withSubcommands([status, drain, check])), { version: library })
