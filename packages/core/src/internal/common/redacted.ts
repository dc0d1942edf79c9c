/**
 * What is shown instead of something that says what may be seen of it, by Effect's protocol for that: in logs, traces and
 * wherever items are printed (O1, O3).
 */
import * as Redactable from "effect/Redactable"
import * as Redacted from "effect/Redacted"

/** How often what is shown may say itself what may be seen of it. */
const most = 16

/** What stands for what cannot be told without showing too much. */
const hidden = "<redacted>"

/** What is shown of something: it, unless it says what may be seen of it. A Proxy may throw when it is looked at: then this does. */
export const redacted = (value: unknown): unknown => {
  let shown = value
  for (let n = 0; n < most; n++) {
    if (!Redactable.isRedactable(shown)) return shown
    const redactable = shown
    try {
      // in the context of the fiber that runs
      shown = Redactable.getRedacted(redactable)
    } catch {
      return hidden
    }
    if (shown === redactable) return shown
  }
  return hidden
}

/** What is shown of a `Redacted`; `undefined` for anything else. */
export const redactedText = (object: object): string | undefined => {
  if (!Redacted.isRedacted(object)) return undefined
  try {
    return (object as { readonly toString: () => string }).toString()
  } catch {
    return hidden
  }
}
