import { assert, describe, it } from "@effect/vitest"
import { once } from "node:events"
import { closeSync, openSync } from "node:fs"
import { Worker } from "node:worker_threads"
import { resources, surplus } from "../src/resources.ts"

describe("what a process holds", () => {
  it("tells threads, files and listeners that were not there before", async () => {
    const before = resources()
    assert.deepStrictEqual(surplus(before, before), [])
    const file = openSync(import.meta.filename, "r")
    const listener = () => {}
    process.on("SIGUSR2", listener)
    const worker = new Worker("setInterval(() => {}, 1000)", { eval: true })
    await once(worker, "online")
    const found = surplus(before, resources()).join("\n")
    for (const what of ["threads", "files", "listeners"]) assert.include(found, what)
    // timers of others come and go here
    const more = { ...before, active: { ...before.active, Timeout: 1000 } }
    assert.include(surplus(before, more).join("\n"), "1000 active Timeout")
    await worker.terminate()
    process.off("SIGUSR2", listener)
    closeSync(file)
  })
})
