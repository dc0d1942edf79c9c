/** A tracer that keeps what it is told, for cases about spans. */
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import * as assert from "./assert.ts"
import * as Effect from "effect/Effect"

export class RecordingTracer implements Tracer.Tracer {
  readonly spans: Array<Tracer.NativeSpan> = []

  span(options: Parameters<Tracer.Tracer["span"]>[0]): Tracer.Span {
    const span = new Tracer.NativeSpan(options)
    this.spans.push(span)
    return span
  }

  named(name: string): ReadonlyArray<Tracer.NativeSpan> {
    return this.spans.filter((span) => span.name === name)
  }

  /** The names of a span and those around it, from the inside out. */
  path(span: Tracer.AnySpan): ReadonlyArray<string> {
    if (span._tag === "ExternalSpan") return ["(external)"]
    return [span.name, ...Option.match(span.parent, { onNone: () => [], onSome: (parent) => this.path(parent) })]
  }

  /** Checks that spans have ended, nest in time, and are in the trace of what they are in. */
  readonly isWhole: Effect.Effect<void, assert.AssertionFailed> = Effect.suspend(() =>
    Effect.forEach(
      this.spans,
      Effect.fnUntraced(function* (span) {
        const { name, parent, status } = span
        if (status._tag === "Started") return yield* assert.failed(`The span ${name} has not ended`)
        yield* assert.isTrue(status.startTime <= status.endTime, `${name} ends no earlier than it begins`)
        if (Option.isNone(parent)) return
        yield* assert.equal(span.traceId, parent.value.traceId, `the trace of ${name}`)
        if (parent.value._tag === "ExternalSpan") return yield* assert.failed(`The span ${name} is an orphan`)
        const around = parent.value.status
        yield* assert.isTrue(around.startTime <= status.startTime, `${name} begins within ${parent.value.name}`, {
          around,
          status
        })
        if (around._tag === "Ended") {
          yield* assert.isTrue(status.endTime <= around.endTime, `${name} ends within ${parent.value.name}`)
        }
      }),
      { discard: true }
    )
  )
}
