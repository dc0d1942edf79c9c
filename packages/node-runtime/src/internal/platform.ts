/**
 * Which platform this is, of those that offer Node's modules.
 */

export const isBun = process.versions["bun"] !== undefined

export const isDeno = process.versions["deno"] !== undefined
