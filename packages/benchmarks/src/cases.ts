/** The cases, by name. */
import type { Case } from "./case.ts"
import type { CaseName } from "./case-names.ts"
import { initialization } from "./cases/initialization.ts"
import { numerical } from "./cases/numerical.ts"
import { p1 } from "./cases/p1.ts"
import { p2 } from "./cases/p2.ts"
import { p3 } from "./cases/p3.ts"
import { p4 } from "./cases/p4.ts"
import { p5 } from "./cases/p5.ts"
import { p6 } from "./cases/p6.ts"
import { p7 } from "./cases/p7.ts"
import { p8 } from "./cases/p8.ts"
import { p9 } from "./cases/p9.ts"
import { stateful } from "./cases/stateful.ts"

export const cases: { readonly [_ in CaseName]: Case } = {
  P1: p1,
  P2: p2,
  P3: p3,
  P4: p4,
  P5: p5,
  P6: p6,
  P7: p7,
  P8: p8,
  P9: p9,
  numerical,
  stateful,
  initialization
}
