/**
 * A remote worker's own side: knows the addresses that it was told, runs hooks and hands chunks to the item loop. Free of
 * Effect, which it loads when there is an Effect to run.
 */
import type * as Layer from "effect/Layer"
import type { Channel, Transferable } from "../Channel.ts"
import { Cell, HookNumbers, phases } from "./control.ts"
import type { EffectRunner, ExitLike, Interrupt } from "./effectRunner.ts"
import * as failure from "./failure.ts"
import { ItemLoop, type LoadedTask } from "./itemLoop.ts"
import * as portable from "./portable.ts"
import type * as protocol from "./protocol.ts"
import * as resolver from "./resolver.ts"
import { isEffect, isLayer, isPromiseLike } from "./shapes.ts"
import { WorkerContextImpl } from "./workerContext.ts"

/** A thing that has been found, with the Schemas that `Portable.make` gave it. */
interface Loaded {
  readonly value: unknown
  readonly schemas: portable.Schemas | undefined
}

/** An address that the worker was told, and what was found there once it has been looked for. */
interface Definition {
  readonly address: protocol.Described
  loaded: Loaded | undefined
}

type Reply = "Initialised" | "Exited" | "Closed"

export class ServedWorker {
  private readonly channel: Channel
  private readonly check: (value: unknown) => void
  private readonly hookNumbers: HookNumbers
  private readonly definitions = new Map<protocol.Reference, Definition>()
  private id = 0
  private generation = 0
  private state: unknown = undefined
  private loop: ItemLoop | undefined = undefined
  private runner: EffectRunner | undefined = undefined
  private interruptHook: Interrupt = () => {}
  /** Chunks whose task is being loaded, and those of them that are not wanted any more. */
  private readonly loading = new Set<number>()
  private readonly interruptedLoading = new Set<number>()

  constructor(channel: Channel) {
    this.channel = channel
    this.check = channel.check ?? structuredClone
    this.hookNumbers = new HookNumbers(channel.control)
  }

  serve(): void {
    this.channel.receive((message) => this.handle(message as protocol.ToWorker))
    this.send({ _tag: "Ready" })
  }

  private send(message: protocol.FromWorker, transfers?: Array<Transferable>): void {
    this.channel.send(message, transfers)
  }

  private handle(message: protocol.ToWorker): void {
    switch (message._tag) {
      case "Start":
        return this.start(message.id, message.generation, message.tasksPerWorker)
      case "Define":
        this.definitions.set(message.reference, { address: message.address, loaded: undefined })
        return
      case "Forget":
        this.definitions.delete(message.reference)
        return
      case "Init":
        return this.init(message.services, message.hook, message.timeout)
      case "InterruptInit":
        return this.interruptHook()
      case "Run":
        return this.run(message)
      case "Interrupt":
        if (this.loading.has(message.chunk)) this.interruptedLoading.add(message.chunk)
        return this.loop?.interrupt(message.chunk)
      case "Exit":
        return this.runHook("Exited", message.timeout, (context, begun) => this.hook(message.hook, context, begun))
      case "Close":
        return this.close()
      case "Stop":
        return this.channel.close()
    }
  }

