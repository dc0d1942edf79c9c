/**
 * What the files of `packages/examples/deploy` say, in one form for all of them: the commands that they start, and the numbers
 * and names that must agree with each other.
 */
import * as Duration from "effect/Duration"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parse, parseAllDocuments } from "yaml"

const folder = fileURLToPath(new URL("../../deploy/", import.meta.url))

export const read = (file: string): string => readFileSync(folder + file, "utf8")

/** All of the files. */
export const files: ReadonlyArray<string> = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
  statSync(folder + file).isFile()
)

/** The page about them. */
export const page = readFileSync(new URL("../../../../docs/guide/deployment.md", import.meta.url), "utf8")

export interface Deployment {
  readonly name: string
  /** Where the app is. */
  readonly root: string
  readonly runner: ReadonlyArray<string>
  readonly runnerEnv: Readonly<Record<string, string>>
  /** What tells whether the runner takes workers, and whether it answers. */
  readonly probes: ReadonlyArray<ReadonlyArray<string>>
  readonly driver: ReadonlyArray<string>
  readonly driverEnv: Readonly<Record<string, string>>
  /** The file with the key, as the runner finds it. */
  readonly secretFile: string
  /** How long after SIGTERM the runner is killed, in milliseconds. */
  readonly grace: number
}

/** The words of a line: split at blanks, but for those between quotes. */
const words = (line: string): ReadonlyArray<string> =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "")

/** The values of a unit by their names; the last one where there are several. */
export const unit: Readonly<Record<string, string>> = Object.fromEntries(
  [...read("systemd/effect-mpire-runner.service").matchAll(/^(\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [
    name,
    value
  ])
)

const environment = (line: string): Record<string, string> =>
  Object.fromEntries(words(line).map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]))

/** How the page has a driver started where there is only a list of machines. */
const byHand = /^ {4}((?:[A-Z_]+=\S+ )+)node src\/cluster\/driver\.ts$/m.exec(page)![1]!

const systemd: Deployment = {
  name: "systemd",
  root: unit["WorkingDirectory"]!,
  runner: words(unit["ExecStart"]!),
  runnerEnv: environment(unit["Environment"]!),
  probes: [],
  driver: ["node", `${unit["WorkingDirectory"]}/src/cluster/driver.ts`],
  driverEnv: environment(byHand),
  // systemd shows what it has loaded in a folder of the service's own
  secretFile: `\${CREDENTIALS_DIRECTORY}/${unit["LoadCredential"]!.split(":")[0]}`,
  grace: Number(unit["TimeoutStopSec"]) * 1000
}

export const dockerfile = read("docker/Dockerfile")

export const compose = parse(read("docker/compose.yaml"))

const millis = (text: string): number =>
  Duration.toMillis(Duration.fromInputUnsafe(text.replace(/s$/, " seconds") as "1 second"))

const docker: Deployment = {
  name: "docker compose",
  root: /^WORKDIR (.+)$/m.exec(dockerfile)![1]!,
  runner: JSON.parse(/^CMD (\[.+\])$/m.exec(dockerfile)![1]!),
  runnerEnv: environment(/^ENV (.+)$/m.exec(dockerfile)![1]!),
  probes: [compose.services.runner.healthcheck.test.slice(1)],
  driver: compose.services.driver.command,
  driverEnv: compose.services.driver.environment,
  secretFile: `/run/secrets/${compose.services.runner.secrets[0]}`,
  grace: millis(compose.services.runner.stop_grace_period)
}

/** The objects of the files for Kubernetes. */
export const objects: ReadonlyArray<any> = ["kubernetes/runners.yaml", "kubernetes/driver.yaml"].flatMap((file) =>
  parseAllDocuments(read(file)).map((document) => document.toJS())
)

export const ofKind = (kind: string): any => objects.find((object) => object.kind === kind)

const pod = ofKind("Deployment").spec.template.spec

const [runner] = pod.containers

const [driver] = ofKind("Job").spec.template.spec.containers

/** Where a container finds the key. */
export const secretFileOf = (container: any): string =>
  `${container.volumeMounts.find(({ name }: any) => name === "secret").mountPath}/secret`

const kubernetes: Deployment = {
  name: "kubernetes",
  root: docker.root,
  runner: [...runner.command, ...runner.args],
  runnerEnv: docker.runnerEnv,
  probes: [runner.readinessProbe.exec.command, runner.livenessProbe.exec.command],
  driver: driver.command,
  driverEnv: Object.fromEntries(driver.env.map(({ name, value }: any) => [name, value])),
  secretFile: secretFileOf(runner),
  grace: pod.terminationGracePeriodSeconds * 1000
}

export const deployments: ReadonlyArray<Deployment> = [systemd, docker, kubernetes]

/** The value of an option among the arguments of a command: `--name value` or `--name=value`. */
export const option = (command: ReadonlyArray<string>, name: string): string | undefined => {
  const words = command.flatMap((word) => /^(--[\w-]+)=(.*)$/.exec(word)?.slice(1) ?? [word])
  const at = words.indexOf(`--${name}`)
  return at < 0 ? undefined : words[at + 1]
}
