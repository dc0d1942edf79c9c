/** The options of the command line. */
import { parseArgs } from "node:util"
import { type CaseName, caseNames, isCaseName } from "./case-names.ts"

export interface Options {
  readonly cases: ReadonlyArray<CaseName>
  readonly quick: boolean
  readonly repetitions: number
  /** Where the results are written as JSON. */
  readonly json: string
  readonly list: boolean
  readonly help: boolean
}

export const usage = `pnpm bench [options]

  --cases P1,P3      only these cases
  --repetitions 5    how often each contender is measured (1 with --quick)
  --quick            smaller sizes, in less than a minute: to see that everything runs, not for figures
  --json FILE        where the results go (packages/benchmarks/results.json)
  --list             the cases
  --help             this`

export const listing = Object.entries(caseNames)
  .map(([name, title]) => `${name.padEnd(16)}${title}`)
  .join("\n")

/** What is wrong with the command line; its message is for the user. */
export class WrongOption extends Error {}

const caseName = (name: string): CaseName => {
  if (isCaseName(name)) return name
  throw new WrongOption(`there is no case "${name}"; the cases are ${Object.keys(caseNames).join(", ")}`)
}

/** A whole number from 1; throws `WrongOption`. */
export const wholeNumber = (option: string, text: string): number => {
  const number = Number(text)
  if (Number.isInteger(number) && number >= 1) return number
  throw new WrongOption(`--${option} must be a whole number from 1, not "${text}"`)
}

const parse = (args: ReadonlyArray<string>) => {
  try {
    return parseArgs({
      args: [...args],
      options: {
        cases: { type: "string" },
        repetitions: { type: "string" },
        quick: { type: "boolean", default: false },
        json: { type: "string", default: "" },
        list: { type: "boolean", default: false },
        help: { type: "boolean", default: false }
      }
    }).values
  } catch (error) {
    throw new WrongOption((error as Error).message, { cause: error })
  }
}

/** Throws `WrongOption`. */
export const parseOptions = (args: ReadonlyArray<string>): Options => {
  // `pnpm bench -- --quick` hands the dashes on
  const values = parse(args[0] === "--" ? args.slice(1) : args)
  return {
    cases:
      values.cases === undefined ? Object.keys(caseNames).filter(isCaseName) : values.cases.split(",").map(caseName),
    quick: values.quick,
    repetitions:
      values.repetitions === undefined ? (values.quick ? 1 : 5) : wholeNumber("repetitions", values.repetitions),
    json: values.json,
    list: values.list,
    help: values.help
  }
}
