import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: number | string }
}

export interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: ReadonlyArray<Attribute>
  readonly events: ReadonlyArray<{ readonly name: string }>
  readonly status: { readonly code: number; readonly message?: string }
}

export interface OtlpLog {
  readonly traceId?: string
  readonly spanId?: string
  readonly body: { readonly stringValue?: string }
}

/** Takes what is sent by OTLP, as JSON. */
export interface OtlpStub {
  readonly url: string
  readonly spans: ReadonlyArray<OtlpSpan>
  readonly logs: ReadonlyArray<OtlpLog>
}

const bodyOf = async (request: AsyncIterable<Uint8Array>): Promise<any> => {
  const parts: Array<Uint8Array> = []
  for await (const part of request) parts.push(part)
  return JSON.parse(Buffer.concat(parts).toString("utf8"))
}

/** A server on this machine that keeps the spans and lines of logs that it is sent. */
export const otlpStub: Effect.Effect<OtlpStub, never, Scope.Scope> = Effect.gen(function* () {
  const spans: Array<OtlpSpan> = []
  const logs: Array<OtlpLog> = []
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      for (const { scopeSpans } of body.resourceSpans ?? []) for (const scope of scopeSpans) spans.push(...scope.spans)
      for (const { scopeLogs } of body.resourceLogs ?? []) for (const scope of scopeLogs) logs.push(...scope.logRecords)
      response.end("{}")
    })
  })
  server.listen(0, "127.0.0.1")
  yield* Effect.promise(() => once(server, "listening"))
  yield* Effect.addFinalizer(() => Effect.promise(() => new Promise<void>((resolve) => server.close(() => resolve()))))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, logs }
})
