/**
 * Loads the modules of tasks for workers in this process. What has been loaded is there at once: to wait for an import takes
 * real time, which a program under TestClock does not see pass.
 */
import * as Effect from "effect/Effect"
import type * as portable from "../task/portable.ts"
import * as registry from "../task/registry.ts"
import * as resolver from "../task/resolver.ts"

export class LocalModules {
  private readonly importModule: resolver.Importer
  private readonly loaded = new Map<string, resolver.Exports>()

  constructor(importModule: resolver.Importer = resolver.importModule) {
    this.importModule = importModule
  }

  /** What `Portable.make` registered, or the export of a module; a Promise of it where the module has to be loaded. */
  find(address: portable.Export): unknown {
    const registered = registry.lookup(address.url, address.name)
    if (registered !== undefined) return registered
    const module = this.loaded.get(address.url)
    if (module !== undefined) return resolver.exportOf(address, module)
    return this.load(address.url).then((module) => resolver.exportOf(address, module))
  }

  /** Loads modules, as far as that is possible: why one could not be is for the calls that need it to tell. */
  loadAll(urls: ReadonlyArray<string>): Effect.Effect<void> {
    return Effect.forEach(urls, (url) => Effect.ignore(Effect.tryPromise(() => this.load(url))), {
      concurrency: "unbounded",
      discard: true
    })
  }

  private load(url: string): Promise<resolver.Exports> {
    return resolver.loadModule(url, this.importModule).then((module) => {
      this.loaded.set(url, module)
      return module
    })
  }
}
