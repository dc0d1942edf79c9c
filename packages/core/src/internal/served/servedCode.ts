/**
 * The addresses that a remote worker has been told, and what it has found there. Does not import Effect.
 */
import * as loadFailure from "../task/loadFailure.ts"
import * as portable from "../task/portable.ts"
import * as resolver from "../task/resolver.ts"
import * as failure from "../wire/failure.ts"
import type * as protocol from "../wire/protocol.ts"

/** What has been found at an address, with its Schemas where `Portable.make` gave it any. */
export interface Loaded {
  readonly value: unknown
  readonly schemas: portable.Schemas | undefined
}

/** A value that is bound to what is loaded has arrived, and could not be read (F4). */
export class LostValue extends Error {
  /** Why it could not be. */
  readonly why: unknown

  constructor(why: unknown) {
    super("A bound value could not be read")
    this.why = why
  }
}

interface Definition {
  readonly address: protocol.Described
  loaded: Loaded | undefined
}

export class ServedCode {
  private readonly definitions = new Map<protocol.Reference, Definition>()
  /** What is waited for of modules that are elsewhere, by their URLs at the pool. */
  private readonly locations = new Map<string, PromiseWithResolvers<protocol.Located>>()

  define(reference: protocol.Reference, address: protocol.Described): void {
    this.definitions.set(reference, { address, loaded: undefined })
  }

  /** The pool has learned where a module is. */
  located(message: protocol.Located): void {
    this.locationOf(message.url).resolve(message)
  }

  forget(reference: protocol.Reference): void {
    this.definitions.delete(reference)
  }

  /** What the reference stands for, if that has been loaded already. */
  loaded(reference: protocol.Reference): Loaded | undefined {
    return this.definitions.get(reference)?.loaded
  }

  async load(reference: protocol.Reference): Promise<Loaded> {
    const definition = this.definitions.get(reference)
    if (definition === undefined) throw new Error(`No address was given for reference ${reference}`)
    definition.loaded ??= await this.find(definition.address)
    return definition.loaded
  }

  private locationOf(url: string): PromiseWithResolvers<protocol.Located> {
    const known = this.locations.get(url)
    if (known !== undefined) return known
    const location = Promise.withResolvers<protocol.Located>()
    this.locations.set(url, location)
    return location
  }

  private async find(address: protocol.Described): Promise<Loaded> {
    switch (address._tag) {
      case "Export": {
        const value = await resolver.whileLoading(address.url, () => resolver.resolveExport(address))
        return { value, schemas: portable.isPortable(value) ? portable.definition(value).schemas : undefined }
      }
      case "Elsewhere": {
        const located = await this.locationOf(address.url).promise
        if ("cause" in located) throw loadFailure.make(address.url, failure.decodeOrDescribe(located.cause))
        return this.find({ _tag: "Export", url: located.at, name: address.name })
      }
      case "RefusedInline":
        throw failure.decodeOrDescribe(address.cause)
      case "Inline":
        return { value: resolver.resolveInline(address), schemas: undefined }
      case "Bound": {
        const target = await this.load(address.target)
        const bound = address.isError ? failure.decode(address.value as failure.EncodedError) : address.value
        return { value: resolver.bindFirst(target.value, bound), schemas: target.schemas }
      }
      case "Refused":
        throw loadFailure.make(address.url, loadFailure.told(address.why))
      case "Lost":
        throw new LostValue(failure.decodeOrDescribe(address.cause))
    }
  }
}
