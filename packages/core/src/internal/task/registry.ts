/**
 * What `Portable.make` registered while modules loaded, by module URL and name. Kept on globalThis, so that two copies
 * of this package in one thread find each other's entries.
 */
const registryKey = Symbol.for("effect-mpire/registry")

const entries: Map<string, unknown> = ((globalThis as any)[registryKey] ??= new Map())

export const register = (url: string, name: string, value: unknown): void => {
  entries.set(`${url}#${name}`, value)
}

/** `undefined` when nothing was registered there. */
export const lookup = (url: string, name: string): unknown => entries.get(`${url}#${name}`)
