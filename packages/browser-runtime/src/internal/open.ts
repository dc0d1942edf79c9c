/**
 * Opens channels to new Web Workers.
 */
import type { Connection } from "@effect-mpire/core/Channel"
import * as WorkerPoolError from "@effect-mpire/core/WorkerPoolError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Life } from "./life.ts"
import { closing, ending, holding, isGreeting, marker, type Settings } from "./settings.ts"
import { sharedControl } from "./sharedControl.ts"

/** Whether workers can share memory with this page. */
export const isIsolated = (): boolean =>
  typeof globalThis.SharedArrayBuffer === "function" && globalThis.crossOriginIsolated

/** Starts a worker, which the Scope ends. Fails with what starting it throws. */
export const open = (spawn: () => Worker, controls: number): Effect.Effect<Connection, unknown, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.mapError(
      Effect.try(() => connect(spawned(spawn), controls)),
      ({ cause }) => cause
    ),
    ({ life }) => life.wait
  ).pipe(Effect.map(({ connection }) => connection))

let locks = 0

/** A name that no other page has, of however many in this browser; `undefined` where there are no locks. */
const lockName = (): string | undefined =>
  navigator.locks === undefined
    ? undefined
    : `effect-mpire ${performance.timeOrigin} ${crypto.getRandomValues(new Uint32Array(2)).join(" ")} ${locks++}`

/** The worker that a program's function starts; throws where it is none. */
const spawned = (spawn: () => Worker): Worker => {
  const expected = "a function that returns a new Worker"
  const invalid = (value: unknown) =>
    WorkerPoolError.make(new WorkerPoolError.InvalidOptions({ option: "spawn", value, expected }))
  // programs in JavaScript can leave it out, or forget to return
  if (typeof spawn !== "function") throw invalid(spawn)
  const worker = spawn() as Worker | undefined
  if (typeof worker?.terminate !== "function") throw invalid(worker)
  return worker
}

const connect = (worker: Worker, controls: number): { readonly connection: Connection; readonly life: Life } => {
  const shared = isIsolated()
    ? new Int32Array(new SharedArrayBuffer(controls * Int32Array.BYTES_PER_ELEMENT))
    : undefined
  const { port1: port, port2 } = new MessageChannel()
  const lock = lockName()
  const life = new Life(worker, lock)
  let hasGreeted = false
  worker.addEventListener("message", ({ data }) => {
    if (hasGreeted || !isGreeting(data)) return
    hasGreeted = true
    const settings: Settings = { [marker]: "settings", port: port2, control: shared, lock }
    worker.postMessage(settings, [port2])
  })
  worker.addEventListener("error", (event) => {
    event.preventDefault()
    life.ends(reasonOf(event, hasGreeted))
  })
  // newer browsers close a port when the other end's thread has gone
  port.addEventListener("close", () => life.ends())
  life.onEnd(() => port.close())
  const connection: Connection = {
    send: (message, transfers) => port.postMessage(message, (transfers as Array<Transferable> | undefined) ?? []),
    receive: (handler, unreadable) => {
      port.addEventListener("messageerror", unreadable)
      port.addEventListener("message", ({ data }) => {
        if (data === holding) life.held()
        else if (data === ending) life.ends()
        else if (data === closing) life.ends(new Error("It has closed itself"))
        else handler(data)
      })
      port.start()
    },
    closed: (handler) => life.onEnd(handler),
    kill: life.kill,
    // a page has no end that an idle worker could put off
    setBusy: () => {},
    control: shared && sharedControl(shared),
    shares: shared !== undefined
  }
  return { connection, life }
}

/** What an event tells of an error: nothing at all when the worker's file could not be loaded. */
const reasonOf = ({ filename, lineno, message }: Partial<ErrorEvent>, hasGreeted: boolean): Error => {
  if (message !== undefined) return new Error(`${message} (${filename}:${lineno})`)
  return new Error(
    hasGreeted
      ? "The browser has ended it, and does not say why"
      : "The worker's file could not be loaded, and the browser's console says why: where a bundler built the page, `spawn` " +
          "has to name what it made of the worker file"
  )
}
