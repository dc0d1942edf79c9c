/**
 * A worker's end of a channel, in a Web Worker.
 */
import { serve } from "@effect-mpire/core/WorkerEntry"
import { closing, ending, greeting, holding, isSettings, type Settings } from "./settings.ts"
import { sharedControl } from "./sharedControl.ts"

/** What is used here of a `DedicatedWorkerGlobalScope`, whose type is not known beside those of a page. */
interface WorkerScope {
  close: () => void
  readonly navigator: Navigator
  readonly postMessage: (message: unknown) => void
  readonly addEventListener: <Type extends keyof Events>(type: Type, listener: (event: Events[Type]) => void) => void
  readonly removeEventListener: WorkerScope["addEventListener"]
}

interface Events {
  readonly message: MessageEvent
  readonly error: ErrorEvent
  readonly unhandledrejection: PromiseRejectionEvent
}

/** The scope of this thread if it is a worker, and no page. */
export const workerScope = (): WorkerScope | undefined => {
  const { DedicatedWorkerGlobalScope: Scope } = globalThis as { readonly DedicatedWorkerGlobalScope?: unknown }
  const scope: unknown = globalThis
  return typeof Scope === "function" && scope instanceof Scope ? (scope as WorkerScope) : undefined
}

/** Tells the page that this worker can be told its settings, and serves the pool once it is. */
export const serveWorker = (scope: WorkerScope): void => {
  const onMessage = (event: MessageEvent): void => {
    if (!isSettings(event.data)) return
    scope.removeEventListener("message", onMessage)
    // no task has been loaded yet that could have seen it: the port is out of the reach of tasks (F6)
    event.stopImmediatePropagation()
    serveSettings(scope, event.data)
  }
  scope.addEventListener("message", onMessage)
  scope.postMessage(greeting)
}

const serveSettings = (scope: WorkerScope, { control, lock, port }: Settings): void => {
  // tasks can replace these methods
  const post = port.postMessage.bind(port)
  const close = scope.close.bind(scope)
  const end = (why: string): void => {
    post(why)
    close()
  }
  // a browser says to nobody that a worker has closed itself
  scope.close = () => end(closing)
  if (lock !== undefined) {
    const held = scope.navigator.locks.request(lock, () => {
      post(holding)
      // held until the browser has ended the worker, however that comes about
      return new Promise<never>(() => {})
    })
    // a sandboxed frame, or a user who blocks all of a site's data, has locks and may not use them: as if there were none
    held.catch(() => {})
  }
  const { uncaught } = serve({
    send: (message, transfers) => post(message, (transfers as Array<Transferable> | undefined) ?? []),
    receive: (handler, unreadable) => {
      port.addEventListener("messageerror", unreadable)
      port.addEventListener("message", ({ data }) => handler(data))
      port.start()
    },
    close: () => end(ending),
    control: control && sharedControl(control)
  })
  // a browser lets a worker go on after an error that nothing catches, with whatever that has left half done (F1)
  const endBy = (event: Event, error: unknown): void => {
    // the pool tells of it, and not the page
    event.preventDefault()
    uncaught(error)
    end(ending)
  }
  scope.addEventListener("error", (event) => endBy(event, event.error ?? new Error(event.message)))
  scope.addEventListener("unhandledrejection", (event) => endBy(event, event.reason))
}
