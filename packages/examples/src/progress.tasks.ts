import { setTimeout } from "node:timers/promises"

export interface Film {
  readonly name: string
  readonly minutes: number
}

/** Encodes a film: computes for as long as that takes, 8 milliseconds for a minute of film. */
export const encode = ({ minutes, name }: Film): string => {
  const end = performance.now() + 8 * minutes
  while (performance.now() < end);
  return `${name}.mp4`
}

/** Fetches the subtitles of a film, and says so where there are none. */
export const fetchSubtitles = async ({ minutes, name }: Film): Promise<number> => {
  await setTimeout(40)
  if (minutes < 4) console.log(`${name} has no subtitles`)
  return minutes < 4 ? 0 : minutes * 20
}
