// A reference to an export is an address and no more.
//
// `Portable.Module` is a homomorphic mapped type, so that in an editor "go to definition" on `tasks.value` leads to
// the export in the task's module. test/extended/editor.test.ts asks a language server for the uses of one.
// @effect-diagnostics floatingEffect:off
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe, expect, test } from "tstyche"
import * as Portable from "../../src/Portable.ts"
import type * as Hooks from "./hooks.tasks.ts"
import type * as Made from "./made.tasks.ts"
import type * as Plain from "./plain.tasks.ts"
import type * as Services from "./services.tasks.ts"
import type * as Various from "./various.tasks.ts"

const plain = Portable.module<typeof Plain>(new URL("./plain.tasks.ts", import.meta.url))
const hooks = Portable.module<typeof Hooks>(new URL("./hooks.tasks.ts", import.meta.url))
const services = Portable.module<typeof Services>("./services.tasks.ts")
const made = Portable.module<typeof Made>("./made.tasks.ts")
const various = Portable.module<typeof Various>("./various.tasks.ts")

describe("references", () => {
  test("are typed by what is exported", () => {
    expect(plain.value).type.toBe<Portable.Portable<typeof Plain.value>>()
    expect(hooks.open).type.toBe<Portable.Portable<typeof Hooks.open>>()
    expect(services.dbLayer).type.toBe<Portable.Portable<typeof Services.dbLayer>>()
  })

  test("cannot be called", () => {
    // @ts-expect-error This expression is not callable
    plain.value(1)
    // @ts-expect-error This expression is not callable
    hooks.openValue()
    // @ts-expect-error This expression is not callable
    made.double(1)
  })

  test("cannot be yielded or run", () => {
    Effect.gen(function* () {
      // @ts-expect-error must have a '[Symbol.iterator]()' method that returns an iterator
      yield* hooks.open
    })
    // @ts-expect-error is not assignable to parameter of type 'Effect<
    Effect.runSync(hooks.open)
    // @ts-expect-error is not assignable to parameter of type 'Effect<
    Effect.map(hooks.open, (engine) => engine)
    // @ts-expect-error Property 'pipe' does not exist on type 'Portable<Effect<
    hooks.open.pipe(Effect.asVoid)
  })

  test("cannot be provided", () => {
    // @ts-expect-error Argument of type 'Portable<Layer<
    Effect.provide(Effect.void, services.dbLayer)
    // @ts-expect-error is not assignable to parameter of type 'Layer<
    Layer.build(services.dbLayer)
  })

  test("cannot be assigned to", () => {
    // @ts-expect-error Cannot assign to 'value' because it is a read-only property
    plain.value = plain.promise
  })
})

describe("exports", () => {
  test("that are functions, Effects or Layers are there", () => {
    expect<keyof typeof various>().type.toBe<"f" | "overloaded" | "effect" | "layer" | "empty" | "Key" | "default">()
  })

  test("that are anything else are not", () => {
    expect(various).type.not.toHaveProperty("constant")
    expect(various).type.not.toHaveProperty("object")
    expect(various).type.not.toHaveProperty("Class")
    expect(various).type.not.toHaveProperty("option")
    expect(various).type.not.toHaveProperty("stream")
    expect(various).type.not.toHaveProperty("Type")
    // @ts-expect-error Property 'constant' does not exist on type 'Module<
    Portable.isPortable(various.constant)
    // @ts-expect-error Property 'missing' does not exist on type 'Module<
    Portable.isPortable(various.missing)
  })
})

test("isPortable", () => {
  const u: unknown = plain.value
  if (Portable.isPortable(u)) {
    expect(u).type.toBe<Portable.Portable<unknown, Portable.Crossing>>()
  }
})
