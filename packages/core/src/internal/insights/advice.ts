/**
 * What the insights of a pool advise (O1): for each of the reasons for which workers do not work, when its numbers say so.
 */
import type { Insights, LongestItem, Shares, SlotInsights } from "./insights.ts"
import { fit, printable } from "./textWidth.ts"

interface Told {
  /** One sentence with the numbers. */
  readonly message: string
  /** What to do about it, in one sentence. */
  readonly action: string
}

/**
 * Workers spend much of their time on being started, on `init` and on `exit`.
 *
 * @category advice
 * @since 0.1.0
 */
export interface StartUpDominates extends Told {
  readonly _tag: "StartUpDominates"
  /** The shares of the workers' live time, 0 … 1. */
  readonly ratios: Pick<Shares, "startUp" | "init" | "exit">
  /** How many workers were started, and in how many slots. */
  readonly workers: number
  readonly slots: number
}

/**
 * Workers wait, and the pool's own thread is busy: it makes the items, or takes the results, more slowly than workers run
 * them. On fibers, whose tasks run on that thread too: it is busy, and several workers share it.
 *
 * @category advice
 * @since 0.1.0
 */
export interface PoolThreadBusy extends Told {
  readonly _tag: "PoolThreadBusy"
  /** The share of the workers' live time in which they waited, 0 … 1. */
  readonly waiting: number
  /** How much of the time the pool's thread was busy, 0 … 1. */
  readonly utilization: number
}

/**
 * Workers wait, and the pool's own thread waits too: items come more slowly than workers run them.
 *
 * @category advice
 * @since 0.1.0
 */
export interface SourceSlow extends Told {
  readonly _tag: "SourceSlow"
  readonly waiting: number
  /** `undefined` where the platform does not tell. */
  readonly utilization: number | undefined
  /** How many workers would have been enough. */
  readonly workers: number
}

/**
 * Workers wait for messages, because a call has set short chunks for items that take less than a millisecond.
 *
 * @category advice
 * @since 0.1.0
 */
export interface ChunksShort extends Told {
  readonly _tag: "ChunksShort"
  readonly waiting: number
  /** The mean time of an item, in milliseconds. */
  readonly itemMillis: number
  /** The mean length of a chunk, in items. */
  readonly chunkLength: number
}

/**
 * One item takes longer than all the work that a worker has of its call on average, or nearly so and came last: the others are
 * done long before it.
 *
 * @category advice
 * @since 0.1.0
 */
export interface Straggler extends Told {
  readonly _tag: "Straggler"
  readonly item: LongestItem
  /** The work of a worker on average, of the item's call, in milliseconds. */
  readonly fairShare: number
}

/**
 * Workers compute, but get much less of a CPU than they want: there are more of them than free cores.
 *
 * @category advice
 * @since 0.1.0
 */
export interface CoresShort extends Told {
  readonly _tag: "CoresShort"
  /** How much of the time in which they started and worked they had a CPU, 0 … 1. */
  readonly cpu: number
  /** How many workers were looked at. */
  readonly workers: number
}

/**
 * One worker works much more than the others, which wait meanwhile.
 *
 * @category advice
 * @since 0.1.0
 */
export interface Skew extends Told {
  readonly _tag: "Skew"
  /** The slot of that worker. */
  readonly worker: number
  /** How long it worked, in milliseconds, and the others on average. */
  readonly working: number
  readonly others: number
}

/**
 * Workers vanished, or were killed because something in them did not yield.
 *
 * @category advice
 * @since 0.1.0
 */
export interface WorkersLost extends Told {
  readonly _tag: "WorkersLost"
  readonly lost: number
  readonly killed: number
  /** In which slots. */
  readonly workers: ReadonlyArray<number>
}

/**
 * Why a pool is not as fast as it could be: the numbers that say so, and what to do about it.
 *
 * @category advice
 * @since 0.1.0
 */
export type Advice =
  | StartUpDominates
  | PoolThreadBusy
  | SourceSlow
  | ChunksShort
  | Straggler
  | CoresShort
  | Skew
  | WorkersLost

/** Below this ratio of working, something is worth changing. */
export const goodRatio = 0.8

