import * as WorkerRuntime from "../src/WorkerRuntime.ts"
import { replayLifecycles } from "./utils/lifecycles.ts"

replayLifecycles("layerFibers", WorkerRuntime.layerFibers())
