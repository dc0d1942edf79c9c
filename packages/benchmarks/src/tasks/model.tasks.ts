/** MPIRE's third benchmark: a model that takes long to make, and predictions that do not. */
import type { WorkerContext } from "@effect-mpire/core/WorkerContext"
import { makeRandom } from "../random.ts"

const inputs = 32
const hidden = 32
const trainingSteps = 70_000
const testSamples = 3000

/** A dense network of one hidden layer that tells whether a vector's first half sums to more than its second. */
export interface Model {
  readonly first: Float64Array
  readonly second: Float64Array
  readonly activations: Float64Array
  readonly test: Float64Array
}

const forward = ({ activations, first, second }: Model, data: Float64Array, at: number): number => {
  let output = 0
  for (let unit = 0; unit < hidden; unit++) {
    let sum = 0
    for (let i = 0; i < inputs; i++) sum += first[unit * inputs + i]! * data[at + i]!
    const activation = sum > 0 ? sum : 0
    activations[unit] = activation
    output += second[unit]! * activation
  }
  return 1 / (1 + Math.exp(-output))
}

const learn = (model: Model, data: Float64Array, label: number): void => {
  const rate = 0.01
  const error = forward(model, data, 0) - label
  const { activations, first, second } = model
  for (let unit = 0; unit < hidden; unit++) {
    if (activations[unit] === 0) continue
    const step = rate * error * second[unit]!
    second[unit]! -= rate * error * activations[unit]!
    for (let i = 0; i < inputs; i++) first[unit * inputs + i]! -= step * data[i]!
  }
}

/** Makes the model by training it: the same in every worker, and some hundred milliseconds of computing. */
export const trainModel = (): Model => {
  const random = makeRandom(7)
  const filled = (length: number): Float64Array => Float64Array.from({ length }, () => random() - 0.5)
  const model = {
    first: filled(inputs * hidden),
    second: filled(hidden),
    activations: new Float64Array(hidden),
    test: filled(testSamples * inputs)
  }
  const data = new Float64Array(inputs)
  for (let step = 0; step < trainingSteps; step++) {
    let balance = 0
    for (let i = 0; i < inputs; i++) {
      data[i] = random() - 0.5
      balance += i < inputs / 2 ? data[i]! : -data[i]!
    }
    learn(model, data, balance > 0 ? 1 : 0)
  }
  return model
}

/** Sums up the predictions for all test samples. */
export const predictWith = (model: Model, index: number): number => {
  let sum = index
  for (let sample = 0; sample < testSamples; sample++) sum += forward(model, model.test, sample * inputs)
  return sum
}

/** The task of a pool whose workers are initialised with the model… */
export const predict = (index: number, worker: WorkerContext<Model>): number => predictWith(worker.state, index)

let kept: Model | undefined

/** …and the task of one without init hooks: the model is made when it is first needed. */
export const predictLazily = (index: number): number => predictWith((kept ??= trainModel()), index)