/** What is known of less than this says nothing: items, and milliseconds in which workers lived. */
const evidence = { items: 20, millis: 1000 }

/** From this on the pool's thread is busy. */
const busyThread = 0.9

/** A message takes the pool's thread less than this, in milliseconds; a wait that is longer is for something else. */
const longestMessage = 0.5

/** Others' waiting for one worker is worth telling from this share of the workers' live time on. */
const muchWaiting = 0.1

/** Workers that have a CPU for less than this share of their work lack one. */
const enoughCpu = 0.7

/** A worker computes when it is active for at least this share of its work: else it waits for something itself. */
const computing = 0.8

/** An item that takes longer than this, in milliseconds, is worth a message of its own. */
const shortItem = 1

/** What a pool's insights advise; the most of what is amiss first. */
export const advice = (insights: Insights): ReadonlyArray<Advice> => {
  const { items, live } = insights.total
  if (items < evidence.items || live < evidence.millis) return []
  const cores = coresShort(insights)
  // workers that wait because another one is not done are no sign of anything else
  const waiting =
    threadShared(insights) ??
    straggler(insights) ??
    skew(insights) ??
    (waitForCores(insights, cores) ? undefined : waits(insights))
  return [workersLost(insights), startUpDominates(insights), waiting, cores].filter((advice) => advice !== undefined)
}

/** A worker that lacks a CPU also reads late what it has been sent: it waits, but far less than it works. */
const waitForCores = ({ total: { times } }: Insights, cores: CoresShort | undefined): boolean =>
  cores !== undefined && 2 * times.waiting < times.working

const percent = (ratio: number): string => `${Math.round(ratio * 100)} %`

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`

/** A time in milliseconds, as people read it. */
export const duration = (millis: number): string => {
  if (millis < 1) return `${Math.round(millis * 1000)} µs`
  if (millis < 1000) return `${millis < 10 ? millis.toFixed(1) : Math.round(millis)} ms`
  if (millis < 600_000) return `${(millis / 1000).toFixed(millis < 10_000 ? 2 : 1)} s`
  return `${Math.round(millis / 60_000)} min`
}

/** What an item, or a group of items, is called. */
export const itemNamed = ({ index, items, task }: LongestItem): string => {
  // of a module's URL, the file is enough to know it by
  const of = task === undefined ? "" : ` of ${fit(printable(task.slice(task.lastIndexOf("/") + 1)), 60)}`
  return items === 1 ? `item ${index}${of}` : `one of the ${items} items from ${index} on${of}`
}

const usedSlots = ({ slots }: Insights): ReadonlyArray<SlotInsights> => slots.filter(({ workers }) => workers > 0)

/** Why workers do not work: whichever takes more, their beginning and end, or waiting. */
const startsDominate = ({ total: { ratios } }: Insights): boolean =>
  ratios.startUp + ratios.init + ratios.exit >= ratios.waiting

const startUpDominates = (insights: Insights): StartUpDominates | undefined => {
  const { killed, lost, ratios, workers } = insights.total
  if (ratios.working >= goodRatio || !startsDominate(insights)) return undefined
  const slots = usedSlots(insights).length
  const { exit, init, startUp } = ratios
  const message =
    `Workers spend ${percent(startUp)} of their time on starting, ${percent(init)} on init and ${percent(exit)} on exit: ` +
    `${plural(workers, "worker")} started in ${plural(slots, "slot")}.`
  const action =
    workers > slots && workers - slots <= lost + killed
      ? "Find out why workers end: each one that vanished or was killed had to be started again, and would have stayed."
      : workers > slots
        ? "Keep workers for the calls that follow: keepAlive, and a longer lifespan if they have one."
        : "Give them more to do: use the same pool, with keepAlive, for further calls, or fewer workers."
  return { _tag: "StartUpDominates", ratios: { startUp, init, exit }, workers, slots, message, action }
}

/** The workers of fibers wait for each other while one of them computes, whatever else it looks like. */
const threadShared = (insights: Insights): PoolThreadBusy | undefined => {
  const { thread, total } = insights
  const slots = usedSlots(insights).length
  if (thread?.runsTasks !== true || thread.utilization < busyThread || slots < 2) return undefined
  const { utilization } = thread
  const message = `The pool's own thread, on which tasks of fibers run, is busy ${percent(utilization)} of the time: ${slots} workers share it.`
  const action =
    "Run tasks that compute on threads or processes: a WorkerPool with another runtime has a core for each."
  return { _tag: "PoolThreadBusy", waiting: total.ratios.waiting, utilization, message, action }
}

