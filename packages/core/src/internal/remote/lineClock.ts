/**
 * The Clock of a line that was logged elsewhere: for its loggers it is when that was, as it was for those of a fiber.
 */
import type * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

export class LineClock implements Clock.Clock {
  private readonly millis: number
  private readonly nanos: bigint
  private readonly own: Clock.Clock

  /** `own` is the caller's, for what is no time of day. */
  constructor(millis: number, nanos: bigint, own: Clock.Clock) {
    this.millis = millis
    this.nanos = nanos
    this.own = own
  }

  currentTimeMillisUnsafe(): number {
    return this.millis
  }

  get currentTimeMillis(): Effect.Effect<number> {
    return Effect.succeed(this.millis)
  }

  currentTimeNanosUnsafe(): bigint {
    return this.nanos
  }

  get currentTimeNanos(): Effect.Effect<bigint> {
    return Effect.succeed(this.nanos)
  }

  monotonicTimeNanosUnsafe(): bigint {
    return this.own.monotonicTimeNanosUnsafe()
  }

  get monotonicTimeNanos(): Effect.Effect<bigint> {
    return this.own.monotonicTimeNanos
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return this.own.sleep(duration)
  }
}
