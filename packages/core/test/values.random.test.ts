import * as WorkerRuntime from "../src/WorkerRuntime.ts"
import { fuzzRandomValues } from "./utils/randomValuesCase.ts"

fuzzRandomValues("fibers", WorkerRuntime.layerFibers())
