/**
 * Finds the name that somebody may have meant.
 */

/** How many letters may differ. */
const most = 3

/** The name that differs least from `name`, whatever the case; `undefined` when none is like it. */
export const nearest = (name: string, names: ReadonlyArray<string>): string | undefined => {
  let found: string | undefined
  let least = Math.min(most, name.length / 2)
  for (const other of names) {
    const distance = distanceOf(name.toLowerCase(), other.toLowerCase())
    if (distance > least || (found !== undefined && distance === least)) continue
    least = distance
    found = other
  }
  return found
}

/** The edit distance of Levenshtein (1965): how many letters to insert, delete or replace. A row of its table at a time. */
const distanceOf = (one: string, other: string): number => {
  let row = Array.from({ length: other.length + 1 }, (_, n) => n)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1]
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (isSame ? 0 : 1)))
    }
    row = next
  }
  return row[other.length]!
}
