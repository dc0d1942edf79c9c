/**
 * What `Portable.make` registered while modules loaded, by module URL and name.
 */

/** Keeps a value on globalThis, so that two copies of this package in one thread share it. */
export const shared = <A>(name: string, make: () => A): A =>
  ((globalThis as any)[Symbol.for(`effect-mpire/${name}`)] ??= make())

const entries = shared("registry", () => new Map<string, unknown>())

export const register = (url: string, name: string, value: unknown): void => {
  entries.set(`${url}#${name}`, value)
}

/** Returns `undefined` when nothing was registered there. */
export const lookup = (url: string, name: string): unknown => entries.get(`${url}#${name}`)
