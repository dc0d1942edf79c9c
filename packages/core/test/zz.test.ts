import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { play } from "./chaos.ts"
import { Ledger } from "./support.ts"
const push = Array.prototype.push
it.effect("x", () => Effect.gen(function*() {
  const o = (Ledger.prototype as any).write
  ;(Ledger.prototype as any).write = function(e: any, w: string) { console.log(e.id, e.generation, w); return o.call(this, e, w) }
  yield* play({
  "kind": "FiberPool",
  "size": 2,
  "tasksPerWorker": 1,
  "keepAlive": false,
  "minSize": 0,
  "lifespan": undefined,
  "hooksFail": false,
  "hooksTimeOut": false,
  "operations": [{
    "kind": "map",
    "input": "array",
    "at": 176,
    "interruptAfter": undefined,
    "length": 7,
    "chunkSize": undefined,
    "lifespan": 1,
    "fails": false,
    "size": 1,
    "keepAlive": false
  }],
  "seed": 875137
} as any, { lossy: true })
}), 4000)
void push
