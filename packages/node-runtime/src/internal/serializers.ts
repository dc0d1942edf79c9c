/**
 * Finds out what an IPC channel's serializer cannot carry.
 */
import { DefaultSerializer } from "node:v8"

/** Returns a check, which throws for a value what sending it would throw. */
export const checkFor = (serialization: "advanced" | "json"): ((value: unknown) => void) =>
  serialization === "json" ? checkJson : checkAdvanced

const checkJson = (value: unknown): void => void JSON.stringify(value)

const checkAdvanced = (value: unknown): void => void new Checker().writeValue(value)

/** Does as the serializer of Node's IPC channels: of a platform's own object it writes the enumerable properties. */
class Checker extends DefaultSerializer {
  _writeHostObject(object: object): void {
    if (ArrayBuffer.isView(object))
      return (DefaultSerializer.prototype as unknown as Checker)._writeHostObject.call(this, object)
    this.writeValue({ ...object })
  }
}
