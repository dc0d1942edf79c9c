/**
 * Checks that tests notice when the code that keeps a rule is changed: each mutation of mutations.ts must make a test fail
 * whose name cites the rule, and without it all of them must pass. Files are changed while they are loaded, not on disk.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { startVitest } from "vitest/node"
import { findMentions, rulesOf } from "./check-rules.ts"
import { type Mutation, mutations } from "./mutations.ts"

/** The outcome of a test that cites a rule. */
export interface Outcome {
  readonly rules: ReadonlyArray<string>
  /** Relative to `packages`. */
  readonly file: string
  readonly state: string
}

export interface Run {
  readonly outcomes: ReadonlyArray<Outcome>
  /** What kept tests from running. */
  readonly errors: ReadonlyArray<string>
}

/** How far from a comment that cites its rule a mutation may be, in lines. */
const near = 3

/** What is wrong with the place of a mutation in the source, if anything. */
export const misplaced = ({ file, find, rule }: Mutation, source: string): string | undefined => {
  const parts = source.split(find)
  if (parts.length !== 2) return `${rule}: "${find}" occurs ${parts.length - 1} times in ${file}, not once`
  const first = parts[0]!.split("\n").length
  const last = first + find.split("\n").length - 1
  const isNear = findMentions(source).some(
    (mention) => mention.rule === rule && mention.line >= first - near && mention.line <= last + near
  )
  return isNear ? undefined : `${rule}: no comment within ${near} lines of "${find}" in ${file} cites it`
}

const concerns = ({ rule, tests }: Mutation, { file, rules }: Outcome): boolean =>
  rules.includes(rule) && tests.includes(file)

/** What is wrong with the tests of mutations that pass or fail without any of them. */
export const unfit = (mutations: ReadonlyArray<Mutation>, { errors, outcomes }: Run): ReadonlyArray<string> => [
  ...errors,
  ...mutations.flatMap((mutation) => {
    const { rule, tests } = mutation
    const cited = outcomes.filter((outcome) => concerns(mutation, outcome) && outcome.state !== "skipped")
    return [
      ...tests.flatMap((test) =>
        cited.some(({ file }) => file === test) ? [] : [`${rule}: no test in ${test} cites it`]
      ),
      ...(cited.every(({ state }) => state === "passed") ? [] : [`${rule}: a test fails without its mutation`])
    ]
  })
]

/** Why a mutation went unnoticed, if it did. */
export const survived = (mutation: Mutation, { errors, outcomes }: Run): ReadonlyArray<string> => {
  const { file, find, replace, rule } = mutation
  if (errors.length > 0) return errors.map((error) => `${rule}: ${error}`)
  return outcomes.some((outcome) => outcome.state === "failed" && concerns(mutation, outcome))
    ? []
    : [`${rule}: no test that cites it fails when "${find}" in ${file} is changed into "${replace}"`]
}

/** Runs the tests of mutations, with one of them in place if it is given. */
const run = async (packages: string, mutations: ReadonlyArray<Mutation>, applied?: Mutation): Promise<Run> => {
  let isApplied = applied === undefined
  const vitest = await startVitest(
    mutations.flatMap(({ tests }) => tests.map((test) => path.join(packages, test))),
    {
      root: packages,
      config: false,
      watch: false,
      reporters: [{}],
      // another mutation may have been in place when a file was loaded last
      fsModuleCache: false,
      include: ["*/test/**/*.test.ts"],
      testNamePattern: `\\b(?:${mutations.map(({ rule }) => rule).join("|")})\\b`,
      // the first failure says enough
      bail: applied === undefined ? 0 : 1
    },
    {
      plugins: [
        {
          name: "mutation",
          enforce: "pre",
          transform: (code, id) => {
            if (applied === undefined || id.split("?")[0] !== path.join(packages, applied.file)) return undefined
            isApplied = true
            return code.replace(applied.find, () => applied.replace)
          }
        }
      ]
    }
  )
  const modules = vitest.state.getTestModules()
  const errors = [
    ...modules.flatMap((module) => module.errors().map(({ message }) => `${module.moduleId}: ${message}`)),
    ...(isApplied ? [] : [`no test has loaded ${applied?.file}`])
  ]
  const outcomes = modules.flatMap((module) =>
    [...module.children.allTests()].map((test) => ({
      rules: rulesOf(test.name),
      file: path.relative(packages, module.moduleId).replaceAll("\\", "/"),
      state: test.result().state
    }))
  )
  await vitest.close()
  return { outcomes, errors }
}

/** What is wrong with the mutations, in sentences. */
export const check = async (packages: string, mutations: ReadonlyArray<Mutation>): Promise<ReadonlyArray<string>> => {
  const problems = mutations.flatMap((mutation) => {
    const file = path.join(packages, mutation.file)
    return misplaced(mutation, fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "") ?? []
  })
  problems.push(...unfit(mutations, await run(packages, mutations)))
  if (problems.length > 0) return problems
  for (const mutation of mutations) problems.push(...survived(mutation, await run(packages, [mutation], mutation)))
  return problems
}

if (import.meta.main) {
  const problems = await check(path.join(import.meta.dirname, "../packages"), mutations)
  for (const problem of problems) console.error(problem)
  console.log(`${mutations.length} mutations, ${problems.length} problems`)
  process.exitCode = problems.length === 0 ? 0 : 1
}
