import * as Context from "effect/Context"
import * as References from "effect/References"
import { safely } from "./usersSpan.ts"

/**
 * The context with a worker's id among the annotations of its logs, unless there is another one of that name (O3). Annotations
 * that throw when they are read are as if they were not there (F8).
 */
export const withWorker = (context: Context.Context<never>, worker: number): Context.Context<never> => {
  const annotations = safely(() => ({ worker, ...Context.get(context, References.CurrentLogAnnotations) }))
  return Context.add(context, References.CurrentLogAnnotations, annotations ?? { worker })
}
