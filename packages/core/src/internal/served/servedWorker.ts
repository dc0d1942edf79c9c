/**
 * A remote worker's own side: takes the pool's messages, loads tasks and hands chunks to the item loop. Does not import
 * Effect, which is loaded only when there is an Effect to run.
 */
import type { Channel, Control } from "../../Channel.ts"
import * as resolver from "../task/resolver.ts"
import { type Cell, cellOf, phases, Turns } from "../wire/control.ts"
import * as failure from "../wire/failure.ts"
import { Inbox } from "../wire/inbox.ts"
import { unpack } from "../wire/packing.ts"
import type * as protocol from "../wire/protocol.ts"
import { ToldNumbers } from "../wire/toldNumbers.ts"
import { EffectLoader } from "./effectLoader.ts"
import { ItemLoop, type LoadedTask, type ServedRun } from "./itemLoop.ts"
import { Loads } from "./loads.ts"
import { Observer } from "./observer.ts"
import { Parts } from "./parts.ts"
import { Sender } from "./sender.ts"
import { type Loaded, LostValue, ServedCode } from "./servedCode.ts"
import { type Self, ServedHooks } from "./servedHooks.ts"

export class ServedWorker {
  private readonly channel: Channel
  /** The numbers that both ends know: shared, or told by messages. */
  private readonly control: Control
  private readonly sender: Sender
  private readonly inbox: Inbox<protocol.ToWorker>
  private readonly parts = new Parts()
  private readonly code = new ServedCode()
  private readonly observer: Observer
  private readonly effects: EffectLoader
  private readonly self: Self = { id: 0, generation: 0, state: undefined }
  private readonly hooks: ServedHooks
  private readonly loop: ItemLoop
  private readonly loads: Loads
  private readonly stopTelling: () => void

  constructor(channel: Channel) {
    this.channel = channel
    this.control =
      channel.control ?? new ToldNumbers((from, values) => this.sender.sendPlain({ _tag: "Numbers", from, values }))
    this.sender = new Sender(channel, this.control)
    this.loads = new Loads(new Turns(this.control))
    this.observer = new Observer(this.sender, channel)
    this.effects = new EffectLoader(this.self, this.observer)
    this.inbox = new Inbox(
      (message) => this.handle(message),
      (number, cause) => {
        this.parts.unreadable(cause)
        this.sender.sendPlain({ _tag: "Unreadable", number, cause: failure.encodeOrDescribe(cause) })
      }
    )
    this.hooks = new ServedHooks({
      self: this.self,
      control: this.control,
      code: this.code,
      effects: this.effects,
      sender: this.sender,
      observer: this.observer
    })
    this.loop = new ItemLoop({
      self: this.self,
      sender: this.sender,
      observer: this.observer,
      flushed: channel.flushed,
      stayAwake: channel.stayAwake,
      runEffect: (effect, of, done, begun) =>
        this.effects.run((runner) => {
          begun()
          return runner.runItem(effect, of(runner), done)
        }, done)
    })
    this.stopTelling = resolver.tellWork(() => this.loop.isAtWork)
  }

  serve(): void {
    this.channel.receive(
      (message) => {
        // before this message takes memory too
        this.sender.forget()
        unpack(message)
        this.inbox.receive(message as protocol.ToWorker)
      },
      (cause) => this.inbox.unreadable(cause)
    )
    this.sender.sendPlain({ _tag: "Ready" })
  }

  /** Tells the pool what Effects have done, when the worker is about to end. */
  ending(): void {
    this.observer.ending()
  }

  /** Tells the pool which error is about to end the worker. */
  uncaught(error: unknown): void {
    this.sendCause(error, (cause) => ({ _tag: "Uncaught", cause }))
  }

