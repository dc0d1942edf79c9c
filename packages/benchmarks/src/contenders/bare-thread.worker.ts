import { parentPort } from "node:worker_threads"
import { square } from "../tasks/plain.tasks.ts"

parentPort!.on("message", (item: number) => parentPort!.postMessage(square(item)))
