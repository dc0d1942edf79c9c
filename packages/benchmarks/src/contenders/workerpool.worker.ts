/** What a worker of workerpool runs: it registers all exports of the module that it is told. */
import { workerData } from "node:worker_threads"
import workerpool from "workerpool"

// copied, because it calls `hasOwnProperty`, which modules do not have
workerpool.worker({ ...(await import(workerData.tasks)) })
