/**
 * Serves the metrics of this process to Prometheus, over HTTP: how many slots the runner has in which state, and how many
 * workers are wanted.
 */
import type { WorkerPoolError } from "@effect-mpire/core/WorkerPoolError"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as Layer from "effect/Layer"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import { createServer } from "node:http"
import { ListenFailed } from "../../ClusterError.ts"
import { invalidOption } from "../common/options.ts"
import * as address from "../members/address.ts"

/** Who scrapes is one or a few: more connections than this are somebody's mistake. */
const mostConnections = 64

/** Where to serve them: a port alone is one of this machine, which no other reaches. */
const placeOf = (text: string): Effect.Effect<address.Address, WorkerPoolError> => {
  const at = address.listenAt(/^\d+$/.test(text) ? `127.0.0.1:${text}` : text)
  const expected = `${address.written}, or a port of this machine alone`
  return at === undefined ? Effect.fail(invalidOption("metrics", text, expected)) : Effect.succeed(at)
}

/** Listens until the Scope closes, and does not wait for who is connected then. */
export const layer = (at: string): Layer.Layer<never, WorkerPoolError | ListenFailed> =>
  Layer.unwrap(
    Effect.map(placeOf(at), (place) => {
      const server = createServer()
      server.maxConnections = mostConnections
      const listening = NodeHttpServer.layer(() => server, { ...place, disablePreemptiveShutdown: true })
      const routes = HttpRouter.serve(PrometheusMetrics.layerHttp({ path: "/metrics" }), {
        disableLogger: true,
        disableListenLog: true
      })
      const told = Effect.suspend(() => {
        const bound = server.address()
        const port = typeof bound === "object" && bound !== null ? bound.port : place.port
        return Effect.logInfo(`Metrics are at http://${address.format({ ...place, port })}/metrics`)
      })
      // a request that never ends would hold up the runner's end
      const closed = Effect.addFinalizer(() =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        })
      )
      return Layer.merge(routes, Layer.effectDiscard(Effect.andThen(closed, told))).pipe(
        Layer.provide(listening),
        Layer.catchTag("ServeError", ({ cause }) =>
          Layer.effectDiscard(Effect.fail(new ListenFailed({ listen: address.format(place), cause })))
        )
      )
    })
  )
