/**
 * A remote worker's own side: takes the pool's messages, loads tasks and hands chunks to the item loop. Free of Effect,
 * which it loads when there is an Effect to run.
 */
import type { Channel, Transferable } from "../../Channel.ts"
import { Cell, phases } from "../wire/control.ts"
import { EffectLoader } from "./effectLoader.ts"
import * as failure from "../wire/failure.ts"
import { ItemLoop, type LoadedTask } from "./itemLoop.ts"
import type * as protocol from "../wire/protocol.ts"
import * as resolver from "../task/resolver.ts"
import { type Loaded, ServedCode } from "./servedCode.ts"
import { ServedHooks } from "./servedHooks.ts"

export class ServedWorker {
  private readonly channel: Channel
  private readonly check: (value: unknown) => void
  private readonly code = new ServedCode()
  private readonly effects = new EffectLoader()
  private readonly hooks: ServedHooks
  private loop: ItemLoop | undefined = undefined
  /** Chunks whose task is being loaded, and those of them that are not wanted any more. */
  private readonly loading = new Set<number>()
  private readonly interruptedLoading = new Set<number>()

  constructor(channel: Channel) {
    this.channel = channel
    this.check = channel.check ?? structuredClone
    this.hooks = new ServedHooks({
      channel,
      code: this.code,
      effects: this.effects,
      send: (message) => this.send(message),
      encode: (cause) => this.encode(cause)
    })
  }

  serve(): void {
    this.channel.receive((message) => this.handle(message as protocol.ToWorker))
    this.send({ _tag: "Ready" })
  }

  /** Tells the pool which error is about to end the worker. */
  uncaught(error: unknown): void {
    this.send({ _tag: "Uncaught", cause: this.encode(error) })
  }

  private send(message: protocol.FromWorker, transfers?: Array<Transferable>): void {
    this.channel.send(message, transfers)
  }

  private handle(message: protocol.ToWorker): void {
    switch (message._tag) {
      case "Start":
        return this.start(message.id, message.generation, message.tasksPerWorker)
      case "Define":
        return this.code.define(message.reference, message.address)
      case "Forget":
        return this.code.forget(message.reference)
      case "Init":
        return this.hooks.init(message.services, message.hook, message.timeout)
      case "InterruptInit":
        return this.hooks.interruptInit()
      case "Run":
        return this.run(message)
      case "Interrupt":
        if (this.loading.has(message.chunk)) this.interruptedLoading.add(message.chunk)
        return this.loop?.interrupt(message.chunk)
      case "Exit":
        return this.hooks.exit(message.hook, message.timeout)
      case "Close":
        return this.hooks.close()
      case "Stop":
        return this.channel.close()
    }
  }

  private start(id: number, generation: number, tasksPerWorker: number): void {
    this.hooks.id = id
    this.hooks.generation = generation
    this.loop = new ItemLoop(
      {
        id,
        generation,
        state: () => this.hooks.state,
        send: (message, transfers) => this.send(message, transfers),
        check: this.check,
        flushed: this.channel.flushed,
        stayAwake: this.channel.stayAwake,
        runEffect: (effect, done, begun) =>
          this.effects.run((runner) => {
            begun()
            return runner.runItem(effect, done)
          }, done)
      },
      tasksPerWorker
    )
  }

  // ---------------------------------------------------------------------------
  // Chunks
  // ---------------------------------------------------------------------------

  private run(run: protocol.Run): void {
    const loaded = this.code.loaded(run.task)
    const cell = new Cell(run.cell < 0 ? undefined : this.channel.control, run.cell, run.chunk)
    cell.take()
    // what has been loaded already starts at once
    if (loaded?.schemas === undefined && typeof loaded?.value === "function" && run.slices !== true) {
      cell.enter(phases.loaded)
      return this.loop!.add(run, { call: loaded.value as LoadedTask["call"], codecs: undefined }, cell)
    }
    cell.enter(phases.loading)
    this.loading.add(run.chunk)
    this.code
      .load(run.task)
      .then((loaded) => this.prepare(loaded, run))
      .then(
        (task) => {
          this.loading.delete(run.chunk)
          cell.enter(phases.loaded)
          const isWanted = !this.interruptedLoading.delete(run.chunk)
          this.loop!.add(isWanted ? run : { ...run, items: [], errors: [] }, task, cell)
        },
        (cause) => {
          this.loading.delete(run.chunk)
          this.interruptedLoading.delete(run.chunk)
          this.send({ _tag: "NotLoaded", chunk: run.chunk, cause: this.encode(cause) })
        }
      )
  }

  private async prepare({ schemas, value }: Loaded, { encoded, slices }: protocol.Run): Promise<LoadedTask> {
    if (typeof value !== "function") throw new Error("The task's export is no function")
    const call = value as LoadedTask["call"]
    const needed = slices === true ? schemas?.error : schemas
    if (needed !== undefined && !encoded) throw resolver.schemasOnOneSide()
    const codecs = needed === undefined ? undefined : (await import("../wire/codec.ts")).fromSchemas(schemas!)
    if (slices !== true) return { call, codecs }
    const sliced = await import("../wire/slices.ts")
    return { call, codecs: { ...sliced.codecs, error: codecs?.error } }
  }

  /** Encoded, with what cannot cross replaced by what can be said of it. */
  private encode(cause: unknown): failure.EncodedValue {
    const encoded = failure.encode(cause)
    try {
      this.check(encoded)
      return encoded
    } catch (why) {
      return failure.encodeUncloneable(cause, why)
    }
  }
}
