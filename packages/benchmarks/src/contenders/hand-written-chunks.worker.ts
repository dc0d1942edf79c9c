/** Squares chunks of numbers. */
import { parentPort } from "node:worker_threads"
import { square } from "../tasks/plain.tasks.ts"

parentPort!.on("message", ({ chunk, from }: { readonly from: number; readonly chunk: ReadonlyArray<number> }) => {
  const squares = new Array<number>(chunk.length)
  for (let i = 0; i < chunk.length; i++) squares[i] = square(chunk[i]!)
  parentPort!.postMessage({ from, squares })
})
