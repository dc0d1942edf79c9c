import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { Channel, Closed, Connection } from "../../src/Channel.ts"
import * as realTime from "../../src/internal/task/realTime.ts"
import { serve } from "../../src/WorkerEntry.ts"
import type { WorkerIdentity } from "../../src/WorkerPoolError.ts"
import * as WorkerRuntime from "../../src/WorkerRuntime.ts"
import { sharedNumbers } from "../sharedNumbers.ts"
import { lagging, type LagOptions } from "./lagging.ts"

/** One direction of a channel. */
const makeLine = () => {
  let receive: ((message: unknown) => void) | undefined
  const early: Array<unknown> = []
  return {
    send: (message: unknown) => {
      const copy: unknown = structuredClone(message)
      realTime.defer(() => {
        if (receive === undefined) early.push(copy)
        else receive(copy)
      })
    },
    receive: (handler: (message: unknown) => void) => {
      receive = handler
      for (const message of early.splice(0)) handler(message)
    }
  }
}

const open = (controls: number): Connection => {
  const control = sharedNumbers(controls)
  const toWorker = makeLine()
  const toPool = makeLine()
  let closed: (closed: Closed) => void = () => {}
  let isOpen = true
  const end = (how: Closed) => {
    if (isOpen) closed(how)
    isOpen = false
  }
  const channel: Channel = {
    send: toPool.send,
    receive: toWorker.receive,
    close: () => realTime.defer(() => end({ exitCode: 0 })),
    control
  }
  serve(channel)
  return {
    send: toWorker.send,
    receive: toPool.receive,
    closed: (handler) => {
      closed = handler
    },
    kill: Effect.sync(() => end({})),
    setBusy: () => {},
    control
  }
}

/** Workers behind channels, in this thread: what crosses is cloned, and all of both ends is as on threads. */
export const layerInThisThread: Layer.Layer<WorkerRuntime.WorkerRuntime> = WorkerRuntime.layerChannel({
  name: "in this thread",
  open: (_, controls) => Effect.sync(() => open(controls))
})

/** The same, but far away: as far as `lagOf` a worker says. */
export const layerFarAway = (
  lagOf: (worker: WorkerIdentity) => Omit<LagOptions, "controls">
): Layer.Layer<WorkerRuntime.WorkerRuntime> =>
  WorkerRuntime.layerChannel({
    name: "far away in this thread",
    open: (worker, controls) => Effect.sync(() => lagging(open(controls), { ...lagOf(worker), controls }))
  })

/** The same, with so many milliseconds on the way in each direction. */
export const layerLagging = (oneWay: number): Layer.Layer<WorkerRuntime.WorkerRuntime> =>
  layerFarAway(() => ({ oneWay }))
