/** The pools that the benchmarks compare with. */
import type { PoolKind } from "../task-pool.ts"
import { effectRpc } from "./effect-rpc.ts"
import { jestWorker } from "./jest-worker.ts"
import { piscina } from "./piscina.ts"
import { poolifier } from "./poolifier.ts"
import { tinypool } from "./tinypool.ts"
import { workerpool } from "./workerpool.ts"

export const peers: ReadonlyArray<PoolKind> = [piscina, tinypool, workerpool, poolifier, jestWorker, effectRpc]
