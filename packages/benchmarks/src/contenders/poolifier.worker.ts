/** What a worker of poolifier runs: all exports of the module that it is told. */
import { workerData } from "node:worker_threads"
import { ThreadWorker } from "poolifier"

export default new ThreadWorker<any, unknown>({ ...(await import(workerData.tasks)) })
