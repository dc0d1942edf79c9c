/**
 * Items as people are shown them: by the `describe` of pool or call, or else in short, without running code of users' but
 * that which says what may be seen of something (O1). An item can be anything: what a getter would give is not asked for, what
 * goes in circles or on for ever is cut.
 */
import { redacted, redactedText } from "./redacted.ts"
import { guarded } from "./turn.ts"

/** The option: prints an item; `false` shows none. */
export type Describe = ((item: any) => string) | false

/** The most characters that an item is printed with, unless `describe` says otherwise. */
const longest = 120

/** What is left for saying how many more there are, in characters. */
const room = 24

/** The most members of an object that are looked at, and the most levels of objects in objects. */
const most = { members: 32, levels: 4 }

/** What an item is shown as; `undefined` when it is not to be shown, or `describe` throws or returns no text. */
export const described = (item: unknown, describe: Describe | undefined): string | undefined => {
  if (describe === false) return undefined
  const text: unknown = guarded(
    () => (describe === undefined ? printed(item) : describe(item)),
    // what `describe` would have hidden must not be shown because it has failed
    () => {}
  )
  return typeof text === "string" ? text : undefined
}

/** An item in short. A Proxy may throw when it is looked at: then this does. */
export const printed = (item: unknown): string => {
  const text = new Printer().value(item, 0)
  return text.length > longest ? `${cut(text, longest - 1)}…` : text
}

/** The first characters of a text, without half of one that takes two units. */
const cut = (text: string, length: number): string => {
  const last = text.charCodeAt(length - 1)
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? length - 1 : length)
}

class Printer {
  /** How many characters there are so far, about; nobody sees more than the first ones. */
  private length = 0
  /** The objects that it is in. */
  private readonly around: Array<object> = []

  value(value: unknown, level: number): string {
    switch (typeof value) {
      case "string":
        return this.add(quoted(value))
      case "bigint":
        // a number of millions of digits would take minutes
        return this.add(value > -limit && value < limit ? `${value}n` : "[BigInt]")
      case "symbol":
        return this.add(quotedOut(value.toString()))
      case "function":
        return this.add(named("Function", nameOf(value)))
      case "object":
        return value === null ? this.add("null") : this.object(value, level)
      default:
        return this.add(Object.is(value, -0) ? "-0" : String(value))
    }
  }

  private add(text: string): string {
    this.length += text.length
    return text
  }

  private object(object: object, level: number): string {
    if (redactedText(object) !== undefined) return this.add("<redacted>")
    if (this.around.includes(object)) return this.add("[Circular]")
    const shown = redacted(object)
    if (shown !== object) return this.instead(object, shown, level)
    const short = shortly(object)
    if (short !== undefined) return this.add(short)
    const name = nameOfClass(object)
    if (level >= most.levels) return this.add(named(Array.isArray(object) ? "Array" : "Object", name))
    this.around.push(object)
    const text = this.members(object, name, level + 1)
    this.around.pop()
    return text
  }

  /** What says what may be seen of it is printed as that. */
  private instead(object: object, shown: unknown, level: number): string {
    this.around.push(object)
    const text = this.value(shown, level + 1)
    this.around.pop()
    return text
  }

