import * as Context from "effect/Context"
import * as References from "effect/References"

/** The context with a worker's id among the annotations of its logs, unless there is another one of that name (O3). */
export const withWorker = (context: Context.Context<never>, worker: number): Context.Context<never> =>
  Context.add(context, References.CurrentLogAnnotations, {
    worker,
    ...Context.get(context, References.CurrentLogAnnotations)
  })
