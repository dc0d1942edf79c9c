/** A thread that answers once: what a pool's thread is compared with. */
import { parentPort } from "node:worker_threads"

parentPort!.once("message", (n: number) => parentPort!.postMessage(n * n))