  private start(id: number, generation: number, tasksPerWorker: number): void {
    this.id = id
    this.generation = generation
    this.loop = new ItemLoop(
      {
        id,
        generation,
        state: () => this.state,
        send: (message, transfers) => this.send(message, transfers),
        check: this.check,
        flushed: this.channel.flushed,
        runEffect: (effect, done, begun) =>
          this.runEffect((runner) => {
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
    const loaded = this.definitions.get(run.task)?.loaded
    const cell = new Cell(this.channel.control, run.cell, run.chunk)
    cell.take()
    // what has been loaded already starts at once
    if (loaded !== undefined && loaded.schemas === undefined && typeof loaded.value === "function") {
      cell.enter(phases.loaded)
      return this.loop!.add(run, { call: loaded.value as LoadedTask["call"], codecs: undefined }, cell)
    }
    cell.enter(phases.loading)
    this.loading.add(run.chunk)
    this.load(run.task)
      .then((loaded) => this.prepare(loaded, run.encoded))
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
          this.send({ _tag: "NotLoaded", chunk: run.chunk, cause: this.cloneable(cause) })
        }
      )
  }

  private async prepare(loaded: Loaded, encoded: boolean): Promise<LoadedTask> {
    if (typeof loaded.value !== "function") throw new Error("The task's export is no function")
    const call = loaded.value as LoadedTask["call"]
    if (loaded.schemas === undefined) return { call, codecs: undefined }
    if (!encoded) throw resolver.schemasOnOneSide()
    const codec = await import("./codec.ts")
    return { call, codecs: codec.fromSchemas(loaded.schemas) }
  }

  // ---------------------------------------------------------------------------
  // Hooks and services
  // ---------------------------------------------------------------------------

  private init(
    services: protocol.Reference | undefined,
    hook: protocol.Reference | undefined,
    timeout: number | undefined
  ): void {
    this.runHook("Initialised", timeout, async (context, begun) => {
      if (services !== undefined) {
        const { value } = await this.loadForHook(services)
        begun()
        if (!isLayer(value)) throw new Error("The services' export is no Layer")
        const provided = await this.runInterruptibly((runner, done) =>
          runner.provide(value as Layer.Layer<any, unknown>, done)
        )
        if (provided._tag === "Failure") return provided
      }
      if (hook === undefined || context.interrupted) return nothing
      const exit = await this.hook(hook, context, begun)
      if (exit._tag === "Success") this.state = exit.value
      // the state stays here
      return exit._tag === "Success" ? nothing : exit
    })
  }

  /** Runs a hook and replies once: when it has ended, or without waiting for it when it is timed out or interrupted. */
  private runHook(
    reply: Reply,
    timeout: number | undefined,
    start: (context: WorkerContextImpl, begun: () => void) => Promise<ExitLike>
  ): void {
    const source = reply === "Initialised" ? this.hookNumbers : uninterrupted
    const context = new WorkerContextImpl(this.id, this.generation, this.state, source)
    let isOver = false
    const end = (result: protocol.HookResult) => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      context.end()
      this.interruptHook = () => {}
      this.reply(reply, result)
    }
    const cut = (result: protocol.HookResult) => {
      context.abort()
      const interrupt = this.currentInterrupt
      // an Effect ends by itself, after its finalizers; nothing else would
      if (interrupt === undefined) return end(result)
      this.afterCut = result
      interrupt()
    }
    let timer: ReturnType<typeof setTimeout> | undefined
    // its time does not begin before it has been loaded
    const begun = () => {
      if (timeout === undefined || timer !== undefined || isOver) return
      context.deadline = performance.now() + timeout
      timer = setTimeout(() => cut({ _tag: "TimedOut" }), timeout)
    }
    this.interruptHook = () => cut({ _tag: "Interrupted" })
    this.afterCut = undefined
    start(context, begun).then(
      (exit) => end(exit._tag === "Success" ? succeeded(exit.value) : (this.afterCut ?? this.failed(exit))),
      (cause) => end({ _tag: "NotLoaded", cause: this.cloneable(cause) })
    )
  }

  /** Interrupts the Effect that a hook is running, if it is running one. */
  private currentInterrupt: Interrupt | undefined = undefined
  /** What to reply when that Effect has ended by an interruption. */
  private afterCut: protocol.HookResult | undefined = undefined

  private async hook(reference: protocol.Reference, context: WorkerContextImpl, begun: () => void): Promise<ExitLike> {
    const { value } = await this.loadForHook(reference)
    begun()
    try {
      const result: unknown = typeof value === "function" && !isEffect(value) ? value(context) : value
      if (isEffect(result)) return await this.runInterruptibly((runner, done) => runner.runHook(result, done))
      return { _tag: "Success", value: isPromiseLike(result) ? await result : result }
    } catch (defect) {
      return { _tag: "Failure", cause: { reasons: [{ _tag: "Die", defect }] } }
    }
  }

  private runInterruptibly(
    start: (runner: EffectRunner, done: (exit: ExitLike) => void) => Interrupt
  ): Promise<ExitLike> {
    return new Promise((resolve) => {
      let isDone = false
      const done = (exit: ExitLike) => {
        isDone = true
        this.currentInterrupt = undefined
        resolve(exit)
      }
      const interrupt = this.runEffect((runner) => start(runner, done), done)
      if (!isDone) this.currentInterrupt = interrupt
    })
  }

  private close(): void {
    if (this.runner === undefined) return this.reply("Closed", succeeded(undefined))
    this.runner.close((exit) =>
      this.reply("Closed", exit._tag === "Success" ? succeeded(undefined) : this.failed(exit))
    )
  }

  private reply(reply: Reply, result: protocol.HookResult): void {
    try {
      this.send({ _tag: reply, result })
    } catch (why) {
      const isResult = result._tag === "Success" || result._tag === "Error"
      const cause = failure.encodeUncloneable(result._tag === "Error" ? failure.decode(result.value) : undefined, why)
      this.send({ _tag: reply, result: { _tag: isResult ? "NotSerializable" : "Failure", cause } })
    }
  }

  private failed(exit: Extract<ExitLike, { readonly _tag: "Failure" }>): protocol.HookResult {
    const { reasons } = exit.cause
    const reason = reasons.find((reason) => reason._tag !== "Interrupt")
    if (reason === undefined) return { _tag: "Interrupted" }
    const cause = reason._tag === "Fail" ? reason.error : (reason as { readonly defect: unknown }).defect
    return { _tag: "Failure", cause: this.cloneable(cause) }
  }

  /** Encoded, with what cannot be cloned replaced by what can be said of it. */
  private cloneable(cause: unknown): failure.EncodedValue {
    const encoded = failure.encode(cause)
    try {
      this.check(encoded)
      return encoded
    } catch (why) {
      return failure.encodeUncloneable(cause, why)
    }
  }

  // ---------------------------------------------------------------------------
  // Loading
  // ---------------------------------------------------------------------------

  /** Runs something with the Effect runner, which is loaded first where it is not there yet. */
  private runEffect(start: (runner: EffectRunner) => Interrupt, done: (exit: ExitLike) => void): Interrupt {
    if (this.runner !== undefined) return start(this.runner)
    let interrupted = false
    let interrupt: Interrupt = () => {
      interrupted = true
    }
    import("./effectRunner.ts")
      .then(({ EffectRunner }) => {
        this.runner ??= new EffectRunner()
        interrupt = start(this.runner)
        if (interrupted) interrupt()
      })
      .catch((defect) => done({ _tag: "Failure", cause: { reasons: [{ _tag: "Die", defect }] } }))
    return () => interrupt()
  }

  /** Says that it loads, for as long as that takes: a module can keep the worker from saying anything else. */
  private async loadForHook(reference: protocol.Reference): Promise<Loaded> {
    this.hookNumbers.enter(phases.loading)
    try {
      return await this.load(reference)
    } finally {
      this.hookNumbers.enter(phases.loaded)
    }
  }

  private async load(reference: protocol.Reference): Promise<Loaded> {
    const definition = this.definitions.get(reference)
    if (definition === undefined) throw new Error(`No address was given for reference ${reference}`)
    definition.loaded ??= await this.find(definition.address)
    return definition.loaded
  }

  private async find(address: protocol.Described): Promise<Loaded> {
    switch (address._tag) {
      case "Export": {
        const value = await resolver.whileLoading(address.url, () => resolver.resolveExport(address))
        return { value, schemas: portable.isPortable(value) ? portable.definition(value).schemas : undefined }
      }
      case "Inline":
        return { value: resolver.resolveInline(address), schemas: undefined }
      case "Bound": {
        const target = await this.load(address.target)
        return { value: resolver.bindFirst(target.value, address.value), schemas: target.schemas }
      }
    }
  }
}

const uninterrupted = { isInterrupted: false }

const nothing: ExitLike = { _tag: "Success", value: undefined }

/** Made anew, because structured clone would lose what an Exit is. */
const succeeded = (value: unknown): protocol.HookResult =>
  value instanceof Error ? { _tag: "Error", value: failure.encode(value) } : { _tag: "Success", value }
