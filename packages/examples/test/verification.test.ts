import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Buffer } from "node:buffer"
import * as zlib from "node:zlib"
import * as Verification from "../src/verification.ts"

const compressed = (text: string) => ({ bytesIn: text.length, output: new Uint8Array(zlib.brotliCompressSync(text)) })

const message = (verification: Effect.Effect<void, Verification.VerificationFailed>) =>
  Effect.match(verification, { onFailure: (error) => error.message, onSuccess: () => "verified" })

describe("verification", () => {
  it.effect("of outputs", () =>
    Effect.gen(function* () {
      const input = Buffer.from("one")
      const verify = (serial: Parameters<typeof Verification.output>[2], pooled: typeof serial) =>
        message(Verification.output("one.ts", input, serial, pooled))
      const broken = { bytesIn: 3, output: new Uint8Array([255, 255]) }
      assert.strictEqual(yield* verify(compressed("one"), compressed("one")), "verified")
      assert.strictEqual(yield* verify(compressed("one"), undefined), "one.ts: there is no output")
      assert.match(yield* verify(compressed("one"), compressed("two")), /not the serial pass's/)
      assert.match(yield* verify(compressed("two"), compressed("two")), /does not decompress to the file/)
      assert.match(yield* verify(broken, broken), /does not decompress: /)
    })
  )

  it.effect("of reports", () =>
    Effect.gen(function* () {
      const rounds = [
        { files: 2, bytesIn: 20 },
        { files: 2, bytesIn: 20 }
      ]
      const one = { id: 0, generation: 1, files: 3, bytes: 30 }
      const two = { id: 1, generation: 1, files: 1, bytes: 10 }
      const verify = (workers: number, reports: Parameters<typeof Verification.reports>[2]) =>
        message(Verification.reports(workers, rounds, reports))
      assert.strictEqual(yield* verify(2, [one, two]), "verified")
      assert.notStrictEqual(yield* verify(1, [one, two]), "verified")
      assert.notStrictEqual(yield* verify(2, [one]), "verified")
      assert.notStrictEqual(yield* verify(2, [one, one]), "verified")
      assert.notStrictEqual(yield* verify(2, [one, { ...two, files: 2 }]), "verified")
      assert.notStrictEqual(yield* verify(2, [one, { ...two, bytes: 11 }]), "verified")
    })
  )
})
