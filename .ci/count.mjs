// Prints "N passed, N failed" and, where there are any, ", N skipped", from vitest's JSON reports, each followed by its exit
// code. What fails outside of tests counts as one each: a file that does not load, an error that nothing caught, a missing
// report.
import { readFileSync } from "node:fs"

const read = (file) => {
  try {
    return JSON.parse(readFileSync(file, "utf8"))
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, success: false, testResults: [] }
  }
}

let passed = 0
let failed = 0
let skipped = 0
for (let argument = 2; argument < process.argv.length; argument += 2) {
  const report = read(process.argv[argument])
  const exitCode = Number(process.argv[argument + 1])
  const broken = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed")
  ).length
  const counted = report.numFailedTests + broken
  passed += report.numPassedTests
  failed += counted === 0 && (exitCode !== 0 || !report.success || report.numPassedTests === 0) ? 1 : counted
  skipped += (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0)
}

console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`)
process.exitCode = failed === 0 ? 0 : 1
