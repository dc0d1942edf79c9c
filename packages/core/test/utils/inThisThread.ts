import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { Channel, Closed, Connection, Control } from "../../src/Channel.ts"
import * as realTime from "../../src/internal/task/realTime.ts"
import type * as protocol from "../../src/internal/wire/protocol.ts"
import { serve } from "../../src/WorkerEntry.ts"
import type { WorkerIdentity } from "../../src/WorkerPoolError.ts"
import * as WorkerRuntime from "../../src/WorkerRuntime.ts"
import { readdirSync } from "node:fs"
import { sharedNumbers } from "../sharedNumbers.ts"
import { lagging, type LagOptions } from "./lagging.ts"

// a pool that is made in this thread while a worker in it loads a module is refused (F3), and a case may end before its module has
// been loaded: so they are loaded before anything runs
const testing = new URL("../../src/testing/", import.meta.url)
for (const file of readdirSync(testing).filter((name) => name.endsWith(".tasks.ts"))) {
  await import(new URL(file, testing).href)
}

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

/** What the pool hears instead of a message of a worker's. */
export type Tamper = (message: protocol.FromWorker) => ReadonlyArray<unknown>

const open = (control: Control | undefined, tamper: Tamper = (message) => [message]): Connection => {
  const toWorker = makeLine()
  const toPool = makeLine()
  let closed: (closed: Closed) => void = () => {}
  let isOpen = true
  const end = (how: Closed) => {
    if (isOpen) closed(how)
    isOpen = false
  }
  const channel: Channel = {
    send: (message) => {
      for (const heard of tamper(message as protocol.FromWorker)) toPool.send(heard)
    },
    receive: (handler) =>
      toWorker.receive((message) => {
        try {
          handler(message)
        } catch (cause) {
          // what is not caught ends a worker
          end({ cause })
        }
      }),
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
    kill: Effect.sync(() => {
      // nothing ends in this thread by itself
      toWorker.send({ _tag: "Stop" })
      end({})
    }),
    setBusy: () => {},
    control
  }
}

/** Workers behind channels, in this thread: what crosses is cloned, and all of both ends is as on threads. */
export const layerInThisThread: Layer.Layer<WorkerRuntime.WorkerRuntime> = WorkerRuntime.layerChannel({
  name: "in this thread",
  open: (_, controls) => Effect.sync(() => open(sharedNumbers(controls)))
})

/** The same, whose pool hears what `tamper` makes of their messages; without shared numbers, these are told by messages as well. */
export const layerTampered = (
  tamper: Tamper,
  { sharesNumbers = true }: { readonly sharesNumbers?: boolean } = {}
): Layer.Layer<WorkerRuntime.WorkerRuntime> =>
  WorkerRuntime.layerChannel({
    name: "tampered with in this thread",
    sharesNumbers,
    open: (_, controls) => Effect.sync(() => open(sharesNumbers ? sharedNumbers(controls) : undefined, tamper))
  })

/** The same, but far away: as far as `lagOf` a worker says. */
export const layerFarAway = (
  lagOf: (worker: WorkerIdentity) => Omit<LagOptions, "controls">
): Layer.Layer<WorkerRuntime.WorkerRuntime> =>
  WorkerRuntime.layerChannel({
    name: "far away in this thread",
    open: (worker, controls) =>
      Effect.sync(() => lagging(open(sharedNumbers(controls)), { ...lagOf(worker), controls }))
  })

/** The same, with so many milliseconds on the way in each direction. */
export const layerLagging = (oneWay: number): Layer.Layer<WorkerRuntime.WorkerRuntime> =>
  layerFarAway(() => ({ oneWay }))