const waits = (insights: Insights): PoolThreadBusy | SourceSlow | ChunksShort | undefined => {
  const { ratios, times } = insights.total
  if (ratios.working >= goodRatio || startsDominate(insights)) return undefined
  const { waiting } = ratios
  const utilization = insights.thread?.utilization
  const waited = `Workers wait ${percent(waiting)} of their time`
  const chunks = chunksShort(insights, waited)
  if (chunks !== undefined) return chunks
  if (utilization !== undefined && utilization >= busyThread) {
    const message = `${waited}, while the pool's own thread is busy ${percent(utilization)} of it.`
    const action = "Do less on that thread: the source of the items, or what is done with results, is the limit."
    return { _tag: "PoolThreadBusy", waiting, utilization, message, action }
  }
  const slots = usedSlots(insights).length
  const enough = (slots * times.working) / Math.max(times.working + times.waiting, Number.MIN_VALUE)
  const workers = Math.min(slots, Math.max(1, Math.ceil(enough)))
  const meanwhile =
    utilization === undefined ? "." : `, while the pool's own thread is busy only ${percent(utilization)} of it.`
  const action =
    workers < slots
      ? `Use fewer workers, ${workers} would do, or a faster source: items come more slowly than they are run.`
      : "Use a faster source: items come, or a stream's results are taken, more slowly than they are run."
  return { _tag: "SourceSlow", waiting, utilization, workers, message: `${waited}${meanwhile}`, action }
}

const chunksShort = (insights: Insights, waited: string): ChunksShort | undefined => {
  const { chunks, fixedChunks, items, ratios, times } = insights.total
  const itemMillis = times.working / items
  // a worker waits for the messages of all others too
  const perMessage = times.waiting / (Math.max(1, chunks) * usedSlots(insights).length)
  if (2 * fixedChunks < chunks || itemMillis >= shortItem || perMessage >= longestMessage) return undefined
  const chunkLength = items / Math.max(1, chunks)
  const message =
    `${waited}: their items take ${duration(itemMillis)}, and with chunkSize or chunks set they get ` +
    `${chunkLength.toFixed(1)} of them in a message.`
  const action = "Leave chunkSize and chunks out, or set longer chunks."
  return { _tag: "ChunksShort", waiting: ratios.waiting, itemMillis, chunkLength, message, action }
}

/** The longest item that others of its call may have waited for. */
const longestOfCalls = ({ longest }: Insights): LongestItem | undefined => longest.find(({ run }) => !run)

const straggler = (insights: Insights): Straggler | undefined => {
  const item = longestOfCalls(insights)
  const { longest, tasksPerWorker, total } = insights
  const slots = usedSlots(insights).length
  if (item === undefined || slots < 2) return undefined
  // where several run at once, the same work takes a worker less time
  const isMost = (item: LongestItem) => item.millis > (tasksPerWorker > 1 ? 1.5 : 1) * shareOf(item, insights)
  if (!isMost(item) || item.millis < (2 * total.times.working) / total.items) return undefined
  // each call may have had one
  const one = new Map<number, LongestItem>()
  for (const other of longest) if (!other.run && isMost(other) && !one.has(other.call)) one.set(other.call, other)
  const millis = [...one.values()].reduce((sum, { millis }) => sum + millis, 0)
  // the others wait for them as long as they take, and no longer: where they wait far longer, it is for something else
  if (4 * (slots - 1) * millis < total.times.waiting) return undefined
  if ((slots - 1) * millis < muchWaiting * total.live) return undefined
  return stragglerOf(item, shareOf(item, insights))
}

