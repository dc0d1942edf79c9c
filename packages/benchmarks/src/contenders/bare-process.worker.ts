import { square } from "../tasks/plain.tasks.ts"

process.on("message", (item: number) => process.send!(square(item)))
