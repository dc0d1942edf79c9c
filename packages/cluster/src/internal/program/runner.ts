#!/usr/bin/env node
/**
 * What `effect-mpire-runner` runs.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Runtime from "effect/Runtime"
import { main } from "./commands.ts"

/** Ended as it was asked to is no failure: supervisors would say so of another code. */
const teardown: Runtime.Teardown = (exit, onExit) =>
  onExit(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)

NodeRuntime.runMain(Effect.provide(main, NodeServices.layer), { teardown })
