/** The files of `packages/examples/deploy`, by the rules of those that read them, and against each other. */
import { assert, describe, it } from "@effect/vitest"
import { DCLinter } from "dclint"
import { validate } from "dockerfile-utils"
import * as Duration from "effect/Duration"
import { Deployment } from "kubernetes-models/apps/v1/Deployment"
import { Job } from "kubernetes-models/batch/v1/Job"
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy"
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget"
import { Service } from "kubernetes-models/v1/Service"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import {
  compose,
  deployments,
  dockerfile,
  files,
  objects,
  ofKind,
  option,
  page,
  read,
  secretFileOf,
  unit
} from "./utils/deployments.ts"

const workspace = fileURLToPath(new URL("../../../", import.meta.url))

/** The port of all of them. */
const port = 7433

/** Where runners on Kubernetes serve their metrics. */
const metricsPort = 9464

/** Runs something with a folder that is gone afterwards. */
const withFolder = <A>(parent: string, run: (folder: string) => A): A => {
  mkdirSync(parent, { recursive: true })
  const made = mkdtempSync(join(parent, "deploy-"))
  try {
    return run(made)
  } finally {
    rmSync(made, { recursive: true })
  }
}

describe.each(deployments)("$name", ({ driver, driverEnv, grace, probes, root, runner, runnerEnv, secretFile }) => {
  it("K8 drains for less time than it is given before it is killed", () => {
    const drainTimeout = Duration.toMillis(Duration.fromInputUnsafe(option(runner, "drain-timeout") as "1 second"))
    assert.isAbove(drainTimeout, 0)
    assert.isAtMost(drainTimeout + 10_000, grace)
  })

  it("runs the program, where the app is, and its own tasks", () => {
    for (const command of [runner, ...probes]) {
      assert.strictEqual(command[0], `${root}/node_modules/.bin/effect-mpire-runner`)
    }
    assert.deepStrictEqual(driver, ["node", `${root}/src/cluster/driver.ts`])
  })

  it("names one port", () => {
    assert.strictEqual(option(runner, "listen"), `0.0.0.0:${port}`)
    for (const probe of probes) assert.strictEqual(option(probe, "address"), `127.0.0.1:${port}`)
    const { RUNNERS, RUNNERS_PORT } = driverEnv
    for (const address of RUNNERS?.split(",") ?? [`name:${RUNNERS_PORT}`]) assert.match(address, /:7433$/)
  })

  it("K11 has the key in a file, and neither in an argument nor in the environment", () => {
    for (const command of [runner, ...probes]) assert.strictEqual(option(command, "secret-file"), secretFile)
    for (const env of [runnerEnv, driverEnv]) assert.notProperty(env, "EFFECT_MPIRE_SECRET")
    for (const word of [...runner, ...probes.flat(), ...driver, ...Object.values(driverEnv)]) {
      // what decodes to 32 bytes, and is no path
      if (!word.includes("/run/") && !word.includes(root)) assert.notMatch(word, /[0-9a-f]{64}|[\w+/-]{43}/i)
    }
  })

  it("K12 deploys the same to runners and drivers", () => {
    const deployed = option(runner, "deployment")
    assert.isDefined(deployed)
    assert.isDefined(driverEnv["DEPLOYMENT"])
    assert.strictEqual(deployed, driverEnv["DEPLOYMENT"])
  })
})

