/** What can arrive in the place of any part of a message, where a worker has become something else (F6). */

/** A list that crosses in a few bytes, and has four billion places with nothing in them. */
export const sparse = (): ReadonlyArray<unknown> => {
  const list: Array<unknown> = []
  list.length = 2 ** 32 - 1
  return list
}

const hostile: ReadonlyArray<readonly [what: string, make: () => unknown]> = [
  ["NaN", () => Number.NaN],
  ["Infinity", () => Number.POSITIVE_INFINITY],
  ["-Infinity", () => Number.NEGATIVE_INFINITY],
  ["-1", () => -1],
  ["0.5", () => 0.5],
  ["2 ** 53", () => 2 ** 53],
  ["-0", () => -0],
  ["2 ** 32", () => 2 ** 32],
  ["a text", () => "1"],
  ["null", () => null],
  ["undefined", () => undefined],
  ["{}", () => ({})],
  ["an endless list", sparse]
]

type Path = ReadonlyArray<string>

/** The ways to all parts of a value. */
const pathsTo = (value: unknown): ReadonlyArray<Path> => {
  if (typeof value !== "object" || value === null) return [[]]
  const within = Object.entries(value).flatMap(([key, part]) => pathsTo(part).map((path) => [key, ...path]))
  return [[], ...within]
}

const replaced = (value: any, [key, ...rest]: Path, part: unknown): unknown => {
  if (key === undefined) return part
  const copy: any = Array.isArray(value) ? [...value] : { ...value }
  copy[key] = replaced(value[key], rest, part)
  return copy
}

export interface Mutation {
  readonly what: string
  /** Puts it into a message like the one that it was made for. */
  readonly of: (message: object) => unknown
}

/** What puts something else in the place of each part of such a message, by turns. */
export const mutationsOf = (sample: object): ReadonlyArray<Mutation> =>
  pathsTo(sample)
    .filter((path) => path.length > 0)
    .flatMap((path) =>
      hostile.map(([what, make]) => ({
        what: `${what} as ${path.join(".")}`,
        of: (message) => replaced(message, path, make())
      }))
    )
