/**
 * Measures the contenders of a measurement by turns, so that whatever else the machine does meets all of them: in each
 * repetition every contender once, each repetition beginning with another one.
 */
import type { Contender, Measurement, Sampler } from "./case.ts"
import type { Progress } from "./results.ts"

/**
 * Waits no longer than `seconds` seconds, and not after an error that nothing caught, which is how some pools tell that a
 * worker has died. What does not end goes on, and may disturb the others.
 */
const within = async <A>(seconds: number, what: string, promise: Promise<A>): Promise<A> => {
  let timer: NodeJS.Timeout | undefined
  let onUncaught: ((error: unknown) => void) | undefined
  const given = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${seconds} s`)), seconds * 1000)
    onUncaught = (error) => reject(error)
    process.on("uncaughtException", onUncaught)
  })
  try {
    return await Promise.race([promise, given])
  } finally {
    clearTimeout(timer)
    process.off("uncaughtException", onUncaught!)
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

interface Options {
  /** How long opening, a repetition and closing may take. */
  readonly secondsEach?: number | undefined
  /** Called before each repetition of a contender. */
  readonly settle?: (() => void) | undefined
}

export const interleave = async (
  measurement: Measurement,
  tell: (progress: Progress) => void,
  { secondsEach = 30, settle = () => {} }: Options = {}
): Promise<void> => {
  const samplers = new Map<Contender, Sampler>()

  const attempt = async <A>(contender: Contender, what: string, body: () => Promise<A>): Promise<A | undefined> => {
    tell({ _tag: "Began", measurement: measurement.id, contender: contender.name })
    try {
      return await within(secondsEach, what, body())
    } catch (error) {
      samplers.delete(contender)
      tell({ _tag: "Failed", measurement: measurement.id, contender: contender.name, message: messageOf(error) })
      return undefined
    }
  }

  for (const contender of measurement.contenders) {
    const sampler = await attempt(contender, "opening", contender.open)
    if (sampler !== undefined) samplers.set(contender, sampler)
  }

  const { contenders, repetitions, warmUps } = measurement
  for (let round = -warmUps; round < repetitions; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(round + warmUps + turn) % contenders.length]!
      const sampler = samplers.get(contender)
      if (sampler === undefined) continue
      settle()
      const sample = await attempt(contender, "a repetition", sampler.sample)
      if (sample === undefined || round < 0) continue
      tell({
        _tag: "Sampled",
        measurement: measurement.id,
        contender: contender.name,
        repetition: round,
        sample
      })
    }
  }

  for (const [contender, sampler] of [...samplers]) await attempt(contender, "closing", sampler.close)
}