  private members(object: object, name: string | undefined, level: number): string {
    if (Array.isArray(object)) return this.list("[", "]", object.length, (n) => this.property(object, String(n), level))
    if (object instanceof Map) {
      const entries = first<[unknown, unknown]>(Map.prototype.entries.call(object))
      return this.list(`Map(${sizeOf(object)}) {`, "}", sizeOf(object), (n) => {
        const [key, value] = entries[n]!
        return `${this.value(key, level)} => ${this.value(value, level)}`
      })
    }
    if (object instanceof Set) {
      const values = first<unknown>(Set.prototype.values.call(object))
      return this.list(`Set(${sizeOf(object)}) {`, "}", sizeOf(object), (n) => this.value(values[n], level))
    }
    const keys = Object.keys(object)
    return this.list(`${name === undefined ? "" : `${name} `}{`, "}", keys.length, (n) => {
      const key = keys[n]!
      const shown = /^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key)
      return `${this.add(shown)}: ${this.property(object, key, level)}`
    })
  }

  private list(open: string, close: string, length: number, member: (n: number) => string): string {
    const parts: Array<string> = []
    for (let n = 0; n < length; n++) {
      if (n >= most.members || this.length > longest - room) {
        parts.push(`… ${length - n} more`)
        break
      }
      parts.push(member(n))
      this.add(", ")
    }
    const padding = open === "[" || parts.length === 0 ? "" : " "
    return `${open}${padding}${parts.join(", ")}${padding}${close}`
  }

  private property(object: object, key: string, level: number): string {
    const property = Object.getOwnPropertyDescriptor(object, key)
    if (property === undefined) return this.add("")
    return "value" in property ? this.value(property.value, level) : this.add("[Getter]")
  }
}

const limit = 10n ** 100n

// the language's own, which an object may have replaced by getters of users'
const sizeOf = (of: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>): number =>
  Reflect.get(of instanceof Map ? Map.prototype : Set.prototype, "size", of)
const lengthOf = (view: ArrayBufferView): number =>
  view instanceof DataView
    ? Reflect.get(DataView.prototype, "byteLength", view)
    : Reflect.get(Object.getPrototypeOf(Uint8Array.prototype) as object, "length", view)

const first = <A>(values: Iterator<A>): Array<A> => {
  const found: Array<A> = []
  for (let next = values.next(); next.done !== true && found.length < most.members; next = values.next())
    found.push(next.value)
  return found
}

/** Characters that would move a terminal's cursor, or turn what follows round. */
const unprintable = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu

const quotedOut = (text: string): string =>
  text.replaceAll(unprintable, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)

const quoted = (text: string): string => quotedOut(JSON.stringify(cut(text, longest)))

const named = (kind: string, name: string | undefined): string =>
  name === undefined || name === kind ? `[${kind}]` : `[${kind}: ${name}]`

/** A property's value, unless a getter would have to be called for it. */
const valueOf = (object: object, key: string): unknown => Object.getOwnPropertyDescriptor(object, key)?.value

const nameOf = (code: object): string | undefined => {
  const name = valueOf(code, "name")
  return typeof name === "string" && name !== "" ? quotedOut(cut(name, longest)) : undefined
}

/** The name of an object's class; undefined for one that has none but the language's. */
const nameOfClass = (object: object): string | undefined => {
  const prototype = Object.getPrototypeOf(object) as object | null
  if (prototype === null || prototype === Object.prototype || prototype === Array.prototype) return undefined
  const made = valueOf(prototype, "constructor")
  return typeof made === "function" ? nameOf(made) : undefined
}

/** The name that an error has of its own: one that has crossed keeps it, and loses its class. */
const ownNameOf = (error: object): string | undefined => {
  const name = [valueOf(error, "_tag"), valueOf(error, "name")].find((name) => typeof name === "string" && name !== "")
  return typeof name === "string" ? quotedOut(cut(name, longest)) : undefined
}

/** Objects of the language's that have a short text of their own. */
const shortly = (object: object): string | undefined => {
  if (object instanceof Date) {
    const time = Date.prototype.getTime.call(object)
    return Number.isNaN(time) ? "Invalid Date" : new Date(time).toISOString()
  }
  if (object instanceof RegExp) return quotedOut(`/${cut(Reflect.get(RegExp.prototype, "source", object), longest)}/`)
  if (object instanceof Error) {
    const message = valueOf(object, "message")
    return named(
      ownNameOf(object) ?? nameOfClass(object) ?? "Error",
      typeof message === "string" ? quotedOut(cut(message, longest)) : undefined
    )
  }
  if (ArrayBuffer.isView(object)) {
    return `${nameOfClass(object) ?? "Array"}(${lengthOf(object)})`
  }
  return undefined
}
