import type { StartOptions, WorkerRuntime } from "../WorkerRuntime.ts"
export const runtime = (_options: any): WorkerRuntime["Service"] => ({ name: "x", start: (_: StartOptions) => { throw new Error("todo") } })
