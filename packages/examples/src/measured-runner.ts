/** A runner as a program of its own, whose numbers Prometheus reads: how many slots it has free, and how many are wanted. */
import { Runner } from "@effect-mpire/cluster"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { createServer } from "node:http"

// #region program
/** What Prometheus scrapes. */
const metrics = HttpRouter.serve(PrometheusMetrics.layerHttp({ path: "/metrics" }), { disableLogger: true })

export const measuredRunner = (options: Runner.Options) => Layer.merge(Runner.layer(options), metrics)
// #endregion

if (process.argv[1] === import.meta.filename) {
  Layer.unwrap(
    Effect.map(Config.String("SECRET_FILE"), (file) => measuredRunner({ listen: "0.0.0.0:7433", secret: { file } }))
  ).pipe(Layer.provide(NodeHttpServer.layer(createServer, { port: 9464 })), Layer.launch, NodeRuntime.runMain)
}