describe("the systemd unit", () => {
  /** What systemd says of a unit; the app is where the examples are, because it looks for the program. */
  const verify = (text: string) =>
    withFolder(tmpdir(), (folder) => {
      const file = join(folder, "effect-mpire-runner.service")
      writeFileSync(file, text.replaceAll("/opt/app", fileURLToPath(new URL("../", import.meta.url)).slice(0, -1)))
      const { status, stderr } = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" })
      return { status, stderr }
    })

  const isThere = spawnSync("systemd-analyze", ["--version"]).status === 0

  it.skipIf(!isThere)("is one for systemd-analyze (skipped where that is not installed)", () => {
    const text = read("systemd/effect-mpire-runner.service")
    assert.deepStrictEqual(verify(text), { status: 0, stderr: "" })
    assert.include(verify(text.replace("KillMode=", "KillMood=")).stderr, "KillMood")
    assert.notStrictEqual(verify(text.replace("/effect-mpire-runner --", "/no-such-program --")).status, 0)
  })

  it("K8 gives SIGTERM to the runner alone, and starts it again when it fails", () => {
    assert.include(unit, { KillSignal: "SIGTERM", KillMode: "mixed", Restart: "on-failure", DynamicUser: "yes" })
    assert.match(unit["LoadCredential"]!, /^secret:\//)
  })
})

describe("the files for docker", () => {
  /** What is wrong with a compose file by the schema of the specification; not how one may like to order it. */
  const problems = (text: string) =>
    withFolder(tmpdir(), (folder) => {
      const file = join(folder, "compose.yaml")
      writeFileSync(file, text)
      const rules = {
        "no-build-and-image": 0,
        "service-image-require-explicit-tag": 0,
        "service-keys-order": 0,
        "services-alphabetical-order": 0,
        "top-level-properties-order": 0
      } as const
      const linter = new DCLinter({ rules, quiet: true, debug: false, exclude: [] })
      // dclint's types cannot be resolved in an ES module
      const results: ReadonlyArray<{ readonly messages: ReadonlyArray<{ readonly rule: string }> }> = linter.lintFiles(
        [file],
        false
      )
      return results.flatMap(({ messages }) => messages.map(({ rule }) => rule))
    })

  it("the compose file is one by the specification's schema", () => {
    const text = read("docker/compose.yaml")
    assert.deepStrictEqual(problems(text), [])
    assert.deepStrictEqual(problems(text.replace("stop_grace_period", "stop_grace")), ["invalid-schema"])
  })

  it("the Dockerfile has nothing wrong", () => {
    assert.deepStrictEqual(validate(dockerfile), [])
    assert.isAbove(validate(dockerfile.replace("WORKDIR", "WORKDIRECTORY")).length, 0)
  })

  it("K8 process 1 is the runner, and no shell, and not root's", () => {
    assert.match(dockerfile, /^CMD \["/m)
    assert.notMatch(dockerfile, /^ENTRYPOINT/m)
    assert.match(dockerfile, /^USER node$/m)
    assert.include(dockerfile, `EXPOSE ${port}`)
  })

  it("K11 publishes no port", () => {
    const { driver, runner } = compose.services
    for (const service of [driver, runner]) assert.notProperty(service, "ports")
    assert.isTrue(compose.networks.cluster.internal)
  })

  it("the driver waits for two runners, which it finds by the name of their service, and has their key and image", () => {
    const { driver, runner } = compose.services
    assert.strictEqual(runner.deploy.replicas, 2)
    assert.strictEqual(driver.environment.RUNNERS_NAME, "runner")
    assert.deepStrictEqual(driver.depends_on, { runner: { condition: "service_healthy" } })
    assert.deepStrictEqual(Object.keys(compose.secrets), driver.secrets)
    assert.strictEqual(driver.environment.SECRET_FILE, `/run/secrets/${driver.secrets[0]}`)
    assert.strictEqual(driver.image, runner.image)
  })
})

describe("the files for Kubernetes", () => {
  const models = { Deployment, Job, NetworkPolicy, PodDisruptionBudget, Service }

  const groups = {
    Deployment: "apps/v1",
    Job: "batch/v1",
    NetworkPolicy: "networking.k8s.io/v1",
    PodDisruptionBudget: "policy/v1",
    Service: "v1"
  }

  const kinds = Object.keys(models) as ReadonlyArray<keyof typeof models>

  it.each(kinds)("the %s is one by Kubernetes' schema", (kind) => {
    new models[kind](ofKind(kind)).validate()
    const wrong = structuredClone(ofKind(kind))
    wrong.spec = "none"
    assert.throws(() => new models[kind](wrong).validate(), /spec/)
  })

  /** What the compiler says of the objects by the types of their kinds: schemas do not mind fields that do not exist. */
  const compile = (objects: ReadonlyArray<any>) =>
    withFolder(join(workspace, "node_modules/.cache"), (folder) => {
      const file = join(folder, "objects.ts")
      const lines = objects.map(
        (object, n) =>
          `import type { I${object.kind} as I${n} } from "kubernetes-models/${groups[object.kind as "Job"]}/${object.kind}"\n` +
          `export const object${n}: I${n} = ${JSON.stringify(object)}\n`
      )
      writeFileSync(file, lines.join(""))
      const options = ["--noEmit", "--strict", "--module", "NodeNext", "--target", "ES2024", "--ignoreConfig"]
      const tsc = join(workspace, "node_modules/.bin/tsc")
      return spawnSync(tsc, [...options, "--types", "", "--skipLibCheck", file], { encoding: "utf8" }).stdout
    })

  it("have no fields but those that there are", () => {
    assert.sameMembers(
      objects.map(({ kind }) => kind),
      [...kinds]
    )
    assert.strictEqual(compile(objects), "")
    const wrong = structuredClone(ofKind("Deployment"))
    wrong.spec.template.spec.terminationGracePeriod = 45
    assert.include(compile([wrong]), "terminationGracePeriod")
  })

  it("select each other by labels that they have", () => {
    const { spec } = ofKind("Deployment")
    const { labels } = spec.template.metadata
    assert.deepStrictEqual(spec.selector.matchLabels, labels)
    assert.deepStrictEqual(ofKind("Service").spec.selector, labels)
    assert.deepStrictEqual(ofKind("PodDisruptionBudget").spec.selector.matchLabels, labels)
    const policy = ofKind("NetworkPolicy").spec
    assert.deepStrictEqual(policy.podSelector.matchLabels, labels)
    const [{ from, ports }, forMetrics] = policy.ingress
    assert.deepStrictEqual(
      from.map(({ podSelector }: any) => podSelector.matchLabels),
      [ofKind("Job").spec.template.metadata.labels]
    )
    assert.deepStrictEqual(ports, [{ protocol: "TCP", port }])
    assert.deepStrictEqual(forMetrics.ports, [{ protocol: "TCP", port: metricsPort }])
  })

  it("O5 serves metrics at the port that it says, to a namespace and not to drivers", () => {
    const { metadata, spec } = ofKind("Deployment").spec.template
    const [{ args, ports }] = spec.containers
    assert.strictEqual(option(args, "metrics"), `0.0.0.0:${metricsPort}`)
    assert.deepInclude(ports, { name: "metrics", containerPort: metricsPort })
    assert.strictEqual(metadata.annotations["prometheus.io/port"], String(metricsPort))
    const [, { from }] = ofKind("NetworkPolicy").spec.ingress
    for (const source of from) assert.deepStrictEqual(Object.keys(source), ["namespaceSelector"])
  })

  it("the driver finds the runners' own addresses by the name of a headless service, and has their image and key", () => {
    const service = ofKind("Service")
    const [runner] = ofKind("Deployment").spec.template.spec.containers
    const [driver] = ofKind("Job").spec.template.spec.containers
    assert.strictEqual(service.spec.clusterIP, "None")
    assert.deepInclude(driver.env, { name: "RUNNERS_NAME", value: service.metadata.name })
    assert.deepInclude(driver.env, { name: "SECRET_FILE", value: secretFileOf(driver) })
    assert.strictEqual(driver.image, runner.image)
    assert.strictEqual(runner.ports[0].containerPort, port)
    assert.strictEqual(service.spec.ports[0].port, port)
  })

  it("K8 a runner that drains is not ready, and not restarted", () => {
    const [{ livenessProbe, readinessProbe }] = ofKind("Deployment").spec.template.spec.containers
    assert.strictEqual(readinessProbe.exec.command[1], "check")
    assert.strictEqual(livenessProbe.exec.command[1], "status")
  })

  it("K11 mounts the key from a secret that stands in no file", () => {
    assert.notInclude(
      objects.map(({ kind }) => kind),
      "Secret"
    )
    for (const text of [read("kubernetes/runners.yaml"), page]) {
      assert.match(text, /openssl rand -base64 32 \| kubectl create secret generic effect-mpire --from-file=secret=/)
    }
    // it would stand in the list of processes
    for (const text of [...files.map(read), page]) assert.notInclude(text, "--from-literal")
    for (const kind of ["Deployment", "Job"]) {
      const { secret } = ofKind(kind).spec.template.spec.volumes.find(({ name }: any) => name === "secret")
      assert.strictEqual(secret.secretName, "effect-mpire")
    }
  })
})
