import * as Effect from "effect/Effect"

/** A page that takes a while: an Effect is interrupted when its time is up, and its finalizers run. */
export const fetchPage = (page: { readonly url: string; readonly millis: number }) =>
  Effect.as(Effect.sleep(page.millis), `<h1>${page.url}</h1>`)
