import * as BrowserWorkerEntry from "@effect-mpire/browser-runtime/BrowserWorkerEntry"

export const modules = BrowserWorkerEntry.serve({
  mandelbrot: () => import("./mandelbrot.tasks.ts")
})
