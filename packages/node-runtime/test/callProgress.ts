/** Calls as displays are shown them. */
import type { Progress } from "@effect-mpire/core"

/** A call of two items, of which one has ended after a second. */
export const call = (label: string, state: Progress.CallProgress["state"] = "running"): Progress.CallProgress => ({
  id: 0,
  pool: undefined,
  label,
  unit: "items",
  state,
  items: 1,
  failed: 0,
  length: 2,
  done: 1,
  total: 2,
  elapsed: 1000,
  rate: 1,
  remaining: 1000
})
