/**
 * A runner that is started again, at once and at the same port, however it ends: what systemd or Kubernetes do with one.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

const program = fileURLToPath(new URL("./chaosRunner.ts", import.meta.url))

/** Options of a runner that can be written as JSON; times in milliseconds. */
export interface RunnerOptions {
  readonly slots: number
  readonly workers: "processes" | "threads"
  readonly lease: number
  readonly drainTimeout: number
  /** The name of the variable of the environment with the key. */
  readonly key: string
}

/** What the trouble kills with, and what a planted item aborts with. */
const expected: ReadonlySet<string> = new Set(["SIGKILL", "SIGABRT"])

export class KeptRunner {
  private readonly options: RunnerOptions
  private child: ChildProcess | undefined = undefined
  private isListening = false
  private isStopped = false
  private isKept = true
  /** Resolves with its exit code once it has ended and is not started again. */
  ended = Promise.resolve<number | null>(null)
  port = 0
  /** How often it has been started. */
  starts = 0
  /** How it has ended though nobody had ended it, each time. */
  readonly faults: Array<string> = []

  constructor(options: RunnerOptions) {
    this.options = options
  }

  /** Resolves when it listens for the first time. */
  start(): Promise<void> {
    return new Promise((resolve) => this.spawn(resolve))
  }

  private spawn(listens: () => void): void {
    this.starts++
    const settings = JSON.stringify({ ...this.options, listen: `127.0.0.1:${this.port}` })
    const child = spawn(process.execPath, [program, settings], { stdio: ["pipe", "pipe", "inherit"] })
    this.child = child
    createInterface(child.stdout).once("line", (line) => {
      this.port = Number(line)
      this.isListening = true
      listens()
    })
    this.ended = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        this.isListening = false
        this.isStopped = false
        if (!this.isKept) return resolve(code)
        if (signal === null || !expected.has(signal)) this.faults.push(signal ?? `code ${code}`)
        this.spawn(listens)
      })
    })
  }

  /** Whether it listens, and nothing has been done to it. */
  get isWell(): boolean {
    return this.isListening && !this.isStopped
  }

  get pid(): number | undefined {
    return this.child?.pid
  }

  /** The process that it is now, which signals are for: not the one that comes after it. */
  get victim(): ChildProcess {
    return this.child!
  }

  stop(victim: ChildProcess): void {
    this.isStopped = true
    victim.kill("SIGSTOP")
  }

  goOn(victim: ChildProcess): void {
    if (victim !== this.child) return
    this.isStopped = false
    victim.kill("SIGCONT")
  }

  /** Asks it to end, which takes what draining takes; returns its exit code. */
  async end(): Promise<number | null> {
    const { ended } = this
    this.isKept = false
    this.child?.kill("SIGTERM")
    return ended
  }

  /** For the end of this process, whatever it comes from. */
  kill(): void {
    this.isKept = false
    this.child?.kill("SIGKILL")
  }
}
