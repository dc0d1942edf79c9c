/**
 * What the thread is told that keeps this process's leases while its main thread is blocked.
 */
import type { Options as SecurityOptions } from "../../secret/security.ts"
import type { Versions } from "../../link/words.ts"
import type { Address } from "../../members/address.ts"

/** What it is started with. */
export interface StallSettings {
  readonly security: SecurityOptions
  readonly versions: Versions
  readonly driver: string
  readonly suspectAfter: number
  /** For how many milliseconds the main thread may be blocked. */
  readonly driverStall: number
  /** One number, which the main thread counts up as long as it is not blocked. */
  readonly ticks: Int32Array
}

/** The runners that have workers of this process, whenever they are others. */
export type Runners = ReadonlyArray<Address & { readonly lease: number }>