  private handle(message: Exclude<protocol.ToWorker, protocol.Repeated>): void {
    switch (message._tag) {
      case "Start":
        return this.start(message)
      case "Define":
        return this.code.define(message.reference, message.address)
      case "Located":
        return this.code.located(message)
      case "Forget":
        return this.code.forget(message.reference)
      case "Init":
        return this.hooks.init(message.services, message.hook, message.timeout, message.caller)
      case "InterruptInit":
        return this.hooks.interruptInit()
      case "Run":
        return this.run(this.parts.complete(message))
      case "Numbers":
        if (this.control instanceof ToldNumbers) this.control.told(message.from, message.values)
        return
      case "Part":
        return this.parts.add(message)
      case "Unreadable":
        return this.sender.repeat(message.number, message.cause)
      case "Interrupt":
        this.loads.interrupt(message.chunk)
        return this.loop.interrupt(message.chunk)
      case "Grant":
        this.loads.grant(message)
        return this.loop.grant(message)
      case "Exit":
        this.loads.turned()
        return this.hooks.exit(message.hook, message.timeout, message.caller)
      case "Close":
        this.loads.turned()
        return this.hooks.close()
      case "Stop":
        this.stopTelling()
        this.loads.stop()
        this.observer.closing()
        this.sender.stop()
        return this.channel.close()
    }
  }

  private start({ generation, id, isInDoubt, tasksPerWorker }: protocol.Start): void {
    this.self.id = id
    this.self.generation = generation
    this.loop.tasksPerWorker = tasksPerWorker
    if (isInDoubt === true) resolver.doubt()
  }

  // ---------------------------------------------------------------------------
  // Chunks
  // ---------------------------------------------------------------------------

  private run(run: ServedRun): void {
    const loaded = this.code.loaded(run.task)
    const cell = cellOf(this.control, run.cell, run.chunk, run.items.length, run.exactStarts)
    cell.take()
    // a function that has been loaded, and needs no codecs, starts at once
    if (loaded?.schemas === undefined && typeof loaded?.value === "function" && run.slices !== true) {
      cell.enter(phases.loaded)
      return this.loop.add(run, { call: loaded.value as LoadedTask["call"], codecs: undefined }, cell)
    }
    // nobody waits for it any more: a module that ends the worker would only take the next chunk's items with it
    if (cell.isInterrupted) return this.loop.add({ ...run, items: [], errors: [] }, noTask, cell)
    cell.enter(phases.loading)
    this.loads.begin(run.chunk)
    void this.loadAndRun(run, cell)
  }

  private async loadAndRun(run: ServedRun, cell: Cell): Promise<void> {
    let task: LoadedTask
    try {
      task = await this.prepare(await this.code.load(run.task), run)
    } catch (cause) {
      this.loads.end(run.chunk)
      const isUnread = cause instanceof LostValue
      return this.sendCause(isUnread ? cause.why : cause, (cause) => {
        return { _tag: "NotLoaded", chunk: run.chunk, cause, isUnread }
      })
    }
    const { granted, isWanted } = this.loads.end(run.chunk)
    cell.enter(phases.loaded)
    this.loop.add(isWanted ? run : { ...run, items: [], errors: [] }, task, cell)
    for (const grant of granted) this.loop.grant(grant)
  }

  private async prepare({ schemas, value }: Loaded, { encoded, slices }: protocol.Run): Promise<LoadedTask> {
    if (typeof value !== "function") throw new Error("The task is no function")
    const call = value as LoadedTask["call"]
    // slices cross without the task's Schemas, but failures need the one for errors
    const needed = slices === true && schemas?.error === undefined ? undefined : schemas
    if (needed !== undefined && !encoded) throw resolver.schemasOnOneSide()
    const codecs = needed === undefined ? undefined : (await import("../wire/codec.ts")).fromSchemas(needed)
    if (slices !== true) return { call, codecs }
    const sliced = await import("../wire/slices.ts")
    return { call, codecs: { ...sliced.codecs, error: codecs?.error } }
  }

  /** Sends what went wrong; only a description of it where part of it cannot be cloned, or cannot be read (F8). */
  private sendCause(error: unknown, message: (cause: failure.EncodedValue) => protocol.FromWorker): void {
    try {
      this.sender.send(message(failure.encode(error)))
    } catch (why) {
      this.sender.send(message(failure.encodeUncloneable(error, why)))
    }
  }
}

const noTask: LoadedTask = { call: () => undefined, codecs: undefined }
