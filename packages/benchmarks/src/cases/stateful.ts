import { Portable, WorkerPool } from "@effect-mpire/core"
import * as Effect from "effect/Effect"
import { type Case, type Contender, timed } from "../case.ts"
import { acquire } from "../contenders/ours.ts"
import { peers } from "../contenders/peers.ts"
import { makeRandom } from "../random.ts"
import { sibling } from "../sibling.ts"
import type { PoolKind, TaskPool } from "../task-pool.ts"
import { countInto, type Counts } from "../tasks/prefixes.tasks.ts"
import { keptSize, serial, sizesOf, speedUp, startedWithin } from "./mpire.ts"
import { check } from "./parts.ts"

const url = sibling(import.meta.url, "../tasks/prefixes.tasks")
const tasks = Portable.module<typeof import("../tasks/prefixes.tasks.ts")>(url)

type Document = ReadonlyArray<string>

const wordLength = 20
const vocabularySize = 1000

/** Words of random letters, long and short documents by turns: three times as many words in the long ones. */
const makeDocuments = (count: number, words: number): ReadonlyArray<Document> => {
  const random = makeRandom(42)
  const below = (end: number): number => Math.floor(random() * end)
  const vocabulary = Array.from({ length: vocabularySize }, () =>
    String.fromCharCode(...Array.from({ length: wordLength }, () => 97 + below(26)))
  )
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: i % 2 === 0 ? words * 3 : words }, () => vocabulary[below(vocabularySize)]!)
  )
}

const merge = (parts: ReadonlyArray<Counts>): Counts => {
  const total: Counts = new Map()
  for (const part of parts) {
    for (const [prefix, count] of part) total.set(prefix, (total.get(prefix) ?? 0) + count)
  }
  return total
}

const runSerially = (documents: ReadonlyArray<Document>): Counts => {
  const counts: Counts = new Map()
  for (const document of documents) countInto(counts, document)
  return counts
}

interface Job {
  readonly sizes: ReadonlyArray<number>
  readonly documents: ReadonlyArray<Document>
  readonly check: (counts: Counts) => void
}

const makeJob = (count: number, words: number, sizes: ReadonlyArray<number>): Job => {
  const documents = makeDocuments(count, words)
  let expected: Counts | undefined
  return {
    sizes,
    documents,
    check: (counts) => {
      expected ??= runSerially(documents)
      check(counts.size === expected.size, `${counts.size} prefixes, not ${expected.size}`)
      for (const [prefix, count] of expected) {
        check(counts.get(prefix) === count, `${prefix}: ${counts.get(prefix)}, not ${count}`)
      }
    }
  }
}

const hooks = { init: tasks.makeCounts, exit: tasks.reportCounts }

const ours = ({ check, documents, sizes }: Job): ReadonlyArray<Contender> => [
  ...sizes.map((size) =>
    startedWithin({
      name: "effect-mpire",
      role: "ours",
      remark: "counts are the worker's state, and come from exit hooks",
      size,
      check,
      job: async () => {
        const [pool, close] = await acquire(WorkerPool.make({ size, ...hooks }))
        await Effect.runPromise(pool.forEach(documents, tasks.addDocument))
        const total = merge(await Effect.runPromise(pool.exitResults))
        await close()
        return total
      }
    })
  ),
  {
    name: `effect-mpire, ${keptSize} workers, kept`,
    role: "ours",
    remark: "started before the time; what the exit hooks return is collected in it",
    open: async () => {
      const [pool, close] = await acquire(WorkerPool.make({ size: keptSize, keepAlive: true, ...hooks }))
      const job = timed({
        work: async () => {
          await Effect.runPromise(Effect.andThen(pool.forEach(documents, tasks.addDocument), pool.stop))
          return merge(await Effect.runPromise(pool.exitResults))
        },
        check
      })
      return {
        sample: async () => {
          await Effect.runPromise(pool.start)
          return job.sample()
        },
        close
      }
    }
  }
]

const ofPeer = (kind: PoolKind, { check, documents, sizes }: Job): ReadonlyArray<Contender> => {
  const remark = "each task returns its counts"
  const count = async (pool: TaskPool): Promise<Counts> => merge(await pool.map("countDocument", documents))
  return [
    ...sizes.map((size) =>
      startedWithin({
        name: kind.name,
        role: "peer",
        remark,
        size,
        check,
        job: async () => {
          const pool = await kind.open({ tasks: url, size })
          const total = await count(pool)
          await pool.close()
          return total
        }
      })
    ),
    {
      name: `${kind.name}, ${keptSize} workers, kept`,
      role: "peer",
      remark,
      open: async () => {
        const pool = await kind.open({ tasks: url, size: keptSize })
        await pool.map("countDocument", documents.slice(0, keptSize * 2))
        return timed({ work: () => count(pool), check, close: pool.close })
      }
    }
  ]
}

export const stateful: Case = {
  timeLimit: 300,
  measurements: ({ quick, repetitions }) => {
    const count = quick ? 10 : 40
    const words = quick ? 1000 : 2500
    const job = makeJob(count, words, sizesOf(quick))
    return [
      {
        ...speedUp(repetitions),
        id: "prefixes",
        title: `prefixes of the words of ${count} documents`,
        method:
          `documents of ${(words * 3).toLocaleString("en")} and of ${words.toLocaleString("en")} words by turns, drawn from ` +
          `${vocabularySize} random words of ${wordLength} letters; each of a word's ${wordLength - 1} prefixes is ` +
          `counted, and the counts of all workers are merged. Pools without exit hooks have no way to ask each worker ` +
          `for its state, so their tasks return their counts; starting and stopping the pool is in the time, unless ` +
          `the pool is kept`,
        contenders: [
          serial(() => runSerially(job.documents), job.check),
          ...ours(job),
          ...peers.flatMap((kind) => ofPeer(kind, job))
        ]
      }
    ]
  }
}
