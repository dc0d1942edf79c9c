/** The process of a case: measures, and tells the process that started it as it goes. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import type { CaseName } from "./case-names.ts"
import type { Settings } from "./case.ts"
import { cases } from "./cases.ts"
import { interleave } from "./interleave.ts"
import type { Progress } from "./results.ts"

const { name, ...settings }: Settings & { readonly name: CaseName } = JSON.parse(process.argv[2]!)

// every thread's output ends in that of the process
for (const stream of [process.stdout, process.stderr]) stream.setMaxListeners(0)

// when what started it has been killed
process.on("disconnect", () => process.exit(1))

// what one contender leaves behind is not to be collected in the time of the next
setFlagsFromString("--expose-gc")
// collected that often, V8 would throw away the compiled code of whoever's turn it is not
setFlagsFromString("--no-flush-bytecode")
const collectGarbage: () => void = runInNewContext("gc")

const tell = (message: Progress | "ended"): void => {
  process.send!(message)
}

for (const full of cases[name].measurements(settings)) {
  const measurement = settings.quick ? { ...full, warmUps: Math.min(full.warmUps, 1) } : full
  await interleave(measurement, tell, { secondsEach: settings.quick ? 10 : 30, settle: collectGarbage })
}
// what a contender that has failed left behind may go on for ever
process.send!("ended", () => process.exit(0))
