/** A runner that says nothing any more: which of the connections to it are given up with the first. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { connect, createServer, type Server, type Socket } from "node:net"
import { RunnerLinks } from "../src/internal/driver/runnerLinks.ts"
import { Link } from "../src/internal/link/link.ts"
import { Silent } from "../src/internal/link/vigil.ts"

/** A driver's end of a connection, and its runner's. */
interface Connection {
  readonly here: Link
  readonly there: Link
}

const listen: Effect.Effect<Server, never, Scope.Scope> = Effect.acquireRelease(
  Effect.callback((resume) => {
    const server = createServer()
    server.listen({ host: "127.0.0.1", port: 0 }, () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close())
)

/** A connection of its own; the Scope ends it. */
const connection = (server: Server): Effect.Effect<Connection, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Connection>((resume) => {
      const here = connect(server.address() as { readonly port: number })
      server.once("connection", (there: Socket) =>
        resume(Effect.succeed({ here: new Link(here), there: new Link(there) }))
      )
    }),
    ({ here, there }) =>
      Effect.sync(() => {
        here.destroy()
        there.destroy()
      })
  )

/** In milliseconds: far more than this thread may stand still on a busy machine. */
const suspectAfter = 60_000

describe("a runner that has stalled", () => {
  /** Accident: a runner stalls, goes on later, and has several workers of a driver. */
  it.live("K4 K5 is given up with all connections that are silent, at once; those that are heard go on", () =>
    Effect.gen(function* () {
      const server = yield* listen
      const links = new RunnerLinks()
      const connected = Effect.fnUntraced(function* (runner: string) {
        const made = yield* connection(server)
        links.watch(runner, made.here, suspectAfter)
        return made
      })
      const first = yield* connected("one")
      const silent = yield* connected("one")
      const alive = yield* connected("one")
      const other = yield* connected("another")
      // when these were heard last: alone, the second one would be given up that much later than the first
      const now = performance.now()
      first.here.heardAt = now - suspectAfter - 1
      silent.here.heardAt = now - 0.6 * suspectAfter
      const [cause, areOpen] = yield* Effect.callback<[Error | undefined, ReadonlyArray<boolean>]>((resume) => {
        first.here.closed((cause) =>
          resume(Effect.succeed([cause, [silent, alive, other].map(({ here }) => here.isOpen)]))
        )
      })
      assert.instanceOf(cause, Silent)
      assert.deepStrictEqual(areOpen, [false, true, true])
      const why = yield* Effect.callback<Error | undefined>((resume) =>
        silent.here.closed((cause) => resume(Effect.succeed(cause)))
      )
      assert.instanceOf(why, Silent)
    })
  )
})
