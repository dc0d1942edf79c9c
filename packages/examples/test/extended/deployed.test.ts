/**
 * What the files of `packages/examples/deploy` start is started on this machine, with the same arguments but for the paths and
 * the port: runners, their probes, and a driver.
 */
import { assert, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Deployment, deployments } from "../utils/deployments.ts"

const examples = fileURLToPath(new URL("../../", import.meta.url)).slice(0, -1)

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0)
  await once(server, "listening")
  const { port } = server.address() as { readonly port: number }
  server.close()
  await once(server, "close")
  return port
}

/** The processes of a test, which end with it. */
class Machine implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "effect-mpire-deployed-"))
  readonly key = randomBytes(32).toString("base64")
  private readonly children: Array<ChildProcess> = []

  constructor() {
    writeFileSync(join(this.folder, "secret"), this.key, { mode: 0o600 })
  }

  /** A word of a deployment's file, as it is here. */
  here(text: string, { root, secretFile }: Deployment, port: number): string {
    return text
      .replaceAll(secretFile, join(this.folder, "secret"))
      .replaceAll("/etc/effect-mpire/secret", join(this.folder, "secret"))
      .replaceAll(`${root}/`, `${examples}/`)
      .replace(/(0\.0\.0\.0|127\.0\.0\.1):7433$/, `$1:${port}`)
  }

  start(command: ReadonlyArray<string>, env: Readonly<Record<string, string>>) {
    const [program = "", ...args] = command
    const child = spawn(program, args, {
      // the Node that runs this is the one that programs find
      env: { PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`, ...env, NODE_COMPILE_CACHE: this.folder },
      stdio: ["ignore", "pipe", "pipe"]
    })
    this.children.push(child)
    let output = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += String(data)))
    const ended = once(child, "close").then(([code]) => ({ code: code as number | null, output }))
    return { child, ended }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = this.children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
    const ended = running.map((child) => once(child, "exit"))
    for (const child of running) child.kill("SIGKILL")
    await Promise.all(ended)
    rmSync(this.folder, { recursive: true })
  }
}

/** What asks whether the runner takes workers: a machine without probes has its owner do so. */
const checkOf = ({ probes, runner, secretFile }: Deployment): ReadonlyArray<string> =>
  probes[0] ?? [runner[0]!, "check", "--address", "127.0.0.1:7433", "--secret-file", secretFile]

describe.each(deployments)("$name", (deployment) => {
  const isListed = deployment.driverEnv["RUNNERS"] !== undefined

  it("K8 K11 its runners answer its probes and work for its driver, show nobody the key, and end when they are told", async () => {
    await using machine = new Machine()
    // a name has one port for all of its addresses, and this machine is one address
    const ports = await Promise.all((isListed ? [1, 2] : [1]).map(freePort))
    const local = (command: ReadonlyArray<string>, port: number) =>
      command.map((word) => machine.here(word, deployment, port))
    const run = (command: ReadonlyArray<string>, port: number) => machine.start(local(command, port), {})

    const runners = ports.map((port) => machine.start(local(deployment.runner, port), deployment.runnerEnv))
    for (const port of ports) {
      // as those who ask do: until the answer is yes, though the first ones come too early
      while ((await run(checkOf(deployment), port).ended).code !== 0);
      for (const probe of deployment.probes) assert.strictEqual((await run(probe, port).ended).code, 0, probe.join(" "))
    }
    for (const { child } of runners) {
      for (const file of ["cmdline", "environ"]) {
        assert.notInclude(readFileSync(`/proc/${child.pid}/${file}`, "utf8"), machine.key)
      }
    }

    const driverEnv = Object.fromEntries(
      Object.entries(deployment.driverEnv).map(([name, value]) => [name, machine.here(value, deployment, 0)])
    )
    const where = isListed
      ? { RUNNERS: ports.map((port) => `127.0.0.1:${port}`).join(",") }
      : { RUNNERS_NAME: "localhost", RUNNERS_PORT: `${ports[0]}` }
    const driver = await machine.start(local(deployment.driver, 0), { ...driverEnv, ...where }).ended
    assert.include(driver, { code: 0 }, driver.output)
    assert.include(driver.output, "216816 primes below 3,000,000")

    // one that drains takes no workers, and is not to be restarted for that
    const [program = ""] = deployment.runner
    const ask = (command: string) =>
      run([program, command, "--address", "127.0.0.1:7433", "--secret-file", deployment.secretFile], ports[0]!).ended
    assert.include(await ask("drain"), { code: 0 })
    assert.include(await ask("check"), { code: 1 })
    assert.include(await ask("status"), { code: 0 })

    const told = performance.now()
    for (const { child } of runners) child.kill("SIGTERM")
    for (const { ended } of runners) {
      const { code, output } = await ended
      assert.strictEqual(code, 0, output)
      assert.notInclude(output, machine.key)
    }
    assert.isBelow(performance.now() - told, deployment.grace)
    assert.include(await ask("status"), { code: 1 })
  })
})
