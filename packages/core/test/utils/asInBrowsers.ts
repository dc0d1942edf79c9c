/**
 * Browsers refuse a platform's function that is called as a method of something else ("Illegal invocation"); Node calls it.
 * With this as a setup file, each test of core fails where a page would.
 */
const strict = Symbol.for("effect-mpire/test/asInBrowsers")

const names = [
  "atob",
  "btoa",
  "clearInterval",
  "clearTimeout",
  "fetch",
  "queueMicrotask",
  "reportError",
  "setInterval",
  "setTimeout",
  "structuredClone"
]

const isOfPlatform = (self: unknown): boolean => self === undefined || self === globalThis

const refusing = (original: Function): Function => {
  const called = function (this: unknown, ...args: ReadonlyArray<unknown>): unknown {
    if (!isOfPlatform(this)) throw new TypeError("Illegal invocation")
    return Reflect.apply(original, globalThis, args)
  }
  // what Node adds to it, as its `promisify`, stays
  Object.defineProperties(called, Object.getOwnPropertyDescriptors(original))
  return Object.assign(called, { [strict]: true })
}

for (const name of names) {
  const original: unknown = Reflect.get(globalThis, name)
  // the files of a project may share one realm
  if (typeof original !== "function" || Reflect.has(original, strict)) continue
  Object.defineProperty(globalThis, name, { value: refusing(original), configurable: true, writable: true })
}
