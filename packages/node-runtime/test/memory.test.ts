import { describe, it } from "@effect/vitest"
import { memoryCases } from "./memoryCases.ts"

describe("accidents", () => {
  for (const { effect, name, rule } of memoryCases) it.live(`${rule} ${name}`, () => effect)
})
