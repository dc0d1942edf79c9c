/**
 * Refuses tasks that stand in a script of the page, which every worker would run from its first line (F3).
 */
export const refuseMainModule = (url: string): string | undefined => {
  const scripts = globalThis.document?.scripts ?? []
  if (![...scripts].some(({ src }) => src === url)) return undefined
  return (
    "It is a script of the page, so that every worker would start the page's program again. Put tasks in a file of their " +
    "own, and name that in a worker file"
  )
}