/** A worker's fair share of its call: what other calls did before and after it is nothing that others could have done meanwhile. */
const shareOf = ({ callMillis }: LongestItem, insights: Insights): number =>
  Math.min(callMillis, insights.total.times.working) / usedSlots(insights).length

const stragglerOf = (item: LongestItem, fairShare: number): Straggler => {
  const message =
    `${capital(itemNamed(item))} took ${duration(item.millis)} in worker ${item.worker}, and a worker's fair share of its ` +
    `call is ${duration(fairShare)}: the others wait for it.`
  const action = "Split that item, or let the long ones come first."
  return { _tag: "Straggler", item, fairShare, message, action }
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

const skew = (insights: Insights): Skew | Straggler | undefined => {
  const slots = usedSlots(insights)
  if (slots.length < 2) return undefined
  const [most, ...rest] = slots.toSorted((left, right) => right.times.working - left.times.working)
  const sum = (of: (slot: SlotInsights) => number) => rest.reduce((sum, slot) => sum + of(slot), 0)
  const others = sum(({ times }) => times.working) / rest.length
  const { working } = most!.times
  const doWait = sum(({ times }) => times.waiting) > sum(({ times }) => times.working)
  if (working <= 2 * others || working <= 3 * most!.times.waiting || !doWait) return undefined
  if (rest.length * (working - others) < muchWaiting * insights.total.live) return undefined
  const { worker } = most!
  const item = longestOfCalls(insights)
  // it came last, and is most of what that worker has done more
  if (item !== undefined && item.worker === worker && 2 * item.millis > working - others) {
    return stragglerOf(item, shareOf(item, insights))
  }
  if (!holdsItems(most!)) return undefined
  const message =
    `Worker ${worker} worked for ${duration(working)}, the others for ${duration(others)} on average, and they wait ` +
    `meanwhile.`
  const action = 'Let free workers take what waits: dispatch "available", and no chunkSize or chunks.'
  return { _tag: "Skew", worker, working, others, message, action }
}

/**
 * Whether a worker got items that free ones could not take. Else what comes one by one goes to the worker that was used last,
 * as it should, and free ones take what waits.
 */
const holdsItems = ({ chunks, fixedChunks, items, orderedChunks }: SlotInsights): boolean =>
  2 * orderedChunks >= chunks || (2 * fixedChunks >= chunks && items >= 2 * chunks)

const coresShort = ({ slots }: Insights): CoresShort | undefined => {
  const sums = { cpu: 0, active: 0, working: 0, starting: 0 }
  let workers = 0
  for (const { usage } of slots) {
    if (usage?.cpu === undefined || usage.active === undefined) continue
    workers++
    sums.cpu += usage.cpu
    sums.active += usage.active
    sums.working += usage.working
    sums.starting += usage.starting
  }
  // what they did until they were live is in these numbers too
  const used = sums.working + sums.starting
  // of tasks that wait for something, a low share says nothing
  if (sums.working < evidence.millis || sums.active < computing * used) return undefined
  const cpu = sums.cpu / used
  if (cpu >= enoughCpu) return undefined
  const message = `${capital(plural(workers, "worker"))} had a CPU for only ${percent(cpu)} of the time in which they worked.`
  const action =
    "Use fewer workers: there are more of them than free cores. But if tasks block without computing, as in synchronous I/O, more do better."
  return { _tag: "CoresShort", cpu, workers, message, action }
}

const workersLost = ({ slots, total }: Insights): WorkersLost | undefined => {
  const { killed, lost } = total
  if (lost + killed === 0) return undefined
  const workers = slots.filter(({ killed, lost }) => lost + killed > 0).map(({ worker }) => worker)
  const message =
    `${plural(lost, "worker")} vanished, and ${killed} had to be killed, in ${plural(workers.length, "slot")}: ` +
    `${workers.slice(0, 8).join(", ")}${workers.length > 8 ? ", …" : ""}.`
  const action =
    killed > lost
      ? "Let tasks see worker.interrupted or its signal, so that their timeout need not kill the worker."
      : "Look at WorkerLost for why they ended, and set onWorkerLost for the items that they had."
  return { _tag: "WorkersLost", lost, killed, workers, message, action }
}
