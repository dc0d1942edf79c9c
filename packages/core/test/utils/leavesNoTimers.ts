/**
 * With this as a setup file, a test file fails whose real-time timers are still set when it has ended. The files of core share
 * their modules: what one leaves running would go on beside the tests of others, which put a clock of their own in the place of
 * real time's.
 */
import { afterAll, assert } from "@effect/vitest"

const key = Symbol.for("effect-mpire/test/leavesNoTimers")
type Shared = typeof globalThis & { [key]?: Map<unknown, Error> }

/** How long a file may take to end what it has begun, in milliseconds. */
const patience = 5000

const timersOf = async (shared: Shared): Promise<Map<unknown, Error>> => {
  const timers = new Map<unknown, Error>()
  // before the library is loaded, which keeps what it finds then
  const { clearTimeout } = shared
  shared.clearTimeout = (timer) => {
    timers.delete(timer)
    return clearTimeout(timer)
  }
  const { clock } = await import("../../src/internal/task/realTime.ts")
  const { setTimeout } = clock
  clock.setTimeout = (f, millis) => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      f()
    }, millis)
    timers.set(timer, new Error(`a timer of ${millis} ms was set`))
    return timer
  }
  return timers
}

const shared = globalThis as Shared
const timers = (shared[key] ??= await timersOf(shared))
const { setTimeout } = globalThis

afterAll(async () => {
  const end = performance.now() + patience
  while (timers.size > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10))
  const left = [...timers.values()].map(({ stack }) => stack)
  // the next file is not to blame for them
  timers.clear()
  assert.deepStrictEqual(left, [], "timers that a test of this file has left")
})
