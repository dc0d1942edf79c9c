/**
 * The cases of the conformance suite in Chromium, and those that are about Web Workers alone.
 */
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { promisify } from "node:util"
import { env, root } from "../tarballs.ts"
import { buildPage } from "./buildPage.ts"

export interface Outcome {
  /** The case's rule and name. */
  readonly name: string
  readonly failure?: string
}

/** What is installed for it. */
export const tools = { "@sparticuz/chromium": "153.0.0", "playwright-core": "1.65.1" }

/** Whether the page is cross-origin isolated. */
export type Kind = "isolated" | "not isolated"

/** Where the page is built, in a project. */
const folders = { sources: "chromium", page: "chromium-page" }

/** Builds the page in a project in which the packages and `tools` are installed. */
export const prepare = async (project: string): Promise<void> => {
  const fixtures = path.join(root, "scripts/fixtures")
  const sources = path.join(project, folders.sources)
  fs.cpSync(path.join(fixtures, "runtimes/chromium"), sources, { recursive: true })
  fs.copyFileSync(path.join(fixtures, "chromium.mjs"), path.join(sources, "chromium.mjs"))
  await buildPage(sources, path.join(project, folders.page))
}

const run = async (project: string, kind: Kind, which: "suite" | "own"): Promise<ReadonlyArray<Outcome>> => {
  const report = path.join(project, folders.sources, "report.json")
  // most cases of the suite wait most of the time; the others change what the page offers
  const atOnce = which === "suite" ? "6" : "1"
  const args = ["open.mjs", path.join(project, folders.page), kind, which, atOnce, report]
  await promisify(execFile)(process.execPath, args, { cwd: path.join(project, folders.sources), env, timeout: 600_000 })
  return JSON.parse(fs.readFileSync(report, "utf8")).outcomes
}

/** Runs the suite; fails where what is about Web Workers alone does not hold. */
export const runIn = async (project: string, kind: Kind): Promise<ReadonlyArray<Outcome>> => {
  const failed = (await run(project, kind, "own")).filter(({ failure }) => failure !== undefined)
  if (failed.length > 0) throw new Error(failed.map(({ failure, name }) => `${name}: ${failure}`).join("\n"))
  return run(project, kind, "suite")
}
